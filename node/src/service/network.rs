//! The network: peers, synchronisation, and what goes over it.

use super::{
    finality::{self, Gossip},
    FullBackend, FullClient, FullPool,
};
use kagari_runtime::opaque::Block;
use sc_client_api::{Backend, HeaderBackend};
use sc_consensus::DefaultImportQueue;
use sc_consensus_grandpa::{warp_proof::NetworkProvider, SharedAuthoritySet};
use sc_network::{
    config::FullNetworkConfiguration, service::traits::NetworkService, NetworkBackend,
};
use sc_network_sync::SyncingService;
use sc_network_transactions::TransactionsHandlerController;
use sc_offchain::{OffchainWorkerOptions, OffchainWorkers};
use sc_service::{BuildNetworkParams, Configuration, Error, TaskManager, WarpSyncConfig};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sc_utils::mpsc::TracingUnboundedSender;
use sp_core::H256;
use sp_keystore::KeystorePtr;
use std::sync::Arc;

/// The network, as the rest of the node sees it.
pub struct Network {
    /// Peers.
    pub service: Arc<dyn NetworkService>,
    /// Questions of the RPC.
    pub system_rpc: TracingUnboundedSender<sc_rpc::system::Request<Block>>,
    /// Transactions that go out.
    pub transactions: TransactionsHandlerController<H256>,
    /// Synchronisation.
    pub sync: Arc<SyncingService<Block>>,
    /// GRANDPA's protocol.
    pub gossip: Gossip,
}

/// What the network needs.
pub struct Needs<'a> {
    /// The node's configuration.
    pub config: &'a Configuration,
    /// Runs tasks.
    pub tasks: &'a TaskManager,
    /// The chain.
    pub client: Arc<FullClient>,
    /// The database under it.
    pub backend: Arc<FullBackend>,
    /// The transaction pool.
    pub pool: Arc<FullPool>,
    /// Where blocks of others go.
    pub import_queue: DefaultImportQueue<Block>,
    /// Who finalises, for proofs to nodes that warp to the head of the chain.
    pub authority_set: SharedAuthoritySet<H256, u32>,
}

/// Starts the network on the backend `N`.
pub fn start<N: NetworkBackend<Block, H256>>(needs: Needs<'_>) -> Result<Network, Error> {
    let Needs {
        config,
        tasks,
        client,
        backend,
        pool,
        import_queue,
        authority_set,
    } = needs;
    let registry = config.prometheus_registry();
    let metrics = N::register_notification_metrics(registry);
    let mut net_config =
        FullNetworkConfiguration::<_, _, N>::new(&config.network, registry.cloned());
    let genesis = client.info().genesis_hash;
    let gossip = finality::add_protocol(&mut net_config, genesis, config, metrics.clone());
    let warp_sync = NetworkProvider::new(backend, authority_set, Vec::new());
    let (service, system_rpc, transactions, sync, _bitswap) =
        sc_service::build_network(BuildNetworkParams {
            config,
            net_config,
            client,
            transaction_pool: pool,
            spawn_handle: tasks.spawn_handle(),
            spawn_essential_handle: tasks.spawn_essential_handle(),
            import_queue,
            block_announce_validator_builder: None,
            warp_sync_config: Some(WarpSyncConfig::WithProvider(Arc::new(warp_sync))),
            block_relay: None,
            metrics,
            gap_sync_body_policy: None,
        })?;
    Ok(Network {
        service,
        system_rpc,
        transactions,
        sync,
        gossip,
    })
}

/// Runs the runtime's own off-chain hooks, where `--offchain-worker` has them run. Kagari's worker is
/// none of them.
pub fn spawn_hooks(
    config: &Configuration,
    tasks: &TaskManager,
    client: &Arc<FullClient>,
    backend: &Arc<FullBackend>,
    pool: &Arc<FullPool>,
    keystore: &KeystorePtr,
    network: &Network,
) -> Result<(), Error> {
    if !config.offchain_worker.enabled {
        return Ok(());
    }
    let hooks = OffchainWorkers::new(OffchainWorkerOptions {
        runtime_api_provider: client.clone(),
        keystore: Some(keystore.clone()),
        offchain_db: backend.offchain_storage(),
        transaction_pool: Some(OffchainTransactionPoolFactory::new(pool.clone())),
        network_provider: Arc::new(network.service.clone()),
        is_validator: config.role.is_authority(),
        enable_http_requests: false,
        custom_extensions: |_| Vec::new(),
    })?;
    let run = hooks.run(client.clone(), tasks.spawn_handle());
    tasks
        .spawn_handle()
        .spawn("offchain-workers-runner", Some("offchain-worker"), run);
    Ok(())
}
