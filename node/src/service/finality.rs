//! Finality: GRANDPA.

use super::{FullPool, GrandpaLink};
use kagari_runtime::opaque::Block;
use sc_consensus_grandpa::{Config, GrandpaParams, SharedVoterState, VotingRulesBuilder};
use sc_network::{
    config::{FullNetworkConfiguration, NotificationService, ProtocolName},
    service::{traits::NetworkService, NotificationMetrics},
    NetworkBackend,
};
use sc_network_sync::SyncingService;
use sc_service::{Configuration, Role, TaskManager};
use sc_telemetry::TelemetryHandle;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_core::H256;
use sp_keystore::KeystorePtr;
use std::{sync::Arc, time::Duration};
use substrate_prometheus_endpoint::Registry;

/// Most blocks between two justifications that are kept.
pub const JUSTIFICATION_PERIOD: u32 = 512;
/// How long a vote takes to reach the whole network.
const GOSSIP_DURATION: Duration = Duration::from_millis(333);

/// GRANDPA's protocol on the network.
pub struct Gossip {
    /// Its name.
    pub protocol: ProtocolName,
    /// Its messages.
    pub notifications: Box<dyn NotificationService>,
}

/// Adds GRANDPA's protocol to the network's.
pub fn add_protocol<N: NetworkBackend<Block, H256>>(
    network: &mut FullNetworkConfiguration<Block, H256, N>,
    genesis: H256,
    config: &Configuration,
    metrics: NotificationMetrics,
) -> Gossip {
    let protocol = sc_consensus_grandpa::protocol_standard_name(&genesis, &config.chain_spec);
    let (set, notifications) = sc_consensus_grandpa::grandpa_peers_set_config::<_, N>(
        protocol.clone(),
        metrics,
        network.peer_store_handle(),
    );
    network.add_notification_protocol(set);
    Gossip {
        protocol,
        notifications,
    }
}

/// What a voter needs.
pub struct Voter {
    /// What blocks' import tells GRANDPA.
    pub link: GrandpaLink,
    /// Its protocol.
    pub gossip: Gossip,
    /// The network.
    pub network: Arc<dyn NetworkService>,
    /// Says whether the node is at the head of the chain.
    pub sync: Arc<SyncingService<Block>>,
    /// Where the session keys are; `None` on a node that does not vote.
    pub keystore: Option<KeystorePtr>,
    /// What the node is.
    pub role: Role,
    /// Its name.
    pub name: String,
    /// What the RPC shows of the votes.
    pub state: SharedVoterState,
    /// Where reports of equivocations go.
    pub pool: Arc<FullPool>,
    /// Where figures go.
    pub registry: Option<Registry>,
    /// Where reports go.
    pub telemetry: Option<TelemetryHandle>,
}

/// Starts the voter. A node whose voter ended would follow no finality, so its end ends the node.
pub fn start(tasks: &TaskManager, voter: Voter) -> Result<(), sc_service::Error> {
    let config = Config {
        gossip_duration: GOSSIP_DURATION,
        justification_generation_period: JUSTIFICATION_PERIOD,
        observer_enabled: false,
        local_role: voter.role,
        name: Some(voter.name),
        keystore: voter.keystore,
        telemetry: voter.telemetry.clone(),
        protocol_name: voter.gossip.protocol,
    };
    let task = sc_consensus_grandpa::run_grandpa_voter(GrandpaParams {
        config,
        link: voter.link,
        network: voter.network,
        sync: voter.sync,
        notification_service: voter.gossip.notifications,
        voting_rule: VotingRulesBuilder::default().build(),
        prometheus_registry: voter.registry,
        shared_voter_state: voter.state,
        telemetry: voter.telemetry,
        offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(voter.pool),
    })?;
    tasks
        .spawn_essential_handle()
        .spawn_blocking("grandpa-voter", Some("finality"), task);
    Ok(())
}
