//! What a worker keeps of a job that it has done: the contents of the journal.

use codec::{Decode, Encode};
use kagari_primitives::{
    payload_hash,
    worker_key::{WorkerId, WorkerSignature},
    Assignment, Attestation, Hash, ModelId, StopReason, Task, Word,
};
use sp_runtime::traits::{BlakeTwo256, Hash as _};

/// Everything that the result of a job depends on, as a hash. After a fork a job may come back under
/// another assignment; its result holds for every assignment with the same work.
///
/// The job's id stands for the seed of the sampling, and does not cover what is to be computed: a
/// requester can send another spec under the same id on another fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct WorkId(pub Hash);

impl WorkId {
    /// The work that an assignment asks for.
    pub fn of(assignment: &Assignment) -> Self {
        let spec: (ModelId, Task) = (assignment.spec.model, assignment.spec.task);
        Self(BlakeTwo256::hash_of(&(
            b"kagari-work",
            assignment.job,
            spec,
            assignment.input_hash,
        )))
    }
}

/// An assignment to one of this node's worker keys.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Assigned {
    /// The key that attests.
    pub worker: WorkerId,
    /// The assignment.
    pub assignment: Assignment,
}

/// The signature of an attestation, and what it holds for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Signed {
    /// The key that signed.
    pub worker: WorkerId,
    /// The assignment that the signature covers; it fits no other.
    pub assignment_hash: Hash,
    /// The signature.
    pub signature: WorkerSignature,
}

/// Most signatures that are kept of one piece of work: forks may take turns, each with an assignment of its own.
const MAX_SIGNED: usize = 8;

/// A job that was done.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Record {
    /// The assignment as it was last seen.
    pub assigned: Assigned,
    /// What came out.
    pub output: Vec<Word>,
    /// Why the computation ended.
    pub stop: StopReason,
    /// Commitment to the whole computation.
    pub trace_root: Hash,
    /// The latest signatures, the oldest first. No two signatures of the same are equal, and the provider of a replica
    /// has committed to one: on the same assignment, that one must be used again.
    pub signed: Vec<Signed>,
}

impl Record {
    /// The work that was done.
    pub fn work(&self) -> WorkId {
        WorkId::of(&self.assigned.assignment)
    }

    /// What is to be attested for the assignment: the same for one assignment, always.
    pub fn attestation(&self) -> Attestation {
        let assignment = &self.assigned.assignment;
        Attestation {
            job: assignment.job,
            assigned_at: assignment.assigned_at,
            output_hash: payload_hash(&self.output),
            stop: self.stop,
            trace_root: self.trace_root,
        }
    }

    /// Whether a signature is for the assignment as it stands now.
    pub fn is_fitting(&self, signed: &Signed) -> bool {
        signed.worker == self.assigned.worker
            && signed.assignment_hash == self.assigned.assignment.assignment_hash
    }

    /// The signature, if there is one for the assignment as it stands now.
    pub fn valid_signature(&self) -> Option<&WorkerSignature> {
        let fitting = self.signed.iter().find(|signed| self.is_fitting(signed));
        fitting.map(|signed| &signed.signature)
    }

    /// Adds a signature; of too many, the oldest goes.
    pub fn add_signature(&mut self, signed: Signed) {
        self.signed.push(signed);
        let surplus = self.signed.len().saturating_sub(MAX_SIGNED);
        self.signed.drain(..surplus);
    }
}
