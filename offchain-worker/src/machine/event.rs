//! What the machine hears, and what it asks for.

use crate::record::{Assigned, Record, Signed, WorkId};
use kagari_inference::protocol::Completed;
use kagari_primitives::{
    worker_key::{WorkerId, WorkerSignature},
    Assignment, Attestation, BlockNumber, Hash, JobId, Word,
};

/// How a computation failed, by what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The job itself can't be done (bad input, bad model): it is not tried again.
    Job,
    /// The child crashed, ran out of time or could not be fed: it is tried once more.
    Child,
    /// It was stopped, or could not begin, for the sake of another job: it is tried again.
    Interrupted,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// There is a new best block.
    Best {
        /// Its height.
        number: BlockNumber,
        /// All assignments to this node's worker keys that lack an attestation in its state.
        assigned: Vec<Assigned>,
        /// Of the jobs in [`Machine::unconfirmed`](super::Machine::unconfirmed), those that are
        /// attested in its state, each with the block that carries the attestation.
        attested: Vec<(JobId, BlockNumber)>,
    },
    /// There is a new finalised block.
    Finalised {
        /// Its height.
        number: BlockNumber,
        /// Of the jobs in [`Machine::settling`](super::Machine::settling), those that are over, or
        /// unknown, in its state.
        ended: Vec<JobId>,
    },
    /// A computation came to its end.
    Finished {
        /// Which.
        work: WorkId,
        /// Its result.
        result: Completed,
    },
    /// A computation failed.
    Failed {
        /// Which.
        work: WorkId,
        /// How.
        failure: Failure,
    },
    /// An attestation was signed.
    Signed {
        /// The work it is for.
        work: WorkId,
        /// The signature.
        signed: Signed,
    },
    /// An attestation could not be signed.
    NotSigned {
        /// The work it was for.
        work: WorkId,
    },
    /// The pool did not take an attestation, or the commitment to it, or it is too early for it.
    NotSubmitted {
        /// The work it was for.
        work: WorkId,
    },
}

/// Something to do. Commands are carried out in order: what is journaled before it is signed must
/// lie on the disk before it is signed.
// A command lives for a moment: what it carries need not go to the heap for that.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub enum Command {
    /// Read the input, and compute.
    Run(Assignment),
    /// Stop a computation; no event follows.
    Cancel(WorkId),
    /// Put a record into the journal, in place of the one for the same work.
    Keep(Record),
    /// Take a record out of the journal.
    Forget(WorkId),
    /// Sign an attestation.
    Sign {
        /// The work it is for.
        work: WorkId,
        /// With which key.
        worker: WorkerId,
        /// For which assignment.
        assignment_hash: Hash,
        /// What to attest.
        attestation: Attestation,
    },
    /// Build a fresh extrinsic with the attestation, or the commitment to it, and submit it to the pool.
    Submit {
        /// The work it is for.
        work: WorkId,
        /// For which assignment.
        assignment_hash: Hash,
        /// What is attested.
        attestation: Attestation,
        /// The signature.
        signature: WorkerSignature,
        /// The output.
        output: Vec<Word>,
    },
    /// Note that an attestation is in a block, `blocks` blocks after its computation ended.
    NoteAttested {
        /// The job.
        job: JobId,
        /// How many blocks it took; unknown for what was computed before a restart.
        blocks: Option<BlockNumber>,
    },
}

impl Command {
    /// The event that says that this command could not be carried out at all.
    pub fn failed(&self) -> Option<Event> {
        match self {
            Self::Run(assignment) => {
                let work = WorkId::of(assignment);
                Some(Event::Failed {
                    work,
                    failure: Failure::Child,
                })
            }
            Self::Sign { work, .. } => Some(Event::NotSigned { work: *work }),
            Self::Submit { work, .. } => Some(Event::NotSubmitted { work: *work }),
            Self::Cancel(_) | Self::Keep(_) | Self::Forget(_) | Self::NoteAttested { .. } => None,
        }
    }
}
