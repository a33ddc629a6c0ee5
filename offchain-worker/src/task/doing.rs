//! What the worker has under way: computations and submissions.

use crate::{
    chain::{Chain, ChainError, Head},
    inference::{Inference, InferenceError},
    machine::{Event, Failure},
    metrics::WorkerMetrics,
    payload::PayloadError,
    record::{Signed, WorkId},
    LOG_TARGET,
};
use futures::{
    future::{abortable, AbortHandle, Aborted, BoxFuture},
    stream::FuturesUnordered,
    FutureExt, StreamExt,
};
use kagari_inference::protocol::Completed;
use kagari_primitives::{
    worker_key::{WorkerId, WorkerSignature},
    Assignment, Hash, JobId, Manifest, Word,
};
use std::{collections::BTreeMap, panic::AssertUnwindSafe, time::Instant};

/// The futures that the worker waits for, each with the event that it ends in, if any.
pub(super) struct Doing {
    inference: Inference,
    metrics: WorkerMetrics,
    futures: FuturesUnordered<BoxFuture<'static, Option<Event>>>,
    running: BTreeMap<WorkId, Running>,
    /// When an assignment was first seen.
    since: BTreeMap<WorkId, Instant>,
}

/// A computation that can be stopped.
struct Running {
    job: JobId,
    handle: AbortHandle,
}

/// Why a computation failed.
#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Inference(#[from] InferenceError),
    #[error("its input could not be read: {0}")]
    Payload(#[from] PayloadError),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("its model is not registered")]
    UnknownModel,
    #[error("a fault in the worker")]
    Panic,
}

impl Reason {
    fn label(&self) -> &'static str {
        match self {
            Self::Inference(error) => error.label(),
            Self::Payload(_) => "payload",
            Self::Chain(_) => "chain",
            Self::UnknownModel => "unknown_model",
            Self::Panic => "panic",
        }
    }

    fn failure(&self) -> Failure {
        use InferenceError as E;
        match self {
            Self::Inference(E::ModelMissing { .. } | E::BadModel(_) | E::BadInput(_)) => {
                Failure::Job
            }
            Self::Inference(E::Busy | E::Interrupted | E::Stopped) => Failure::Interrupted,
            Self::Inference(
                E::Timeout(_) | E::ChildDied(_) | E::NotStarted(_) | E::Internal(_),
            ) => Failure::Child,
            // A fork can make the input unreadable for a moment.
            Self::Payload(_) | Self::Chain(_) | Self::Panic => Failure::Child,
            Self::UnknownModel => Failure::Job,
        }
    }
}

impl Doing {
    pub fn new(inference: Inference, metrics: WorkerMetrics) -> Self {
        let (running, since) = (BTreeMap::new(), BTreeMap::new());
        Self {
            inference,
            metrics,
            futures: FuturesUnordered::new(),
            running,
            since,
        }
    }

    /// The next event; it never comes while nothing is under way.
    pub async fn next(&mut self) -> Event {
        loop {
            match self.futures.next().await {
                Some(Some(event)) => {
                    self.ended(&event);
                    return event;
                }
                Some(None) => {}
                None => futures::future::pending().await,
            }
        }
    }

    fn ended(&mut self, event: &Event) {
        if let Event::Finished { work, .. } | Event::Failed { work, .. } = event {
            self.running.remove(work);
        }
    }

    /// Notes that an assignment is there, from which on it counts as waiting.
    pub fn assigned(&mut self, work: WorkId) {
        self.since.insert(work, Instant::now());
    }

    /// Notes that an assignment is gone.
    pub fn unassigned(&mut self, work: &WorkId) {
        self.since.remove(work);
    }

    /// Begins a computation, or says why it can't.
    pub fn run(&mut self, chain: &impl Chain, best: Head, assignment: Assignment) -> Option<Event> {
        match prepare(chain, best, &assignment) {
            Ok((model, input)) => {
                self.begin(assignment, model, input);
                None
            }
            Err(reason) => Some(failed(
                &self.metrics,
                WorkId::of(&assignment),
                assignment.job,
                &reason,
            )),
        }
    }

    fn begin(&mut self, assignment: Assignment, model: Manifest, input: Vec<Word>) {
        let (work, job) = (WorkId::of(&assignment), assignment.job);
        log::info!(target: LOG_TARGET, "Computing job {job:?} with {}", model.name_text());
        if let Some(since) = self.since.remove(&work) {
            self.metrics.queueing.observe(since.elapsed().as_secs_f64());
        }
        let inference = self.inference.clone();
        let run = async move {
            let (task, seed) = (assignment.spec.task, assignment.seed());
            inference.run(&model, task, seed, input).await
        };
        let (run, handle) = abortable(AssertUnwindSafe(run).catch_unwind());
        self.running.insert(work, Running { job, handle });
        let metrics = self.metrics.clone();
        let started = Instant::now();
        let ended = run.map(move |ended| match ended {
            Err(Aborted) => None,
            Ok(Ok(Ok(result))) => Some(finished(&metrics, work, job, started, result)),
            Ok(Ok(Err(error))) => Some(failed(&metrics, work, job, &error.into())),
            Ok(Err(_)) => Some(failed(&metrics, work, job, &Reason::Panic)),
        });
        self.futures.push(ended.boxed());
    }

    /// Stops a computation; no event follows.
    pub fn cancel(&mut self, work: WorkId) {
        if let Some(Running { job, handle }) = self.running.remove(&work) {
            log::info!(
                target: LOG_TARGET,
                "Stopping job {job:?}: it is not assigned to this node any more, or past its deadline",
            );
            handle.abort();
        }
    }

    /// Stops all computations.
    pub fn cancel_all(&mut self) {
        std::mem::take(&mut self.running)
            .into_values()
            .for_each(|running| running.handle.abort());
    }

    /// Waits for a submission.
    pub fn submit(
        &mut self,
        work: WorkId,
        job: JobId,
        submission: BoxFuture<'static, Result<(), ChainError>>,
    ) {
        let submitted = AssertUnwindSafe(submission).catch_unwind().map(move |submitted| {
            let error = match submitted {
                Ok(Ok(())) => return None,
                Ok(Err(error @ ChainError::Waits)) => {
                    log::debug!(target: LOG_TARGET, "The attestation of job {job:?} waits for the next block: {error}");
                    return Some(Event::NotSubmitted { work });
                }
                Ok(Err(error @ ChainError::Lost)) => {
                    log::error!(target: LOG_TARGET, "Job {job:?}: {error}");
                    // Another fork may still have another commitment, or none; that need not be tried with every block.
                    return None;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "a fault in the worker".into(),
            };
            log::warn!(
                target: LOG_TARGET,
                "The attestation of job {job:?}, or the commitment to it, was not submitted and will be tried again: {error}",
            );
            Some(Event::NotSubmitted { work })
        });
        self.futures.push(submitted.boxed());
    }
}

/// Fetches what a computation needs.
fn prepare(
    chain: &impl Chain,
    best: Head,
    assignment: &Assignment,
) -> Result<(Manifest, Vec<Word>), Reason> {
    let model = chain
        .model(best.hash, assignment.spec.model)?
        .ok_or(Reason::UnknownModel)?;
    Ok((model, chain.input(assignment)?))
}

fn finished(
    metrics: &WorkerMetrics,
    work: WorkId,
    job: JobId,
    started: Instant,
    result: Completed,
) -> Event {
    let seconds = started.elapsed().as_secs_f64();
    metrics.inference.observe(seconds);
    log::info!(target: LOG_TARGET, "Job {job:?} is done: {} words in {seconds:.1} s", result.output.len());
    Event::Finished { work, result }
}

fn failed(metrics: &WorkerMetrics, work: WorkId, job: JobId, reason: &Reason) -> Event {
    metrics.failed.with_label_values(&[reason.label()]).inc();
    let failure = reason.failure();
    let next = match failure {
        Failure::Job => "it is given up",
        Failure::Child | Failure::Interrupted => "it is tried again if it may be",
    };
    log::warn!(target: LOG_TARGET, "Job {job:?} failed: {reason}; {next}");
    Event::Failed { work, failure }
}

/// The event that follows the attempt to sign.
pub(super) fn signed(
    work: WorkId,
    worker: WorkerId,
    assignment_hash: Hash,
    signature: Result<WorkerSignature, ChainError>,
) -> Event {
    match signature {
        Ok(signature) => Event::Signed {
            work,
            signed: Signed {
                worker,
                assignment_hash,
                signature,
            },
        },
        Err(error) => {
            log::warn!(target: LOG_TARGET, "An attestation was not signed and will be tried again: {error}");
            Event::NotSigned { work }
        }
    }
}
