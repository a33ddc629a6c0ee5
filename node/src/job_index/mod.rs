//! Keeps jobs that ended. The state forgets them, so a task of the node reads them off each block of the
//! best chain and writes them to the client's auxiliary store.

mod store;

use crate::service::FullClient;
use futures::StreamExt;
use kagari_primitives::{ComputeApi, Hash, JobId, JobInfo};
use sc_client_api::{BlockchainEvents, HeaderBackend};
use sp_api::ProvideRuntimeApi;
use sp_blockchain::{tree_route, HeaderMetadata, Result};
use sp_consensus::BlockStatus;
use std::sync::Arc;
use store::{Change, Store};

/// Blocks that a look-up reads itself when the task has not come to them yet.
const LOOK_AHEAD: usize = 32;

/// The index of ended jobs.
pub struct JobIndex {
    client: Arc<FullClient>,
}

/// The way from one block to another: blocks to take back, newest first, each with its parent, and
/// blocks to read, oldest first.
#[derive(Default)]
struct Route {
    retracted: Vec<(Hash, Hash)>,
    enacted: Vec<Hash>,
}

impl JobIndex {
    /// The index in the client's auxiliary store.
    pub fn new(client: Arc<FullClient>) -> Self {
        Self { client }
    }

    /// The ended job with this id, as seen from the best block.
    pub fn find(&self, id: JobId) -> Result<Option<JobInfo>> {
        // The way comes first: a block that the task reads meanwhile is then on the way or in the store.
        let route = self.route(self.client.info().best_hash);
        if let Some(job) = self.store().job(id)? {
            return Ok(Some(job));
        }
        let unread = route?.enacted.into_iter().rev().take(LOOK_AHEAD);
        Ok(unread
            .flat_map(|block| self.ended_in(block).unwrap_or_default())
            .find(|job| job.job == id))
    }

    /// Reads every block of the best chain, from where the index stands on, for as long as the node
    /// runs.
    pub async fn run(self: Arc<Self>) {
        // From before catching up, so that nothing is missed in between.
        let mut imports = self.client.every_import_notification_stream();
        self.read_up_to(self.client.info().best_hash);
        while let Some(block) = imports.next().await {
            if block.is_new_best {
                self.read_up_to(block.hash);
            }
        }
    }

    fn read_up_to(&self, block: Hash) {
        if let Err(error) = self.try_read_up_to(block) {
            // The next block tries again from where the index stands.
            log::warn!("Ended jobs could not be read up to block {block:?}: {error}");
        }
    }

    fn try_read_up_to(&self, block: Hash) -> Result<()> {
        let route = self.route(block)?;
        for (retracted, parent) in route.retracted {
            let jobs = self.ended_in(retracted).unwrap_or_default();
            let ids = jobs.into_iter().map(|job| job.job).collect();
            self.store().apply(Change::Retracted(ids), parent)?;
        }
        let mut unreadable = 0;
        for enacted in route.enacted {
            let jobs = self.ended_in(enacted);
            unreadable += u32::from(jobs.is_none());
            let jobs = jobs.unwrap_or_default();
            // A write for a block without jobs is spared, but for the last one.
            if !jobs.is_empty() || enacted == block {
                self.store().apply(Change::Enacted(jobs), enacted)?;
            }
        }
        if unreadable > 0 {
            log::warn!(
                "Jobs that ended in {unreadable} blocks before {block:?} are not in the index, since the \
                 state of these blocks is gone; a node with --state-pruning archive has them"
            );
        }
        Ok(())
    }

    /// The jobs that ended in a block; `None` where its state is gone.
    fn ended_in(&self, block: Hash) -> Option<Vec<JobInfo>> {
        if !self.has_state(block) {
            return None;
        }
        match self.client.runtime_api().ended_jobs(block) {
            Ok(jobs) => Some(jobs),
            Err(error) => {
                log::warn!("Jobs that ended in block {block:?} could not be read: {error}");
                None
            }
        }
    }

    /// The way from the last block that was read.
    fn route(&self, to: Hash) -> Result<Route> {
        let Some(from) = self.store().last_read()? else {
            return self.way_back(to);
        };
        if from == to {
            return Ok(Route::default());
        }
        // A block that is gone, after a revert of the chain, has no route.
        self.known_route(from, to).or_else(|_| self.way_back(to))
    }

    fn known_route(&self, from: Hash, to: Hash) -> Result<Route> {
        let route = tree_route(&*self.client, from, to)?;
        let mut retracted = Vec::with_capacity(route.retracted().len());
        for block in route.retracted() {
            retracted.push((block.hash, self.client.header_metadata(block.hash)?.parent));
        }
        let enacted = route.enacted().iter().map(|block| block.hash).collect();
        Ok(Route { retracted, enacted })
    }

    /// The blocks up to `to` whose state is still there.
    fn way_back(&self, to: Hash) -> Result<Route> {
        let mut enacted = Vec::new();
        let mut block = to;
        while self.has_state(block) {
            enacted.push(block);
            let header = self.client.header_metadata(block)?;
            if header.number == 0 {
                break;
            }
            block = header.parent;
        }
        enacted.reverse();
        Ok(Route {
            retracted: Vec::new(),
            enacted,
        })
    }

    fn has_state(&self, block: Hash) -> bool {
        // A block of which the node has just been told still counts as being imported.
        let status = self.client.block_status(block);
        matches!(
            status,
            Ok(BlockStatus::InChainWithState | BlockStatus::Queued)
        )
    }

    fn store(&self) -> Store<'_, FullClient> {
        Store::new(&self.client)
    }
}
