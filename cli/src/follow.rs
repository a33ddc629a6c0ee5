//! Following a job until it has ended.

use crate::{
    compute::{Answer, Compute},
    failure::Failure,
    job_view::JobView,
};
use kagari_primitives::JobId;
use serde_json::Value;
use std::time::Duration;
use subxt::rpcs::client::RpcSubscription;

/// Between two looks, where the node doesn't tell changes by itself.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often in a row a node may not know the job: it may be changing to another fork.
const MOST_MISSES: u32 = 20;

/// Follows a job until it has ended, and tells each change.
pub async fn follow(
    compute: Compute<'_>,
    job: JobId,
    mut tell: impl FnMut(&JobView),
) -> Result<Answer<JobView>, Failure> {
    let mut changes = Changes::start(compute, job).await;
    let mut misses = 0;
    loop {
        let state = changes.next().await.map_err(|f| lost_sight(f, job))?;
        if state.is_null() {
            misses += 1;
            if misses == MOST_MISSES {
                return Err(unknown_job(job));
            }
            // A node tells only once that it doesn't know the job.
            changes.poll();
            continue;
        }
        misses = 0;
        let answer: Answer<JobView> = Answer::read(state).map_err(|f| lost_sight(f, job))?;
        tell(&answer.meaning);
        if answer.meaning.is_over() {
            return Ok(answer);
        }
    }
}

/// The job as it stands.
pub async fn look(compute: Compute<'_>, job: JobId) -> Result<Answer<JobView>, Failure> {
    match compute.job(job).await? {
        Value::Null => Err(unknown_job(job)),
        json => Answer::read(json),
    }
}

/// Waits until the user asks to stop (Ctrl-C).
pub async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler, the signal ends the process by itself.
        std::future::pending::<()>().await;
    }
}

/// The job goes on, but we don't see it.
fn lost_sight(failure: Failure, job: JobId) -> Failure {
    failure.about_job(format!("{job:#x}"))
}

fn unknown_job(job: JobId) -> Failure {
    Failure::new(format!(
        "The node knows no job {job:#x}. Check the id; a node knows the jobs that are open and those \
         that ended while it was running."
    ))
}

/// What becomes of a job: from a subscription, or by looking again and again.
struct Changes<'a> {
    compute: Compute<'a>,
    job: JobId,
    subscription: Option<RpcSubscription<Value>>,
    looked: bool,
}

impl<'a> Changes<'a> {
    async fn start(compute: Compute<'a>, job: JobId) -> Self {
        let subscription = compute.subscribe_job(job).await.ok();
        Self {
            compute,
            job,
            subscription,
            looked: false,
        }
    }

    /// From now on looks again and again.
    fn poll(&mut self) {
        self.subscription = None;
    }

    /// The job at its next change, or just again; `null` if the node doesn't know it.
    async fn next(&mut self) -> Result<Value, Failure> {
        // The first look comes after the subscription, so no change falls in between.
        if !self.looked {
            self.looked = true;
            return self.compute.job(self.job).await;
        }
        if let Some(subscription) = &mut self.subscription {
            if let Some(Ok(state)) = subscription.next().await {
                return Ok(state);
            }
            self.subscription = None;
        }
        tokio::time::sleep(INTERVAL).await;
        self.compute.job(self.job).await
    }
}
