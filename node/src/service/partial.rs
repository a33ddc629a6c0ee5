//! The parts of a node that need no network: what most subcommands work with.

use super::{
    authoring::slot_inherents, finality::JUSTIFICATION_PERIOD, BabeImport, FullBackend, FullClient,
    FullPool, FullSelectChain, GrandpaImport, GrandpaLink,
};
use kagari_runtime::opaque::Block;
use sc_consensus::DefaultImportQueue;
use sc_consensus_babe::{BabeLink, BabeWorkerHandle, ImportQueueParams};
use sc_service::{Configuration, Error, KeystoreContainer, TaskManager};
use sc_telemetry::{Telemetry, TelemetryHandle, TelemetryWorker};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use std::sync::Arc;

/// The parts of a node that need no network.
pub struct Partial {
    /// The chain.
    pub client: Arc<FullClient>,
    /// The database under it.
    pub backend: Arc<FullBackend>,
    /// Runs tasks.
    pub task_manager: TaskManager,
    /// Holds keys.
    pub keystore: KeystoreContainer,
    /// How the best chain is chosen.
    pub select_chain: FullSelectChain,
    /// Where blocks of others go.
    pub import_queue: DefaultImportQueue<Block>,
    /// The transaction pool.
    pub pool: Arc<FullPool>,
    /// Where the node's own blocks go.
    pub block_import: BabeImport,
    /// BABE's state.
    pub babe_link: BabeLink<Block>,
    /// Answers questions about BABE's epochs.
    pub babe_worker: BabeWorkerHandle<Block>,
    /// What blocks' import tells GRANDPA.
    pub grandpa_link: GrandpaLink,
    /// Where reports go.
    pub telemetry: Option<Telemetry>,
}

/// Opens the database and makes everything that needs no network.
pub fn new_partial(config: &Configuration) -> Result<Partial, Error> {
    let telemetry = open_telemetry(config)?;
    let handle = telemetry.as_ref().map(|(_, telemetry)| telemetry.handle());
    let (client, backend, keystore, task_manager) = sc_service::new_full_parts(
        config,
        handle.clone(),
        sc_service::new_wasm_executor(&config.executor),
        Vec::new(),
    )?;
    let client = Arc::new(client);
    let telemetry = telemetry.map(|(worker, telemetry)| {
        task_manager
            .spawn_handle()
            .spawn("telemetry", None, worker.run());
        telemetry
    });
    let select_chain = sc_consensus::LongestChain::new(backend.clone());
    let pool = new_pool(config, &task_manager, &client);
    let queue = new_import_queue(config, &task_manager, &client, &select_chain, &pool, handle)?;
    let ImportParts {
        import_queue,
        block_import,
        babe_link,
        babe_worker,
        grandpa_link,
    } = queue;

    Ok(Partial {
        client,
        backend,
        task_manager,
        keystore,
        select_chain,
        import_queue,
        pool,
        block_import,
        babe_link,
        babe_worker,
        grandpa_link,
        telemetry,
    })
}

fn open_telemetry(config: &Configuration) -> Result<Option<(TelemetryWorker, Telemetry)>, Error> {
    let endpoints = config
        .telemetry_endpoints
        .clone()
        .filter(|list| !list.is_empty());
    let Some(endpoints) = endpoints else {
        return Ok(None);
    };
    let worker = TelemetryWorker::new(16)?;
    let telemetry = worker.handle().new_telemetry(endpoints);
    Ok(Some((worker, telemetry)))
}

fn new_pool(
    config: &Configuration,
    tasks: &TaskManager,
    client: &Arc<FullClient>,
) -> Arc<FullPool> {
    let builder = sc_transaction_pool::Builder::new(
        tasks.spawn_essential_handle(),
        client.clone(),
        config.role.is_authority().into(),
    );
    Arc::new(
        builder
            .with_options(config.transaction_pool.clone())
            .with_prometheus(config.prometheus_registry())
            .build(),
    )
}

/// What a block passes on its way in: BABE, then GRANDPA, then the client.
struct ImportParts {
    import_queue: DefaultImportQueue<Block>,
    block_import: BabeImport,
    babe_link: BabeLink<Block>,
    babe_worker: BabeWorkerHandle<Block>,
    grandpa_link: GrandpaLink,
}

fn new_import_queue(
    config: &Configuration,
    tasks: &TaskManager,
    client: &Arc<FullClient>,
    select_chain: &FullSelectChain,
    pool: &Arc<FullPool>,
    telemetry: Option<TelemetryHandle>,
) -> Result<ImportParts, Error> {
    let (grandpa_import, grandpa_link): (GrandpaImport, GrandpaLink) =
        sc_consensus_grandpa::block_import(
            client.clone(),
            JUSTIFICATION_PERIOD,
            client,
            select_chain.clone(),
            telemetry.clone(),
        )?;
    let babe_config = sc_consensus_babe::configuration(&**client)?;
    let slot_duration = babe_config.slot_duration();
    let (block_import, babe_link) = sc_consensus_babe::block_import(
        babe_config,
        grandpa_import.clone(),
        client.clone(),
        slot_inherents(slot_duration),
        select_chain.clone(),
        OffchainTransactionPoolFactory::new(pool.clone()),
    )?;
    let (import_queue, babe_worker) = sc_consensus_babe::import_queue(ImportQueueParams {
        link: babe_link.clone(),
        block_import: block_import.clone(),
        justification_import: Some(Box::new(grandpa_import)),
        client: client.clone(),
        slot_duration,
        spawner: &tasks.spawn_essential_handle(),
        registry: config.prometheus_registry(),
        telemetry,
    })?;
    Ok(ImportParts {
        import_queue,
        block_import,
        babe_link,
        babe_worker,
        grandpa_link,
    })
}
