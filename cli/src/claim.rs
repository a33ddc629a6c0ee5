//! What a provider claims a job gave, checked as far as hashes go: a node that gives other words than
//! were paid for is found out.

use crate::{
    failure::Failure,
    job_view::{Input, JobView, Output, State},
};
use kagari_inference::protocol::Completed;
use kagari_primitives::{
    job::{gang_id, job_id, replica_id},
    payload_hash, AccountId, BlockNumber, Hash, JobId, Manifest, ModelId, Task, Word, MAX_REPLICAS,
};

/// Nonces among which that of a job is looked for, from 0 on, and below the requester's present one.
const NONCES: u32 = 1 << 20;

/// A claim that can be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// The id that its tokens are drawn with: its own, or that of all replicas together.
    pub drawn_by: JobId,
    /// Who claims it.
    pub provider: String,
    /// The model.
    pub model: ModelId,
    /// What was to be computed.
    pub task: Task,
    /// The input.
    pub input: Vec<Word>,
    /// What is claimed to have come out.
    pub claimed: Completed,
}

impl Claim {
    /// The claim in what a node tells of a job. The id must be that of the requester's job with this
    /// input, and the words must have the hashes that the chain keeps.
    pub fn of(
        job: JobId,
        view: JobView,
        requester: &AccountId,
        next_nonce: u32,
    ) -> Result<Self, Failure> {
        let output = view.output.ok_or_else(|| no_output(&view.state))?;
        let input = &view.input;
        let is_its = view.job == job
            && match view.replica_of {
                Some(gang) => {
                    is_replica_of(job, gang)
                        && is_made(requester, input, next_nonce, |id| gang_id(id) == gang)
                }
                None => is_made(requester, input, next_nonce, |id| id == job),
            };
        if !is_its {
            return Err(lie(
                "a requester, block or input that the id does not cover",
            ));
        }
        let Input { hash, block, .. } = *input;
        let input = payload(view.input.words, hash, block, "input")?;
        Ok(Self {
            job,
            drawn_by: view.replica_of.unwrap_or(job),
            provider: view.provider,
            model: view.spec.model,
            task: view.spec.task,
            input,
            claimed: completed(output)?,
        })
    }

    /// Makes sure that a manifest is that of the model.
    pub fn check_manifest(&self, manifest: &Manifest) -> Result<(), Failure> {
        match manifest.id() == self.model {
            true => Ok(()),
            false => Err(lie("a manifest of another model")),
        }
    }
}

fn completed(output: Output) -> Result<Completed, Failure> {
    Ok(Completed {
        output: payload(output.words, output.hash, output.block, "output")?,
        stop: output.stop,
        trace_root: output.trace_root,
    })
}

/// The words of a payload, which must have its hash.
fn payload(
    words: Option<Vec<Word>>,
    hash: Hash,
    block: BlockNumber,
    what: &str,
) -> Result<Vec<Word>, Failure> {
    let words = words.ok_or_else(|| {
        Failure::new(format!(
            "The node no longer has block {block}, which carries the {what}. Ask one that keeps all \
             blocks (--blocks-pruning archive) with --url."
        ))
    })?;
    match payload_hash(&words) == hash {
        true => Ok(words),
        false => Err(lie(&format!("an {what} that has not the hash {hash:#x}"))),
    }
}

/// Whether an id is that of one of the replicas of a job.
fn is_replica_of(job: JobId, gang: JobId) -> bool {
    (0..MAX_REPLICAS).any(|index| replica_id(gang, index) == job)
}

/// Whether an id that is right is made of this requester and this input, at any nonce.
fn is_made(
    requester: &AccountId,
    input: &Input,
    next_nonce: u32,
    is_right: impl Fn(JobId) -> bool,
) -> bool {
    // A node that lies about the nonce gains nothing by it. That of an account that was emptied starts
    // anew, so it does not bound those of its jobs.
    let near = next_nonce.saturating_sub(NONCES)..=next_nonce;
    let mut nonces = (0..NONCES).chain(near);
    nonces.any(|nonce| is_right(job_id(requester, nonce, input.block, input.hash)))
}

fn lie(what: &str) -> Failure {
    Failure::new(format!(
        "The node tells of {what}, so nothing can be said of the job. Ask another node, with --url."
    ))
}

/// Why a job has no output.
fn no_output(state: &State) -> Failure {
    Failure::new(match state {
        State::Refunded { .. } => {
            "No provider did the job, and it was refunded: there is nothing to verify."
        }
        State::Cancelled { .. } => {
            "The job was cancelled before it was done: there is nothing to verify."
        }
        State::Assigned { .. } => {
            "The job is not attested yet, so there is nothing to verify: follow it with \
             `kagari job watch`, and try again then."
        }
        State::Attested { .. } | State::Settled { .. } | State::Discarded { .. } => {
            return lie("no output, though the job was attested");
        }
    })
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
