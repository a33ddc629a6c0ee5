//! Jobs on a network of four validators and three providers: one goes to the cheapest provider, is paid
//! the second price and can be read through every node; one whose provider hangs is given back.
//!
//! Run it with `scripts/test-network.sh`. One network serves all of it: starting seven nodes takes most
//! of the time.

mod buyer;
mod outcome;
mod seller;

use anyhow::Result;
use buyer::Buyer;
use futures::future::try_join_all;
use kagari_network_test::{job::Job, price_of, Network, Progress, Settings};
use seller::{sellers, Seller};
use std::time::Duration;

const MODEL: &str = "SmolLM2-135M-Instruct-Q4_1";
/// Guards against waiting for ever; nothing is judged by the time that it took.
const PATIENCE: Duration = Duration::from_secs(900);
/// Blocks that a provider has; seven nodes and the inference share the machine.
const DEADLINE: u32 = 100;
/// Blocks that a provider has which will not answer.
const SHORT_DEADLINE: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn jobs_go_through_on_a_network() -> Result<()> {
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
            .map(|seller| seller.open(&network, &progress)),
    )
    .await?;

    let buyer = Buyer::new(&network, &sellers).await?;
    let job = is_served_by_the_cheapest(&network, &buyer, &sellers, &progress).await?;
    println!(
        "\n{}\n{}",
        outcome::market_table(&sellers, &job)?,
        outcome::job_table(&job)?
    );
    goes_to_the_next_if_its_provider_hangs(&network, &buyer, &sellers, &progress).await?;
    network.stop().await?;
    progress.say("done");
    Ok(())
}

async fn is_served_by_the_cheapest(
    network: &Network,
    buyer: &Buyer,
    [dearest, second, cheapest]: &[Seller; 3],
    progress: &Progress,
) -> Result<Job> {
    let work = buyer.prepared.work()?;
    buyer.is_refused_below(price_of(second.price, work)).await?;
    progress.say("a job whose maximum is below the price is refused and holds nothing");

    let before = buyer.chain.balances(&cheapest.id()).await?;
    let id = buyer.send(price_of(dearest.price, work), DEADLINE).await?;
    progress.say(format!("job {id:?} is final"));
    let job = buyer.follow(id, progress).await?;
    assert_eq!(job.state()?, "settled", "{job:?}");
    assert_eq!(
        job.provider()?,
        cheapest.id().to_string(),
        "the cheapest works"
    );
    assert_eq!(job.price()?, second.price, "at the price of the next");

    outcome::is_paid_for(network, buyer, &job, cheapest, before).await?;
    outcome::is_readable_everywhere(network, id, &job).await?;
    progress.say("the money is where it should be, and every node gives the same output");
    Ok(job)
}

/// With the cheapest gone, the job goes to the next, which asks no more than the escrow holds; the
/// provider that failed has nothing.
async fn goes_to_the_next_if_its_provider_hangs(
    network: &Network,
    buyer: &Buyer,
    [_, second, cheapest]: &[Seller; 3],
    progress: &Progress,
) -> Result<()> {
    progress.say(format!("{} hangs from now on", cheapest.node));
    network.pause(cheapest.node).await?;
    let before = buyer.chain.balances(&cheapest.id()).await?;
    let most = price_of(cheapest.price, buyer.prepared.work()?) * 10;
    let id = buyer.send(most, SHORT_DEADLINE).await?;
    let job = buyer.follow(id, progress).await?;
    assert_eq!(job.state()?, "settled", "{job:?}");
    assert_eq!(job.provider()?, second.id().to_string(), "the next works");
    assert_eq!(job.price()?, second.price, "at its own price");
    buyer.wait_until_final(outcome::end(&job)?).await?;
    assert_eq!(buyer.balances().await?.held, 0);
    assert_eq!(buyer.chain.balances(&cheapest.id()).await?, before);
    Ok(())
}
