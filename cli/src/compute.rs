//! The node's RPC methods `compute_*`, and what they answer.

use crate::{amount::Amount, failure::Failure};
use kagari_primitives::{BlockNumber, JobId, ModelId, Region, Task, Tier, Word};
use serde::{de::DeserializeOwned, Deserialize, Serialize};
use serde_json::Value;
use subxt::{
    rpcs::{
        client::{rpc_params, RpcParams, RpcSubscription},
        RpcClient,
    },
    utils::AccountId32,
};

/// Calls the methods.
#[derive(Clone, Copy)]
pub struct Compute<'a> {
    rpc: &'a RpcClient,
}

/// What `compute_prepare` is asked.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrepareRequest {
    /// Name or id of the model.
    pub model: String,
    /// The text as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Vec<Message>>,
    /// Most tokens put out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_new_tokens: Option<u32>,
    /// How freely tokens are drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Share of the probability that is drawn from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Seed of the draws.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: &'static str,
    /// What was said.
    pub content: String,
}

/// A job that is ready to be signed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prepared {
    /// The model.
    pub model: ModelId,
    /// Its name.
    pub name: String,
    /// What is to be computed.
    pub task: Task,
    /// The token ids.
    pub input: Vec<Word>,
    /// The most work that it can be, in work units.
    pub work_units: String,
    /// What it would cost now; `None` where nobody would take it.
    pub cheapest: Option<Quote>,
    /// A maximum price that leaves the market room to move.
    pub max_price: Option<Amount>,
    /// Blocks to give the provider.
    pub deadline: BlockNumber,
}

/// What a job would cost now.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// Price per work unit.
    pub price: Amount,
    /// Most that the whole job would cost.
    pub total: Amount,
}

/// A registered model.
#[derive(Clone, Debug, Deserialize)]
pub struct Model {
    /// Its id.
    pub model: ModelId,
    /// Its name.
    pub name: String,
    /// What it does: `completion` or `embedding`.
    pub task: String,
    /// Whether it takes conversations.
    pub chat: bool,
    /// Whether the node has its files, which it needs to prepare jobs.
    pub local: bool,
}

/// A standing offer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The model.
    pub model: ModelId,
    /// Price per work unit.
    pub price: Amount,
    /// Jobs at once.
    pub capacity: u16,
    /// Jobs that are being worked on.
    pub in_use: u16,
}

/// A provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// Its account.
    pub provider: String,
    /// Its worker key.
    pub worker: String,
    /// Its own bond.
    pub bond: Amount,
    /// What others have delegated to it.
    pub delegated: Amount,
    /// What its open jobs and leases are worth.
    pub exposure: Amount,
    /// `active` or `unbonding`.
    pub status: String,
    /// While it unbonds: the block from which on the bond can be taken back.
    pub until: Option<BlockNumber>,
    /// What it says of its machine.
    pub hardware: Hardware,
    /// Its offers.
    pub offers: Vec<Offer>,
    /// Jobs that it works on.
    pub assigned: Vec<JobId>,
    /// Jobs that it was paid for.
    pub settled: u32,
    /// Jobs that it did not do in time.
    pub failed: u32,
    /// What its reputation is worth.
    pub tier: Tier,
}

/// What a provider earned in an era.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EraReward {
    /// The era.
    pub era: u32,
    /// What the era mints per work unit for all roles together, within each job's cap.
    pub rate: Amount,
    /// Work of its settled jobs, in work units.
    pub work_units: String,
    /// What the payments for them burned.
    pub burned: Amount,
    /// Most that all roles together can be given for them.
    pub cap: Amount,
    /// What the provider is given of each KGR.
    pub provider_share: Amount,
    /// What was minted for it.
    pub reward: Amount,
}

/// What a provider says of its machine.
#[derive(Clone, Debug, Deserialize)]
pub struct Hardware {
    /// In its own words.
    pub description: String,
    /// Processor cores.
    pub cores: u16,
    /// Memory in MiB.
    pub memory: u32,
    /// Where it stands, if that is told.
    #[serde(default)]
    pub region: Option<Region>,
}

/// A worker key that a node has made.
#[derive(Clone, Debug, Deserialize)]
pub struct WorkerKey {
    /// The key.
    pub worker: String,
    /// Its proof that it agrees to serve the provider.
    pub proof: String,
}

/// An answer: as the node gave it, and what it means.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// As the node gave it; `--json` hands it on untouched.
    pub json: Value,
    /// What it means.
    pub meaning: T,
}

impl<T: DeserializeOwned> Answer<T> {
    /// Reads an answer.
    pub fn read(json: Value) -> Result<Self, Failure> {
        let meaning = T::deserialize(&json).map_err(|error| {
            Failure::new(format!(
                "The node's answer can't be read ({error}): is it as new as this command?"
            ))
        })?;
        Ok(Self { json, meaning })
    }
}

impl<'a> Compute<'a> {
    /// Calls the methods over this connection.
    pub fn new(rpc: &'a RpcClient) -> Self {
        Self { rpc }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: RpcParams,
    ) -> Result<Answer<T>, Failure> {
        Answer::read(self.rpc.request(method, params).await?)
    }

    /// Turns texts into a job that is ready to be signed.
    pub async fn prepare(&self, request: &PrepareRequest) -> Result<Prepared, Failure> {
        Ok(self
            .call("compute_prepare", rpc_params![request])
            .await?
            .meaning)
    }

    /// A job; `null` if the node does not know it.
    pub async fn job(&self, job: JobId) -> Result<Value, Failure> {
        Ok(self.rpc.request("compute_job", rpc_params![job]).await?)
    }

    /// A job, again at each change.
    pub async fn subscribe_job(&self, job: JobId) -> Result<RpcSubscription<Value>, Failure> {
        let subscribed = self.rpc.subscribe(
            "compute_subscribeJob",
            rpc_params![job],
            "compute_unsubscribeJob",
        );
        Ok(subscribed.await?)
    }

    /// All models.
    pub async fn models(&self) -> Result<Vec<Answer<Model>>, Failure> {
        let models: Vec<Value> = self.rpc.request("compute_models", rpc_params![]).await?;
        models.into_iter().map(Answer::read).collect()
    }

    /// The offers for a model that have room now, cheapest first.
    pub async fn offers(&self, model: ModelId) -> Result<Answer<Vec<Offer>>, Failure> {
        self.call("compute_offers", rpc_params![model]).await
    }

    /// A provider, if this account is one.
    pub async fn provider(
        &self,
        account: &AccountId32,
    ) -> Result<Answer<Option<Provider>>, Failure> {
        self.call("compute_provider", rpc_params![account.to_string()])
            .await
    }

    /// What an account earned as a provider in the latest eras, the latest first.
    pub async fn rewards(
        &self,
        account: &AccountId32,
        eras: u32,
    ) -> Result<Answer<Vec<EraReward>>, Failure> {
        self.call("compute_rewards", rpc_params![account.to_string(), eras])
            .await
    }

    /// Has the node make a worker key for a provider.
    pub async fn rotate_worker_key(&self, owner: &AccountId32) -> Result<WorkerKey, Failure> {
        let params = rpc_params![owner.to_string()];
        Ok(self.call("compute_rotateWorkerKey", params).await?.meaning)
    }
}

impl Model {
    /// Whether a name or id, as people write it, names this model.
    pub fn is_named(&self, text: &str) -> bool {
        self.name == text || format!("{:#x}", self.model).eq_ignore_ascii_case(text)
    }
}
