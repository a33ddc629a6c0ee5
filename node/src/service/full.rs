//! The whole node.

use super::{
    authoring::{self, Authoring},
    compute::{self, Compute, WorkerNeeds},
    finality::{self, Voter},
    network::{self, Needs},
    partial::{new_partial, Partial},
};
use crate::{
    cli::ComputeParams,
    job_index::JobIndex,
    rpc::{BabeDeps, ComputeDeps, FullDeps, GrandpaDeps},
};
use kagari_runtime::opaque::Block;
use sc_consensus_grandpa::{FinalityProofProvider, SharedVoterState};
use sc_network::{
    config::NetworkBackendType, Litep2pNetworkBackend, NetworkBackend, NetworkWorker,
};
use sc_service::{Configuration, Error, SpawnTasksParams, TaskManager};
use sp_core::H256;
use std::sync::Arc;

/// Starts a node.
pub fn new_full(config: Configuration, params: ComputeParams) -> Result<TaskManager, Error> {
    match config.network.network_backend {
        NetworkBackendType::Litep2p => start::<Litep2pNetworkBackend>(config, params),
        NetworkBackendType::Libp2p => start::<NetworkWorker<Block, H256>>(config, params),
    }
}

// The one place where all parts meet: a list of steps, long because the parts are many.
fn start<N: NetworkBackend<Block, H256>>(
    config: Configuration,
    params: ComputeParams,
) -> Result<TaskManager, Error> {
    let Partial {
        client,
        backend,
        mut task_manager,
        keystore,
        select_chain,
        import_queue,
        pool,
        block_import,
        babe_link,
        babe_worker,
        grandpa_link,
        mut telemetry,
    } = new_partial(&config)?;
    let keystore = keystore.keystore();
    let registry = config.prometheus_registry().cloned();
    let authority_set = grandpa_link.shared_authority_set().clone();

    let network = network::start::<N>(Needs {
        config: &config,
        tasks: &task_manager,
        client: client.clone(),
        backend: backend.clone(),
        pool: pool.clone(),
        import_queue,
        authority_set: authority_set.clone(),
    })?;
    network::spawn_hooks(
        &config,
        &task_manager,
        &client,
        &backend,
        &pool,
        &keystore,
        &network,
    )?;

    let jobs = Arc::new(JobIndex::new(client.clone()));
    compute::spawn_job_index(&task_manager, &jobs);
    let compute = Compute::start(&params, &config);

    let voter_state = SharedVoterState::empty();
    let deps = FullDeps {
        client: client.clone(),
        pool: pool.clone(),
        keystore: keystore.clone(),
        babe: BabeDeps {
            worker: babe_worker,
            select_chain: select_chain.clone(),
        },
        grandpa: GrandpaDeps {
            voter_state: voter_state.clone(),
            authority_set: authority_set.clone(),
            justification_stream: grandpa_link.justification_stream(),
            finality_provider: FinalityProofProvider::new_for_service(
                backend.clone(),
                Some(authority_set),
            ),
        },
        compute: ComputeDeps {
            jobs,
            inference: compute.inference(),
        },
    };

    let role = config.role;
    let name = config.network.node_name.clone();
    let force_authoring = config.force_authoring;
    let finalises = !config.disable_grandpa;
    let journal_dir = config.data_path.join("worker");
    sc_service::spawn_tasks(SpawnTasksParams {
        config,
        client: client.clone(),
        backend,
        task_manager: &mut task_manager,
        keystore: keystore.clone(),
        transaction_pool: pool.clone(),
        rpc_builder: Box::new(move |executor| {
            crate::rpc::create_full(&deps, executor).map_err(|e| Error::Application(e.into()))
        }),
        network: network.service.clone(),
        system_rpc_tx: network.system_rpc,
        tx_handler_controller: network.transactions,
        sync_service: network.sync.clone(),
        telemetry: telemetry.as_mut(),
        tracing_execute_block: None,
    })?;
    let needs = WorkerNeeds {
        client: client.clone(),
        pool: pool.clone(),
        keystore: keystore.clone(),
        journal_dir,
        registry: registry.clone(),
    };
    compute.start_worker(&mut task_manager, needs)?;

    let telemetry = telemetry.as_ref().map(|telemetry| telemetry.handle());
    if role.is_authority() {
        let authoring = Authoring {
            client,
            pool: pool.clone(),
            keystore: keystore.clone(),
            select_chain,
            block_import,
            babe_link,
            sync: network.sync.clone(),
            force_authoring,
            registry: registry.as_ref(),
            telemetry: telemetry.clone(),
        };
        authoring::start(&task_manager, authoring)?;
    }
    if finalises {
        let voter = Voter {
            link: grandpa_link,
            gossip: network.gossip,
            network: network.service,
            sync: network.sync,
            keystore: role.is_authority().then_some(keystore),
            role,
            name,
            state: voter_state,
            pool,
            registry,
            telemetry,
        };
        finality::start(&task_manager, voter)?;
    }
    Ok(task_manager)
}
