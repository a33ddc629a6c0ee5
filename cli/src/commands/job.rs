//! `kagari job`: looking at jobs, and replaying them.

use super::{order::stopped, send::send, verify, Ended, Session};
use crate::{
    args::JobCommand,
    calls,
    compute::Answer,
    follow::{follow, interrupt, look},
    job_view::JobView,
    keys,
    progress::Progress,
};
use anyhow::Result;
use kagari_primitives::JobId;
use serde_json::json;

/// Does what is asked.
pub async fn run(session: &Session, command: JobCommand) -> Result<Ended> {
    match command {
        JobCommand::Show { job } => show(session, job).await,
        JobCommand::Watch { job } => watch(session, job).await,
        JobCommand::Cancel { job } => cancel(session, job).await,
        JobCommand::Verify(args) => verify::run(session, &args).await,
    }
}

async fn show(session: &Session, job: JobId) -> Result<Ended> {
    tell(session, &look(session.compute(), job).await?)?;
    Ok(Ended::Done)
}

async fn watch(session: &Session, job: JobId) -> Result<Ended> {
    // A mistyped id is told at once; a job that is known may vanish for a moment, on a fork.
    look(session.compute(), job).await?;
    let ended = {
        let progress = Progress::new(session.output);
        tokio::select! {
            ended = follow(session.compute(), job, |view| progress.say(view.words())) => ended?,
            () = interrupt() => return Err(stopped(job).into()),
        }
    };
    tell(session, &ended)?;
    Ok(if ended.meaning.is_unpaid() {
        Ended::Unpaid
    } else {
        Ended::Done
    })
}

async fn cancel(session: &Session, job: JobId) -> Result<Ended> {
    let signer = keys::signer(&session.keys)?;
    let done =
        "The job is cancelled. The time that it took up is paid for, and the rest is yours again; \
        `kagari job show` tells how much";
    let call = calls::cancel_job(job);
    send(session, &signer, &call, json!({ "job": job }), done.into()).await
}

fn tell(session: &Session, job: &Answer<JobView>) -> Result<()> {
    session
        .output
        .answer(|| json!({ "job": job.json }), || job.meaning.describe())
}
