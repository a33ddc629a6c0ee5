//! Ordering a job: asking the price, signing, sending, waiting, telling.

use super::{Ended, Session};
use crate::{
    amount::Amount,
    args::OrderArgs,
    balances, calls,
    compute::{Answer, PrepareRequest, Prepared, Quote},
    failure::Failure,
    follow::{follow, interrupt},
    job_view::JobView,
    keys,
    output::table,
    progress::Progress,
    submit::{send, Inclusion, Receipt, Transaction},
};
use anyhow::{Context, Result};
use kagari_primitives::{BlockNumber, JobId, JobSpec, MAX_INPUT};
use serde_json::{json, Value};
use subxt::{ext::scale_decode::DecodeAsType, utils::AccountId32};
use subxt_signer::sr25519::Keypair;

/// A job that has ended, and what it did to the requester.
struct Delivery {
    job: Answer<JobView>,
    receipt: Receipt,
    before: Amount,
    after: Amount,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct JobSubmitted {
    job: [u8; 32],
}

/// Orders a job and tells what came of it.
pub async fn order(session: &Session, request: PrepareRequest, args: &OrderArgs) -> Result<Ended> {
    let signer = keys::signer(&session.keys)?;
    let prepared = session.compute().prepare(&request).await?;
    let (spec, quote) = terms(&prepared, args)?;
    session
        .output
        .note(&estimate_words(&prepared, quote, &spec));
    let delivery = deliver(session, &signer, &spec, prepared.input).await?;
    session
        .output
        .answer(|| delivery_json(&delivery), || delivery_words(&delivery))?;
    Ok(if delivery.job.meaning.is_unpaid() {
        Ended::Unpaid
    } else {
        Ended::Done
    })
}

/// The specification to sign, and what it would cost now. A job that nobody would take at the price is
/// not sent: the fee would be lost.
fn terms<'p>(prepared: &'p Prepared, args: &OrderArgs) -> Result<(JobSpec, &'p Quote), Failure> {
    if prepared.input.len() > MAX_INPUT as usize {
        return Err(Failure::new(format!(
            "The input has more than {MAX_INPUT} tokens."
        )));
    }
    let nobody = || {
        Failure::new(format!(
            "Nobody who has room now offers {}. Try again later; `kagari models` shows the offers.",
            prepared.name
        ))
    };
    let quote = prepared.cheapest.as_ref().ok_or_else(nobody)?;
    let max_price = args.max_price.or(prepared.max_price).unwrap_or(quote.total);
    if quote.total > max_price {
        return Err(Failure::new(format!(
            "The job would cost up to {}, more than the {max_price} that you are ready to pay. Raise \
             --max-price, or ask for less.",
            quote.total
        )));
    }
    let spec = JobSpec::new(
        prepared.model,
        prepared.task,
        max_price.0,
        args.deadline.unwrap_or(prepared.deadline),
    );
    Ok((spec, quote))
}

fn estimate_words(prepared: &Prepared, quote: &Quote, spec: &JobSpec) -> String {
    format!(
        "{}: {} tokens in, at most {} work units at {} each: up to {} now, never more than {}. Prompt \
         and answer are public.",
        prepared.name,
        prepared.input.len(),
        prepared.work_units,
        quote.price,
        quote.total,
        Amount(spec.max_price)
    )
}

async fn deliver(
    session: &Session,
    signer: &Keypair,
    spec: &JobSpec,
    input: Vec<u32>,
) -> Result<Delivery> {
    let account = signer.public_key().to_account_id();
    let before = balances::funds(&session.node.at_best().await?, &account)
        .await?
        .total();
    let progress = Progress::new(session.output);
    progress.say("Sending the job");
    let transaction = send(&session.node, signer, &calls::submit_job(spec, input)).await?;
    let (receipt, job) = see_through(session, transaction, &progress).await?;
    drop(progress);
    let after = balance_after(session, &account, job.meaning.ended_at()).await?;
    Ok(Delivery {
        job,
        receipt,
        before,
        after,
    })
}

/// What the account has in the block in which its job ended.
async fn balance_after(
    session: &Session,
    account: &AccountId32,
    ended_at: Option<BlockNumber>,
) -> Result<Amount> {
    let chain = match ended_at {
        Some(height) => session.node.at_height(height).await?,
        None => session.node.at_best().await?,
    };
    Ok(balances::funds(&chain, account).await?.total())
}

/// Waits until the transaction is in a block, and then until its job has ended. When the chain moves
/// to a fork on which the transaction stands in another block, the job there is another one.
async fn see_through(
    session: &Session,
    mut transaction: Transaction,
    progress: &Progress,
) -> Result<(Receipt, Answer<JobView>)> {
    progress.say("Waiting for the next block");
    let mut inclusion = first_inclusion(&mut transaction).await?;
    loop {
        let job = job_of(&inclusion)?;
        let tell = |view: &JobView| progress.say(view.words());
        let moved = tokio::select! {
            ended = follow(session.compute(), job, tell) => {
                return Ok((inclusion.receipt, ended?));
            }
            moved = transaction.moved(&inclusion) => moved?,
            () = interrupt() => return Err(stopped(job).into()),
        };
        inclusion = moved;
    }
}

async fn first_inclusion(transaction: &mut Transaction) -> Result<Inclusion> {
    let hash = transaction.hash();
    tokio::select! {
        included = transaction.included() => included,
        () = interrupt() => Err(Failure::interrupted(format!(
            "Interrupted. The job was already sent (transaction {hash}) and may still be done and \
             paid for."
        )).into()),
    }
}

/// The user does not want to wait any longer.
pub fn stopped(job: JobId) -> Failure {
    Failure::interrupted("Interrupted.").about_job(format!("{job:#x}"))
}

fn job_of(inclusion: &Inclusion) -> Result<JobId> {
    let event: Option<JobSubmitted> = inclusion.event("ComputeMarket", "JobSubmitted")?;
    let event = event.context("The transaction succeeded, but the chain tells no job of it")?;
    Ok(JobId::from(event.job))
}

fn delivery_json(delivery: &Delivery) -> Value {
    let mut told = json!({
        "job": delivery.job.json,
        "transaction": delivery.receipt,
        "balanceBefore": delivery.before,
        "balanceAfter": delivery.after,
    });
    let output = &delivery.job.json["output"];
    match &output["vector"] {
        Value::Null => told["answer"] = output["text"].clone(),
        vector => told["vector"] = vector.clone(),
    }
    told
}

fn delivery_words(delivery: &Delivery) -> String {
    let job = &delivery.job.meaning;
    let answer = job.answer().unwrap_or_else(|| format!("{}.", job.words()));
    let mut rows = job.rows();
    if let Some(fee) = delivery.receipt.fee {
        rows.push(("Fee", fee.to_string()));
    }
    rows.push((
        "Balance",
        format!("{} before, {} after", delivery.before, delivery.after),
    ));
    format!("{answer}\n\n{}", table(&rows))
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
