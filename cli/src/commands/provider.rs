//! `kagari provider`: selling compute.

use super::{balance::account_or_own, models, send::send, Ended, Session};
use crate::{
    arg_values::parse_bytes,
    args::{OfferArgs, ProviderCommand, RegisterArgs},
    calls,
    compute::{EraReward, Provider},
    failure::Failure,
    keys, machine,
    output::table,
};
use anyhow::Result;
use kagari_primitives::{JobId, Tier};
use serde_json::json;
use subxt::utils::AccountId32;

/// Does what is asked.
pub async fn run(session: &Session, command: ProviderCommand) -> Result<Ended> {
    match command {
        ProviderCommand::Register(args) => register(session, &args).await,
        ProviderCommand::Offer(args) => offer(session, &args).await,
        ProviderCommand::RemoveOffer { model } => remove_offer(session, &model).await,
        ProviderCommand::Status { whose } => status(session, whose).await,
        ProviderCommand::Earnings { whose, eras } => earnings(session, whose, eras).await,
        ProviderCommand::Decline { job } => decline(session, job).await,
        ProviderCommand::Unbond => unbond(session).await,
        ProviderCommand::Withdraw => withdraw(session).await,
    }
}

async fn register(session: &Session, args: &RegisterArgs) -> Result<Ended> {
    let signer = keys::signer(&session.keys)?;
    let account = signer.public_key().to_account_id();
    let (worker, proof) = worker_key(session, args, &account).await?;
    let hardware = machine::hardware(args, &session.url);
    let call = calls::register_provider(args.bond.0, worker, proof, &hardware);
    let done = format!(
        "{account} is a provider now, with a bond of {}. Its node must run with --provider; offer \
         a model next: `kagari provider offer`",
        args.bond
    );
    let worker = format!("0x{}", hex::encode(worker));
    let facts = json!({ "provider": account.to_string(), "worker": worker, "bond": args.bond });
    send(session, &signer, &call, facts, done).await
}

/// The worker key and its proof: those given, or new ones of the node.
async fn worker_key(
    session: &Session,
    args: &RegisterArgs,
    account: &AccountId32,
) -> Result<([u8; 32], [u8; 64])> {
    if let (Some(worker), Some(proof)) = (args.worker, args.proof) {
        return Ok((worker, proof));
    }
    let made = session.compute().rotate_worker_key(account).await?;
    let wrong = |why| {
        Failure::new(format!(
            "The worker key that the node made can't be read: {why}."
        ))
    };
    Ok((
        parse_bytes(&made.worker).map_err(wrong)?,
        parse_bytes(&made.proof).map_err(wrong)?,
    ))
}

async fn offer(session: &Session, args: &OfferArgs) -> Result<Ended> {
    let signer = keys::signer(&session.keys)?;
    let model = models::find(session.compute(), &args.model).await?;
    let call = calls::set_offer(model.model, args.price.0, args.capacity);
    let done = format!(
        "{} is offered at {} per work unit, {} at once",
        model.name, args.price, args.capacity
    );
    let facts = json!({ "model": model.model, "price": args.price, "capacity": args.capacity });
    send(session, &signer, &call, facts, done).await
}

async fn remove_offer(session: &Session, model: &str) -> Result<Ended> {
    let signer = keys::signer(&session.keys)?;
    let model = models::find(session.compute(), model).await?;
    let call = calls::remove_offer(model.model);
    let done = format!("{} is no longer offered", model.name);
    send(
        session,
        &signer,
        &call,
        json!({ "model": model.model }),
        done,
    )
    .await
}

async fn decline(session: &Session, job: JobId) -> Result<Ended> {
    let signer = keys::signer(&session.keys)?;
    let done =
        "The job is given back. One now and then is for nothing; `kagari provider status` tells \
        whether it has cost a part of the bond";
    let call = calls::decline_job(job);
    send(session, &signer, &call, json!({ "job": job }), done.into()).await
}

async fn unbond(session: &Session) -> Result<Ended> {
    let signer = keys::signer(&session.keys)?;
    let done =
        "All offers are withdrawn. `kagari provider status` tells from which block on the bond \
        can be taken back, with `kagari provider withdraw`";
    send(session, &signer, &calls::unbond(), json!({}), done.into()).await
}

async fn withdraw(session: &Session) -> Result<Ended> {
    let signer = keys::signer(&session.keys)?;
    let done = "The bond is free again, and you are no provider any more";
    send(
        session,
        &signer,
        &calls::withdraw_bond(),
        json!({}),
        done.into(),
    )
    .await
}

async fn earnings(session: &Session, account: Option<AccountId32>, eras: u32) -> Result<Ended> {
    let account = account_or_own(session, account)?;
    let answer = session.compute().rewards(&account, eras).await?;
    let words = || match answer.meaning.is_empty() {
        true => "No job has been settled on this chain yet.".into(),
        false => answer
            .meaning
            .iter()
            .map(earnings_words)
            .collect::<Vec<_>>()
            .join("\n"),
    };
    session.output.answer(
        || json!({ "account": account.to_string(), "eras": answer.json }),
        words,
    )?;
    Ok(Ended::Done)
}

fn earnings_words(era: &EraReward) -> String {
    format!(
        "Era {}: {} minted for {} work units. The era mints {} a unit for all roles, at most {} for these jobs, \
         which burned {}; the provider has {} of each KGR.",
        era.era, era.reward, era.work_units, era.rate, era.cap, era.burned, era.provider_share
    )
}

async fn status(session: &Session, account: Option<AccountId32>) -> Result<Ended> {
    let account = account_or_own(session, account)?;
    let answer = session.compute().provider(&account).await?;
    let words = || match &answer.meaning {
        Some(provider) => describe(provider),
        None => format!("{account} is no provider."),
    };
    session
        .output
        .answer(|| json!({ "provider": answer.json }), words)?;
    Ok(Ended::Done)
}

fn describe(provider: &Provider) -> String {
    let status = match provider.until {
        Some(until) => format!("unbonding, the bond can be taken back from block {until} on"),
        None => provider.status.clone(),
    };
    let mut rows = vec![
        ("Provider", provider.provider.clone()),
        ("Status", status),
        (
            "Bond",
            format!(
                "{}, and {} delegated; open jobs are worth {}",
                provider.bond, provider.delegated, provider.exposure
            ),
        ),
        ("Worker key", provider.worker.clone()),
        ("Machine", machine_words(provider)),
        ("Jobs", jobs_words(provider)),
    ];
    let offer = |o: &crate::compute::Offer| {
        format!(
            "{} per work unit, {} of {} in use: {:#x}",
            o.price, o.in_use, o.capacity, o.model
        )
    };
    rows.extend(provider.offers.iter().map(|o| ("Offer", offer(o))));
    table(&rows)
}

fn machine_words(provider: &Provider) -> String {
    let hardware = &provider.hardware;
    let mut parts = Vec::new();
    if !hardware.description.is_empty() {
        parts.push(hardware.description.clone());
    }
    if hardware.cores > 0 {
        parts.push(format!("{} cores", hardware.cores));
    }
    if hardware.memory > 0 {
        parts.push(format!("{} MiB", hardware.memory));
    }
    if let Some(region) = hardware.region {
        parts.push(format!("in the region {region:?}"));
    }
    if parts.is_empty() {
        return "(not described)".into();
    }
    parts.join(", ")
}

fn jobs_words(provider: &Provider) -> String {
    format!(
        "{} paid, {} not done in time, {} at work; {}",
        provider.settled,
        provider.failed,
        provider.assigned.len(),
        tier_words(provider.tier)
    )
}

fn tier_words(tier: Tier) -> &'static str {
    match tier {
        Tier::New => "has yet to prove itself",
        Tier::Proven => "proven",
        Tier::Established => "established",
        Tier::Outstanding => "outstanding",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn provider(more: Value) -> Provider {
        let mut provider = json!({
            "provider": "5P", "worker": "0x07", "bond": "10000000000000", "delegated": "5000000000000", "exposure": "0",
            "status": "active", "hardware": { "description": "", "cores": 0, "memory": 0 },
            "offers": [], "assigned": [], "settled": 3, "failed": 1, "tier": "proven",
        });
        let (Value::Object(map), Value::Object(more)) = (&mut provider, more) else {
            panic!("both are objects; qed")
        };
        map.extend(more);
        serde_json::from_value(provider).expect("reads")
    }

    #[test]
    fn earnings_are_told_with_what_they_follow_from() {
        let era: EraReward = serde_json::from_value(json!({
            "era": 7, "rate": "12000000000", "workUnits": "2.5", "burned": "1000000000000",
            "cap": "900000000000", "providerShare": "700000000000", "reward": "21000000000",
        }))
        .expect("reads");
        assert_eq!(
            earnings_words(&era),
            "Era 7: 0.021 KGR minted for 2.5 work units. The era mints 0.012 KGR a unit for all roles, at most \
             0.9 KGR for these jobs, which burned 1 KGR; the provider has 0.7 KGR of each KGR."
        );
    }

    #[test]
    fn a_provider_is_told_in_plain_words() {
        let told = describe(&provider(json!({})));
        assert!(told.contains("Status      active"), "{told}");
        assert!(told.contains("Bond        10 KGR"), "{told}");
        assert!(told.contains("Machine     (not described)"), "{told}");
        assert!(
            told.contains("Jobs        3 paid, 1 not done in time, 0 at work"),
            "{told}"
        );
    }

    #[test]
    fn one_that_stops_tells_when_its_bond_is_free() {
        let told = describe(&provider(json!({ "status": "unbonding", "until": 77 })));
        assert!(told.contains("from block 77 on"), "{told}");
    }

    #[test]
    fn offers_and_machine_are_told() {
        let told = describe(&provider(json!({
            "hardware": { "description": "a laptop", "cores": 8, "memory": 16384 },
            "offers": [{
                "provider": "5P", "model": format!("0x{}", "05".repeat(32)),
                "price": "1000000000", "capacity": 2, "inUse": 1,
            }],
        })));
        assert!(
            told.contains("Machine     a laptop, 8 cores, 16384 MiB"),
            "{told}"
        );
        assert!(
            told.contains("Offer       0.001 KGR per work unit, 1 of 2 in use: 0x0505"),
            "{told}"
        );
    }
}
