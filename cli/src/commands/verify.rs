//! `kagari job verify`: replays a job on this machine.

use super::{Ended, Session};
use crate::{
    args::VerifyArgs,
    claim::Claim,
    failure::Failure,
    follow::{interrupt, look},
    progress::Progress,
    verdict::Verdict,
};
use anyhow::Result;
use kagari_inference::Replayed;
use kagari_offchain_worker::{
    inference::user_models_dir, inference_child::THIS_PROGRAM, Inference, InferenceConfig,
    InferenceError,
};
use kagari_primitives::{AccountId, JobId, Manifest};
use std::{path::PathBuf, time::Duration};
use subxt::utils::AccountId32;

/// Longest that a replay may take. Whoever waits for it can stop it sooner.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Replays the job, and tells whether what its provider attested holds.
pub async fn run(session: &Session, args: &VerifyArgs) -> Result<Ended> {
    let config = config(args)?;
    let claim = claim(session, args.job).await?;
    let manifest = manifest(session, &claim).await?;
    let inference = Inference::start(config, None);
    let replayed = tokio::select! {
        replayed = replay(session, &inference, &manifest, &claim) => replayed?,
        () = interrupt() => return Err(Failure::interrupted("Interrupted.").into()),
    };
    let verdict = Verdict {
        claim: &claim,
        manifest: &manifest,
        replayed,
    };
    session
        .output
        .answer(|| verdict.to_json(), || verdict.words())?;
    Ok(match replayed {
        Replayed::Holds => Ended::Done,
        Replayed::Differs(_) | Replayed::OtherTrace => Ended::Differs,
    })
}

fn config(args: &VerifyArgs) -> Result<InferenceConfig, Failure> {
    Ok(InferenceConfig {
        models_dir: models_dir(args)?,
        program: THIS_PROGRAM.into(),
        memory_mib: args.resources.inference_memory.get(),
        threads: args.resources.threads(),
        concurrency: 1,
        timeout: LONGEST,
    })
}

fn models_dir(args: &VerifyArgs) -> Result<PathBuf, Failure> {
    let dir = args.models.clone().or_else(user_models_dir);
    dir.ok_or_else(|| {
        Failure::new(
            "There is no cache folder to look for models in: name their folder with --models.",
        )
    })
}

/// What the job's provider claims.
async fn claim(session: &Session, job: JobId) -> Result<Claim> {
    let view = look(session.compute(), job).await?.meaning;
    let requester: AccountId32 = view.requester.parse().map_err(|error| {
        Failure::new(format!(
            "The node tells of a requester that is no account ({error})."
        ))
    })?;
    let next_nonce = session.node.next_nonce(&requester).await?;
    let next_nonce = u32::try_from(next_nonce).unwrap_or(u32::MAX);
    let requester = AccountId::new(requester.0);
    Ok(Claim::of(job, view, &requester, next_nonce)?)
}

async fn manifest(session: &Session, claim: &Claim) -> Result<Manifest, Failure> {
    let manifest = session.node.model(claim.model).await?;
    let manifest = manifest.ok_or_else(|| {
        Failure::new(format!(
            "The node knows no model {:#x}, which the job asks for. Ask another node, with --url.",
            claim.model
        ))
    })?;
    claim.check_manifest(&manifest)?;
    Ok(manifest)
}

async fn replay(
    session: &Session,
    inference: &Inference,
    manifest: &Manifest,
    claim: &Claim,
) -> Result<Replayed, Failure> {
    let progress = Progress::new(session.output);
    let (model, all) = (manifest.name_text(), claim.claimed.output.len());
    progress.say(format!(
        "Checking the files of {model}, and replaying the job"
    ));
    let tell = move |done| progress.say(format!("Replaying the job: {done} of {all} tokens"));
    let (task, seed) = (claim.task, claim.task.seed(claim.drawn_by));
    let (input, claimed) = (claim.input.clone(), claim.claimed.clone());
    let replayed = inference.replay(manifest, task, seed, input, claimed, tell);
    replayed.await.map_err(|error| not_replayed(&error))
}

fn not_replayed(error: &InferenceError) -> Failure {
    let hint = match error {
        InferenceError::ModelMissing { .. } => ", or name another folder with --models",
        _ => "",
    };
    Failure::new(format!("The job can't be replayed: {error}{hint}."))
}
