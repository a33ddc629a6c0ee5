//! What became of a job.

use crate::{buyer::Buyer, seller::Seller};
use anyhow::{Context, Result};
use kagari_network_test::{
    chain::Balances,
    job::{Job, JobId},
    kgr,
    network::{PROVIDERS, VALIDATORS},
    price_of, Network, Table,
};

/// Block in which the job ended.
pub fn end(job: &Job) -> Result<u32> {
    u32::try_from(job.amount("/endedAt")?).context("the block in which the job ended")
}

/// The requester has paid for the work done, and nothing more is held; the provider has what was paid,
/// less what was burned, and its reward.
pub async fn is_paid_for(
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

    network.wait_until_final(end(job)?).await?;
    buyer.wait_until_final(end(job)?).await?;
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
pub async fn is_readable_everywhere(network: &Network, id: JobId, job: &Job) -> Result<()> {
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

/// Who offered what, and who won.
pub fn market_table(sellers: &[Seller], job: &Job) -> Result<Table> {
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

/// A settled job, from its assignment to the money.
pub fn job_table(job: &Job) -> Result<Table> {
    let mut table = Table::new(&["the job", ""]);
    let units = format!("{:.3}", job.amount("/work")? as f64 / 1e9);
    table.row(&["assigned in block", &job.amount("/assignedAt")?.to_string()]);
    table.row(&[
        "attested in block",
        &job.amount("/output/block")?.to_string(),
    ]);
    table.row(&["settled in block", &end(job)?.to_string()]);
    table.row(&["work units", &units]);
    table.row(&["paid, KGR", &kgr(job.amount("/paid")?)]);
    table.row(&["of which burned", &kgr(job.amount("/burned")?)]);
    table.row(&["given back, KGR", &kgr(job.amount("/refunded")?)]);
    table.row(&["reward, KGR", &kgr(job.amount("/reward")?)]);
    table.row(&["output", job.output_text()?.trim()]);
    Ok(table)
}
