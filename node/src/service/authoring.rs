//! Block production: BABE.

use super::{BabeImport, FullClient, FullPool, FullSelectChain};
use kagari_runtime::opaque::Block;
use sc_consensus_babe::{BabeLink, BabeParams, SlotProportion};
use sc_consensus_slots::BackoffAuthoringOnFinalizedHeadLagging;
use sc_network_sync::SyncingService;
use sc_service::TaskManager;
use sc_telemetry::TelemetryHandle;
use sp_consensus_babe::{inherents::InherentDataProvider as SlotProvider, SlotDuration};
use sp_inherents::CreateInherentDataProviders;
use sp_keystore::KeystorePtr;
use sp_timestamp::InherentDataProvider as TimestampProvider;
use std::{error::Error, sync::Arc};
use substrate_prometheus_endpoint::Registry;

/// Inherents of a block: its slot and its time.
type Inherents = (SlotProvider, TimestampProvider);

/// Gives the inherents of a block that is made or checked now.
pub type SlotInherents =
    dyn CreateInherentDataProviders<Block, (), InherentDataProviders = Inherents>;

/// The inherents for slots of this duration.
pub fn slot_inherents(slot_duration: SlotDuration) -> Arc<SlotInherents> {
    Arc::new(move |_, ()| async move {
        let time = TimestampProvider::from_system_time();
        let slot = SlotProvider::from_timestamp_and_slot_duration(*time, slot_duration);
        Ok::<Inherents, Box<dyn Error + Send + Sync>>((slot, time))
    })
}

/// What block production needs.
pub struct Authoring<'a> {
    /// The chain.
    pub client: Arc<FullClient>,
    /// Where transactions come from.
    pub pool: Arc<FullPool>,
    /// Where the session keys are.
    pub keystore: KeystorePtr,
    /// How the block to build on is chosen.
    pub select_chain: FullSelectChain,
    /// Where a new block goes first.
    pub block_import: BabeImport,
    /// BABE's state, shared with the import queue.
    pub babe_link: BabeLink<Block>,
    /// Says whether the node is at the head of the chain.
    pub sync: Arc<SyncingService<Block>>,
    /// Author even with no peer.
    pub force_authoring: bool,
    /// Where figures go.
    pub registry: Option<&'a Registry>,
    /// Where reports go.
    pub telemetry: Option<TelemetryHandle>,
}

/// Starts block production. A validator that can't author is of no use, so its end ends the node.
pub fn start(tasks: &TaskManager, parts: Authoring<'_>) -> Result<(), sc_service::Error> {
    let proposer = sc_basic_authorship::ProposerFactory::new(
        tasks.spawn_handle(),
        parts.client.clone(),
        parts.pool,
        parts.registry,
        parts.telemetry.clone(),
    );
    let slot_duration = parts.babe_link.config().slot_duration();
    let babe = sc_consensus_babe::start_babe(BabeParams {
        keystore: parts.keystore,
        client: parts.client,
        select_chain: parts.select_chain,
        env: proposer,
        block_import: parts.block_import,
        sync_oracle: parts.sync.clone(),
        justification_sync_link: parts.sync,
        create_inherent_data_providers: slot_inherents(slot_duration),
        force_authoring: parts.force_authoring,
        backoff_authoring_blocks: Some(BackoffAuthoringOnFinalizedHeadLagging::default()),
        babe_link: parts.babe_link,
        block_proposal_slot_portion: SlotProportion::new(0.5),
        max_block_proposal_slot_portion: None,
        telemetry: parts.telemetry,
    })?;
    tasks
        .spawn_essential_handle()
        .spawn_blocking("babe-proposer", Some("block-authoring"), babe);
    Ok(())
}
