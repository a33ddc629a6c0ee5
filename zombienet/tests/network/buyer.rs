//! The account that asks for inference.

use crate::{seller::Seller, DEADLINE, MODEL, PATIENCE};
use anyhow::{bail, Context, Result};
use kagari_network_test::{
    chain::Balances,
    compute_rpc::Prepared,
    job::{Job, JobId},
    network::{PROVIDERS, VALIDATORS},
    Chain, ComputeRpc, Network, Progress,
};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use zombienet_sdk::subxt_signer::sr25519::dev;

const PROMPT: &str = "Name three colours of the rainbow.";
const MAX_NEW_TOKENS: u32 = 16;

/// The requester, alice: prepares and reads through a provider's node, since that has the models, and
/// sends through a validator's.
pub struct Buyer {
    /// A provider's node.
    pub rpc: ComputeRpc,
    /// The chain through a validator's node.
    pub chain: Chain,
    /// What it asks for.
    pub prepared: Prepared,
}

impl Buyer {
    /// A requester that sees the offers of all `sellers`.
    pub async fn new(network: &Network, sellers: &[Seller]) -> Result<Self> {
        let ([helper, ..], [validator, ..]) = (PROVIDERS, VALIDATORS);
        let rpc = network.compute(helper).await?;
        let prepared = rpc.prepare(MODEL, PROMPT, MAX_NEW_TOKENS).await?;
        wait_for_offers(&rpc, &prepared, sellers.len()).await?;
        Ok(Self {
            rpc,
            chain: network.chain(validator).await?,
            prepared,
        })
    }

    /// Sends the job; gives its id once it is final.
    pub async fn send(&self, max_price: u128, deadline: u32) -> Result<JobId> {
        self.chain
            .submit_job(&dev::alice(), &self.prepared, max_price, deadline)
            .await
    }

    /// What it has.
    pub async fn balances(&self) -> Result<Balances> {
        self.chain
            .balances(&dev::alice().public_key().to_account_id())
            .await
    }

    /// A job for less than `price` is refused, and nothing is held for it.
    pub async fn is_refused_below(&self, price: u128) -> Result<()> {
        let Err(error) = self.send(price - 1, DEADLINE).await else {
            bail!("a job was taken for less than {price}");
        };
        let error = format!("{error:#}");
        assert!(error.contains("MaxPriceTooLow"), "{error}");
        assert_eq!(self.balances().await?.held, 0);
        Ok(())
    }

    /// Waits until the job has ended, and says each state on the way.
    pub async fn follow(&self, id: JobId, progress: &Progress) -> Result<Job> {
        let ended = async {
            let mut last = String::new();
            loop {
                let job = self.rpc.job(id).await?;
                let state = job.as_ref().map_or(Ok("unknown"), Job::state)?.to_string();
                if state != last {
                    progress.say(format!("the job is {state}"));
                }
                match job {
                    Some(job) if is_over(&state) => return Ok(job),
                    _ => last = state,
                }
                sleep(Duration::from_millis(500)).await;
            }
        };
        timeout(PATIENCE, ended)
            .await
            .context("the job did not end in time")?
    }

    /// Waits until `block` is final for this requester.
    pub async fn wait_until_final(&self, block: u32) -> Result<()> {
        let reached = async {
            while self.chain.finalised().await? < block {
                sleep(Duration::from_millis(500)).await;
            }
            anyhow::Ok(())
        };
        timeout(PATIENCE, reached)
            .await
            .with_context(|| format!("block {block} was not final"))?
    }
}

async fn wait_for_offers(rpc: &ComputeRpc, prepared: &Prepared, count: usize) -> Result<()> {
    let all_listed = async {
        while rpc.offers(prepared.model).await?.len() < count {
            sleep(Duration::from_secs(1)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, all_listed)
        .await
        .context("the offers were not listed in time")?
}

/// Whether nothing more happens to a job in this state.
fn is_over(state: &str) -> bool {
    ["settled", "refunded", "cancelled", "discarded"].contains(&state)
}
