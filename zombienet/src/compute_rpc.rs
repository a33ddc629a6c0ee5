//! The RPC namespace `compute_*` of a node.

use crate::job::{Job, JobId};
use anyhow::{Context, Result};
use serde::{de::DeserializeOwned, Deserialize};
use serde_json::{json, Value};
use zombienet_sdk::subxt::{
    backend::rpc::RpcClient,
    ext::subxt_rpcs::client::RpcParams,
    utils::{AccountId32, H256},
};

/// One node's RPC.
#[derive(Clone)]
pub struct ComputeRpc {
    client: RpcClient,
}

/// A new worker key of a node, and its word that it works for an account.
#[derive(Clone, Debug, Deserialize)]
pub struct WorkerKey {
    worker: String,
    proof: String,
}

/// How tokens are drawn.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sampling {
    /// In thousandths.
    pub temperature: u32,
    /// In thousandths.
    pub top_p: u32,
    /// Seed of the draws.
    pub seed: u64,
}

/// What a job computes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Task {
    /// Goes on with the input.
    #[serde(rename_all = "camelCase")]
    Completion {
        /// Most tokens put out.
        max_new_tokens: u32,
        /// How they are drawn.
        sampling: Sampling,
    },
    /// One vector.
    Embedding,
}

/// A job that is ready to be sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prepared {
    /// The model.
    pub model: H256,
    /// What to compute.
    pub task: Task,
    /// The input as token ids.
    pub input: Vec<u32>,
    /// Most multiply-accumulates that the job can take, in decimal.
    pub work: String,
    /// Blocks that it is suggested to give a provider.
    pub deadline: u32,
}

impl WorkerKey {
    /// The key.
    pub fn worker(&self) -> Result<Vec<u8>> {
        bytes(&self.worker).context("the worker key")
    }

    /// Its signature.
    pub fn proof(&self) -> Result<Vec<u8>> {
        bytes(&self.proof).context("the worker key's proof")
    }
}

impl Prepared {
    /// Most multiply-accumulates that the job can take.
    pub fn work(&self) -> Result<u64> {
        self.work
            .parse()
            .with_context(|| format!("`{}` is no amount of work", self.work))
    }
}

impl ComputeRpc {
    /// The RPC behind this client.
    pub fn new(client: RpcClient) -> Self {
        Self { client }
    }

    /// Makes a worker key in the node's keystore, for a provider account.
    pub async fn rotate_worker_key(&self, owner: &AccountId32) -> Result<WorkerKey> {
        self.request("compute_rotateWorkerKey", json!(owner.to_string()))
            .await
    }

    /// Turns text into a job of a model.
    pub async fn prepare(&self, model: &str, text: &str, max_new_tokens: u32) -> Result<Prepared> {
        let request = json!({
            "model": model,
            "messages": [{ "role": "user", "content": text }],
            "maxNewTokens": max_new_tokens,
        });
        self.request("compute_prepare", request).await
    }

    /// A job, if the node knows it.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>> {
        let answer: Option<Value> = self.request("compute_job", json!(id)).await?;
        Ok(answer.map(Job))
    }

    /// The offers for a model, cheapest first.
    pub async fn offers(&self, model: H256) -> Result<Vec<Value>> {
        self.request("compute_offers", json!(model)).await
    }

    async fn request<Answer: DeserializeOwned>(
        &self,
        method: &str,
        argument: Value,
    ) -> Result<Answer> {
        let mut params = RpcParams::new();
        params
            .push(argument)
            .with_context(|| format!("the argument of {method}"))?;
        self.client
            .request(method, params)
            .await
            .with_context(|| method.to_string())
    }
}

fn bytes(hex: &str) -> Result<Vec<u8>> {
    let digits = hex
        .strip_prefix("0x")
        .with_context(|| format!("`{hex}` does not begin with 0x"))?;
    hex::decode(digits).with_context(|| format!("`{hex}` is not hexadecimal"))
}
