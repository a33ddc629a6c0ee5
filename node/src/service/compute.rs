//! What the node does for jobs: inference, the worker, the index of ended jobs.

use super::{FullClient, FullPool};
use crate::{cli::ComputeParams, job_index::JobIndex};
use kagari_offchain_worker::{
    inference_child::THIS_PROGRAM, start_worker, Inference, InferenceConfig, WorkerParams,
};
use kagari_primitives::worker_key::KEY_TYPE;
use sc_service::{Configuration, Error, TaskManager};
use sp_keystore::{Keystore, KeystorePtr};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use substrate_prometheus_endpoint::Registry;

/// Inference, and whether the node takes jobs.
pub struct Compute {
    inference: Option<Inference>,
    provider: bool,
}

impl Compute {
    /// Starts inference where it is of use: on a provider's node, and where there are models to
    /// tokenise with.
    pub fn start(params: &ComputeParams, config: &Configuration) -> Self {
        let models_dir = params.models_dir(config.base_path.path());
        let wanted = params.provider || models_dir.is_dir();
        let inference = wanted.then(|| {
            log::info!("🔥 Models are looked for in {}", models_dir.display());
            Inference::start(
                inference_config(params, &models_dir),
                config.prometheus_registry(),
            )
        });
        Self {
            inference,
            provider: params.provider,
        }
    }

    /// Inference, where there is any.
    pub fn inference(&self) -> Option<Inference> {
        self.inference.clone()
    }

    /// Starts the worker on a provider's node. It runs on threads of its own and is no essential task:
    /// neither its end nor its panic ends the node.
    pub fn start_worker(self, tasks: &mut TaskManager, needs: WorkerNeeds) -> Result<(), Error> {
        let Some(inference) = self.inference.filter(|_| self.provider) else {
            return Ok(());
        };
        warn_without_worker_key(&*needs.keystore);
        let WorkerNeeds {
            client,
            pool,
            keystore,
            journal_dir,
            registry,
        } = needs;
        let worker = start_worker(WorkerParams {
            client,
            pool,
            keystore,
            inference,
            journal_dir,
            registry,
        })?;
        tasks.keep_alive(worker);
        Ok(())
    }
}

/// What the worker needs.
pub struct WorkerNeeds {
    /// The chain.
    pub client: Arc<FullClient>,
    /// Where attestations go.
    pub pool: Arc<FullPool>,
    /// Where the worker key is.
    pub keystore: KeystorePtr,
    /// Folder of the worker's journal.
    pub journal_dir: PathBuf,
    /// Where figures go.
    pub registry: Option<Registry>,
}

fn inference_config(params: &ComputeParams, models_dir: &Path) -> InferenceConfig {
    InferenceConfig {
        models_dir: models_dir.to_owned(),
        program: THIS_PROGRAM.into(),
        memory_mib: params.resources.inference_memory.get(),
        threads: params.resources.threads(),
        concurrency: params.inference_concurrency.get(),
        timeout: Duration::from_secs(params.inference_timeout.get()),
    }
}

fn warn_without_worker_key(keystore: &dyn Keystore) {
    if keystore.sr25519_public_keys(KEY_TYPE).is_empty() {
        log::warn!(
            "⚠️  The keystore has no worker key, so the worker can do no job. Make one with the RPC \
             method `compute_rotateWorkerKey`, giving the provider's account, and name the key and the \
             proof that it returns in `computeMarket.registerProvider` or `computeMarket.setWorker`"
        );
    }
}

/// Starts the task that keeps ended jobs.
pub fn spawn_job_index(tasks: &TaskManager, jobs: &Arc<JobIndex>) {
    tasks
        .spawn_handle()
        .spawn_blocking("job-index", Some("compute"), jobs.clone().run());
}
