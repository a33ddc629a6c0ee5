//! A job on a network of four validators and three providers: it goes to the cheapest, is paid the
//! second price, and can be read through every node.
//!
//! Run it with `scripts/test-network.sh`.
#![allow(clippy::unwrap_used)]

use anyhow::{bail, Context, Result};
use futures::future::try_join_all;
use kagari_network_test::{
    chain::Balances,
    compute_rpc::Prepared,
    job::{Job, JobId},
    kgr,
    network::{PROVIDERS, VALIDATORS},
    price_of, Chain, ComputeRpc, Network, Progress, Settings, Table, KGR,
};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use zombienet_sdk::{
    subxt::utils::AccountId32,
    subxt_signer::sr25519::{dev, Keypair},
};

const MODEL: &str = "SmolLM2-135M-Instruct-Q4_1";
const PROMPT: &str = "Name three colours of the rainbow.";
const MAX_NEW_TOKENS: u32 = 16;
/// Blocks that a provider has; seven nodes and the inference share the machine.
const DEADLINE: u32 = 100;
/// Guards against waiting for ever; nothing is judged by the time that it took.
const PATIENCE: Duration = Duration::from_secs(900);

/// An account that sells inference, on one node.
struct Seller {
    name: &'static str,
    account: Keypair,
    node: &'static str,
    price: u128,
}

impl Seller {
    fn id(&self) -> AccountId32 {
        self.account.public_key().to_account_id()
    }
}

/// The sellers, dearest first, so that neither the order of the nodes nor that of the offers decides.
/// None of them is an authority of the chain.
fn sellers() -> Result<[Seller; 3]> {
    let [first, second, third] = PROVIDERS;
    let stash = Keypair::from_uri(&"//Eve//stash".parse()?)?;
    Ok([
        Seller {
            name: "eve",
            account: dev::eve(),
            node: first,
            price: KGR / 200,
        },
        Seller {
            name: "eve//stash",
            account: stash,
            node: second,
            price: KGR / 400,
        },
        Seller {
            name: "ferdie",
            account: dev::ferdie(),
            node: third,
            price: KGR / 500,
        },
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_to_the_cheapest_and_is_paid_the_second_price() -> Result<()> {
    let progress = Progress::start();
    let settings = Settings::from_env()?;
    progress.say("starting 4 validators and 3 providers");
    let network = Network::start(&settings, &progress).await?;
    progress.say("all nodes answer; waiting until every node has finalised block 3");
    network.wait_until_final(3).await?;

    let sellers = sellers()?;
    progress.say("bonding the providers and setting their offers");
    try_join_all(
        sellers
            .iter()
            .map(|seller| open(&network, seller, &progress)),
    )
    .await?;

    let buyer = Buyer::new(&network).await?;
    let [dearest, second, cheapest] = &sellers;
    let prepared = buyer.prepare(&sellers).await?;
    progress.say(format!("the prompt is {} tokens", prepared.input.len()));
    refuses_a_price_that_is_too_low(&buyer, &prepared, second.price).await?;
    progress.say("a job whose maximum is below the price is refused and holds nothing");

    let before = buyer.chain.balances(&cheapest.id()).await?;
    let max_price = price_of(dearest.price, prepared.work()?);
    let sent = buyer
        .chain
        .submit_job(&dev::alice(), &prepared, max_price, DEADLINE)
        .await?;
    progress.say(format!("job {sent:?} is final"));
    let reader = network.compute(second.node).await?;
    let job = follow(&reader, sent, &progress).await?;
    assert_eq!(job.state()?, "settled", "{job:?}");
    assert_eq!(
        job.provider()?,
        cheapest.id().to_string(),
        "the cheapest works"
    );
    assert_eq!(job.price()?, second.price, "at the price of the next");

    is_paid_for(&network, &buyer, &job, cheapest, before).await?;
    is_readable_everywhere(&network, sent, &job).await?;
    println!("\n{}\n{}", market_table(&sellers, &job)?, job_table(&job)?);
    progress.say("done");
    network.stop().await
}

/// The requester: prepares through a provider's node, since that has the models, and sends through a
/// validator's.
struct Buyer {
    rpc: ComputeRpc,
    chain: Chain,
}

impl Buyer {
    async fn new(network: &Network) -> Result<Self> {
        let [helper, ..] = PROVIDERS;
        Ok(Self {
            rpc: network.compute(helper).await?,
            chain: network.chain("alice").await?,
        })
    }

    /// Prepares the job once this node lists all offers.
    async fn prepare(&self, sellers: &[Seller]) -> Result<Prepared> {
        let prepared = self.rpc.prepare(MODEL, PROMPT, MAX_NEW_TOKENS).await?;
        let all_listed = async {
            while self.rpc.offers(prepared.model).await?.len() < sellers.len() {
                sleep(Duration::from_secs(1)).await;
            }
            anyhow::Ok(())
        };
        timeout(PATIENCE, all_listed)
            .await
            .context("the offers were not listed in time")??;
        Ok(prepared)
    }

    async fn balances(&self) -> Result<Balances> {
        self.chain
            .balances(&dev::alice().public_key().to_account_id())
            .await
    }
}

/// Makes `seller` a provider with an offer, through its own node.
async fn open(network: &Network, seller: &Seller, progress: &Progress) -> Result<()> {
    let chain = network.chain(seller.node).await?;
    let rpc = network.compute(seller.node).await?;
    let key = rpc.rotate_worker_key(&seller.id()).await?;
    let bond = chain.min_bond().await?;
    chain.register_provider(&seller.account, bond, &key).await?;
    let model = rpc.prepare(MODEL, PROMPT, 1).await?.model;
    chain
        .set_offer(&seller.account, model, seller.price, 1)
        .await?;
    progress.say(format!(
        "{} works on {}: bond {} KGR, {} KGR a work unit",
        seller.name,
        seller.node,
        kgr(bond),
        kgr(seller.price)
    ));
    Ok(())
}

async fn refuses_a_price_that_is_too_low(
    buyer: &Buyer,
    prepared: &Prepared,
    price: u128,
) -> Result<()> {
    let too_low = price_of(price, prepared.work()?) - 1;
    let refused = buyer
        .chain
        .submit_job(&dev::alice(), prepared, too_low, DEADLINE)
        .await;
    let Err(error) = refused else {
        bail!("a job for {too_low} was taken")
    };
    let error = format!("{error:#}");
    assert!(error.contains("MaxPriceTooLow"), "{error}");
    assert_eq!(buyer.balances().await?.held, 0);
    Ok(())
}

/// Waits until the job has ended, and says each state on the way.
async fn follow(rpc: &ComputeRpc, id: JobId, progress: &Progress) -> Result<Job> {
    let ended = async {
        let mut last = String::new();
        loop {
            let job = rpc.job(id).await?;
            let state = job.as_ref().map_or(Ok("unknown"), Job::state)?.to_string();
            if state != last {
                progress.say(format!("the job is {state}"));
            }
            match job {
                Some(job) if state == "settled" || state == "refunded" => return Ok(job),
                _ => last = state,
            }
            sleep(Duration::from_millis(500)).await;
        }
    };
    timeout(PATIENCE, ended)
        .await
        .context("the job did not end in time")?
}

/// The requester has paid for the work done, and nothing more is held; the provider has what was paid,
/// less what was burned, and its reward.
async fn is_paid_for(
    network: &Network,
    buyer: &Buyer,
    job: &Job,
    worker: &Seller,
    before: Balances,
) -> Result<()> {
    let (paid, burned) = (job.amount("/paid")?, job.amount("/burned")?);
    let work = u64::try_from(job.amount("/work")?)?;
    assert_eq!(paid, price_of(job.price()?, work));
    assert_eq!(job.amount("/escrow")?, paid + job.amount("/refunded")?);

    network
        .wait_until_final(u32::try_from(job.amount("/endedAt")?)?)
        .await?;
    assert_eq!(buyer.balances().await?.held, 0);
    let after = buyer.chain.balances(&worker.id()).await?;
    assert_eq!(
        after.free,
        before.free + paid - burned + job.amount("/reward")?
    );
    assert_eq!(after.held, before.held, "the bond stays");
    Ok(())
}

/// Every node gives the same token ids, and every node with the model the same text.
async fn is_readable_everywhere(network: &Network, id: JobId, job: &Job) -> Result<()> {
    assert!(!job.output_text()?.trim().is_empty());
    for node in PROVIDERS {
        let read = known(network, node, id).await?;
        assert_eq!(read.output_text()?, job.output_text()?, "{node}");
    }
    for node in VALIDATORS {
        let read = known(network, node, id).await?;
        assert_eq!(read.output_words()?, job.output_words()?, "{node}");
    }
    Ok(())
}

async fn known(network: &Network, node: &str, id: JobId) -> Result<Job> {
    let job = network.compute(node).await?.job(id).await?;
    job.with_context(|| format!("{node} does not know the job"))
}

fn market_table(sellers: &[Seller], job: &Job) -> Result<Table> {
    let mut table = Table::new(&["provider", "node", "KGR a unit", ""]);
    for seller in sellers {
        let won = seller.id().to_string() == job.provider()?;
        let outcome = if won {
            format!("won, at {}", kgr(job.price()?))
        } else {
            String::new()
        };
        table.row(&[seller.name, seller.node, &kgr(seller.price), &outcome]);
    }
    Ok(table)
}

fn job_table(job: &Job) -> Result<Table> {
    let mut table = Table::new(&["the job", ""]);
    let units = format!("{:.3}", job.amount("/work")? as f64 / 1e9);
    table.row(&["assigned in block", &job.amount("/assignedAt")?.to_string()]);
    table.row(&[
        "attested in block",
        &job.amount("/output/block")?.to_string(),
    ]);
    table.row(&["settled in block", &job.amount("/endedAt")?.to_string()]);
    table.row(&["work units", &units]);
    table.row(&["paid, KGR", &kgr(job.amount("/paid")?)]);
    table.row(&["of which burned", &kgr(job.amount("/burned")?)]);
    table.row(&["given back, KGR", &kgr(job.amount("/refunded")?)]);
    table.row(&["reward, KGR", &kgr(job.amount("/reward")?)]);
    table.row(&["output", job.output_text()?.trim()]);
    Ok(table)
}
