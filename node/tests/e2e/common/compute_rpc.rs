//! Kagari's own RPC calls.

use super::{chain::Chain, process::pause};
use kagari_primitives::{
    known_models,
    worker_key::{WorkerId, WorkerSignature},
    AccountId, Balance, JobId, JobSpec, Manifest, ModelId, Sampling, Task, Word,
};
use serde_json::{json, Value as Json};
use subxt::rpcs::rpc_params;

/// Blocks that a job gets in the tests, unless they are about deadlines.
pub const DEADLINE: u32 = 200;

/// States in which nothing more will happen to a job.
const ENDS: [&str; 4] = ["settled", "refunded", "cancelled", "discarded"];

/// A job that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What to ask for.
    pub spec: JobSpec,
    /// Its input.
    pub input: Vec<Word>,
}

/// The model that completes.
pub fn completer() -> Manifest {
    known_models::smollm2_135m_instruct()
}

/// The model that embeds.
pub fn embedder() -> Manifest {
    known_models::all_minilm_l6_v2()
}

/// A completion of at most so many tokens, greedy.
pub fn completion(max_new_tokens: u32) -> Task {
    Task::Completion {
        max_new_tokens,
        sampling: Sampling::GREEDY,
    }
}

/// A specification without a limit on the price.
pub fn spec(model: ModelId, task: Task) -> JobSpec {
    JobSpec::new(model, task, Balance::MAX, DEADLINE)
}

impl Chain {
    /// Turns a request into a job: `compute_prepare`.
    pub async fn prepare(&self, request: Json) -> Json {
        self.ask("compute_prepare", rpc_params![request]).await
    }

    /// A question to the model that completes, as a chat.
    pub async fn prepare_chat(&self, question: &str, max_new_tokens: u32) -> Prepared {
        let model = completer();
        let prepared = self
            .prepare(json!({
                "model": model.name_text(),
                "messages": [{ "role": "user", "content": question }],
                "maxNewTokens": max_new_tokens,
            }))
            .await;
        let input = words(&prepared["input"]);
        Prepared {
            spec: spec(model.id(), completion(max_new_tokens)),
            input,
        }
    }

    /// A text for the model that embeds.
    pub async fn prepare_embedding(&self, text: &str) -> Prepared {
        let model = embedder();
        let prepared = self
            .prepare(json!({ "model": model.name_text(), "text": text }))
            .await;
        Prepared {
            spec: spec(model.id(), Task::Embedding),
            input: words(&prepared["input"]),
        }
    }

    /// A job as the node knows it; null if it does not.
    pub async fn job(&self, job: JobId) -> Json {
        self.ask("compute_job", rpc_params![job]).await
    }

    /// Waits until a job is in one of these states.
    pub async fn wait_for_state(&self, job: JobId, states: &[&str]) -> Json {
        let mut last = Json::Null;
        for _ in 0..6_000 {
            last = self.job(job).await;
            if last["state"].as_str().is_some_and(|s| states.contains(&s)) {
                return last;
            }
            pause().await;
        }
        panic!("job {job:?} is in none of the states {states:?}, but: {last:#}");
    }

    /// Waits until a job has ended.
    pub async fn wait_for_end(&self, job: JobId) -> Json {
        self.wait_for_state(job, &ENDS).await
    }

    /// All that a subscription to a job says until it ends.
    pub async fn watch_job(&self, job: JobId) -> Vec<Json> {
        let (start, end) = ("compute_subscribeJob", "compute_unsubscribeJob");
        let mut updates = self
            .rpc
            .subscribe::<Json>(start, rpc_params![job], end)
            .await
            .expect("the node takes subscriptions");
        let mut seen = Vec::new();
        while let Some(update) = updates.next().await {
            let update = update.expect("updates are JSON");
            let is_over = is_over(&update);
            seen.push(update);
            if is_over {
                break;
            }
        }
        seen
    }

    /// Makes a worker key in the node's keystore that works for `owner`.
    pub async fn rotate_worker_key(&self, owner: &AccountId) -> (WorkerId, WorkerSignature) {
        let made: Json = self
            .ask("compute_rotateWorkerKey", rpc_params![owner])
            .await;
        let bytes = |name: &str| super::chain::from_hex(made[name].as_str().expect("hex"));
        let worker: [u8; 32] = bytes("worker").try_into().expect("a key has 32 bytes");
        let proof: [u8; 64] = bytes("proof").try_into().expect("a signature has 64 bytes");
        let worker = sp_core::sr25519::Public::from_raw(worker);
        let proof = sp_core::sr25519::Signature::from_raw(proof);
        (worker.into(), proof.into())
    }
}

/// Whether nothing more will happen to a job.
fn is_over(job: &Json) -> bool {
    ENDS.iter().any(|end| job["state"] == *end)
}

/// A list of words in an answer.
pub fn words(list: &Json) -> Vec<Word> {
    serde_json::from_value(list.clone())
        .unwrap_or_else(|e| panic!("{list} is no list of words: {e}"))
}
