//! The market's calls and the chain's state, through one node.

use crate::{
    compute_rpc::{Prepared, Sampling, Task, WorkerKey},
    job::JobId,
};
use anyhow::{Context, Error, Result};
use zombienet_sdk::{
    subxt::{
        self,
        blocks::ExtrinsicEvents,
        dynamic::{self, At, Value},
        error::RpcError,
        ext::{codec::Decode, scale_decode::DecodeAsType, subxt_rpcs},
        tx::DynamicPayload,
        utils::{AccountId32, H256},
        OnlineClient, PolkadotConfig,
    },
    subxt_signer::sr25519::Keypair,
};

const MARKET: &str = "ComputeMarket";

/// The chain, as one node sees it.
#[derive(Clone)]
pub struct Chain {
    client: OnlineClient<PolkadotConfig>,
}

/// What an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balances {
    /// What it can spend.
    pub free: u128,
    /// What is held: bonds and escrows.
    pub held: u128,
}

impl Chain {
    /// The chain behind this client.
    pub fn new(client: OnlineClient<PolkadotConfig>) -> Self {
        Self { client }
    }

    /// The least bond of a provider.
    pub async fn min_bond(&self) -> Result<u128> {
        let call = dynamic::runtime_api_call("ComputeApi", "min_bond", Vec::<Value>::new());
        let bytes = self
            .client
            .runtime_api()
            .at_latest()
            .await?
            .call(call)
            .await?
            .into_encoded();
        u128::decode(&mut &bytes[..]).context("ComputeApi_min_bond is no balance")
    }

    /// Height of the newest finalised block.
    pub async fn finalised(&self) -> Result<u32> {
        Ok(self.client.blocks().at_latest().await?.number())
    }

    /// What `account` has, as of the newest finalised block.
    pub async fn balances(&self, account: &AccountId32) -> Result<Balances> {
        let key = vec![Value::from_bytes(account)];
        let address = dynamic::storage("System", "Account", key);
        let Some(record) = self
            .client
            .storage()
            .at_latest()
            .await?
            .fetch(&address)
            .await?
        else {
            return Ok(Balances { free: 0, held: 0 });
        };
        let record = record.to_value()?;
        let amount = |name: &str| record.at("data").at(name).and_then(|value| value.as_u128());
        let free = amount("free").context("System.Account has no free balance")?;
        let held = amount("reserved").context("System.Account has no reserved balance")?;
        Ok(Balances { free, held })
    }

    /// Makes `owner` a provider that works with `key`, and waits until that is final.
    pub async fn register_provider(
        &self,
        owner: &Keypair,
        bond: u128,
        key: &WorkerKey,
    ) -> Result<()> {
        let arguments = vec![
            ("bond", Value::u128(bond)),
            ("worker", Value::from_bytes(key.worker()?)),
            ("proof", Value::from_bytes(key.proof()?)),
            ("hardware", hardware()),
        ];
        self.submit("register_provider", arguments, owner)
            .await
            .map(drop)
    }

    /// Sets `owner`'s offer for a model, and waits until it is final.
    pub async fn set_offer(
        &self,
        owner: &Keypair,
        model: H256,
        price: u128,
        capacity: u16,
    ) -> Result<()> {
        let arguments = vec![
            ("model", Value::from_bytes(model)),
            ("price", Value::u128(price)),
            ("capacity", Value::u128(capacity.into())),
        ];
        self.submit("set_offer", arguments, owner).await.map(drop)
    }

    /// Sends a prepared job, waits until it is final, and gives its id.
    pub async fn submit_job(
        &self,
        requester: &Keypair,
        prepared: &Prepared,
        max_price: u128,
        deadline: u32,
    ) -> Result<JobId> {
        let spec = Value::named_composite([
            ("model", Value::from_bytes(prepared.model)),
            ("task", task(&prepared.task)),
            ("max_price", Value::u128(max_price)),
            ("deadline", Value::u128(deadline.into())),
            ("min_tier", Value::unnamed_variant("New", [])),
            ("class", Value::unnamed_variant("Exact", [])),
            ("region", Value::unnamed_variant("None", [])),
            ("replicas", Value::u128(1)),
        ]);
        let words = prepared
            .input
            .iter()
            .map(|word| Value::u128((*word).into()));
        let arguments = vec![("spec", spec), ("input", Value::unnamed_composite(words))];
        let events = self.submit("submit_job", arguments, requester).await?;
        let submitted = events.find_first::<JobSubmitted>()?;
        Ok(submitted
            .context("submit_job succeeded without an event JobSubmitted")?
            .job)
    }

    async fn submit(
        &self,
        call: &str,
        arguments: Vec<(&str, Value)>,
        signer: &Keypair,
    ) -> Result<ExtrinsicEvents<PolkadotConfig>> {
        let payload: DynamicPayload = dynamic::tx(MARKET, call, arguments);
        let included = async {
            let mut tx = self.client.tx();
            let progress = tx
                .sign_and_submit_then_watch_default(&payload, signer)
                .await?;
            progress.wait_for_finalized_success().await
        };
        let explained = |error| Error::msg(reason(&error)).context(format!("{MARKET}.{call}"));
        included.await.map_err(explained)
    }
}

/// The event of a job that was taken in.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct JobSubmitted {
    job: H256,
}

impl subxt::events::StaticEvent for JobSubmitted {
    const PALLET: &'static str = MARKET;
    const EVENT: &'static str = "JobSubmitted";
}

/// What went wrong, in full: why a transaction is invalid stands in the answer's data, which the error's
/// own text leaves out.
fn reason(error: &subxt::Error) -> String {
    let user_error = match error {
        subxt::Error::Rpc(RpcError::ClientError(subxt_rpcs::Error::User(user_error))) => user_error,
        other => return other.to_string(),
    };
    match &user_error.data {
        Some(data) => format!("{user_error}: {data}"),
        None => user_error.to_string(),
    }
}

fn hardware() -> Value {
    Value::named_composite([
        (
            "description",
            Value::from_bytes("a node of the test network"),
        ),
        ("cores", Value::u128(1)),
        ("memory", Value::u128(1_024)),
    ])
}

fn task(task: &Task) -> Value {
    match task {
        Task::Completion {
            max_new_tokens,
            sampling,
        } => {
            let fields = [
                ("max_new_tokens", Value::u128((*max_new_tokens).into())),
                ("sampling", sampling_value(sampling)),
            ];
            Value::named_variant("Completion", fields)
        }
        Task::Embedding => Value::unnamed_variant("Embedding", []),
    }
}

fn sampling_value(sampling: &Sampling) -> Value {
    Value::named_composite([
        ("temperature", Value::u128(sampling.temperature.into())),
        ("top_p", Value::u128(sampling.top_p.into())),
        ("seed", Value::u128(sampling.seed.into())),
    ])
}
