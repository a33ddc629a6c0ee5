//! What this pallet needs of the market: the runtime ties it to `compute-market`.

use frame_support::weights::Weight;
use kagari_primitives::{
    worker_key::WorkerId, Assignment, Attestation, Hash, JobId, ModelShape, Word,
};
use sp_runtime::{DispatchError, DispatchResult};

/// An assigned job, as far as judging an attestation of it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignedJob {
    /// What was assigned.
    pub assignment: Assignment,
    /// Shape of its model.
    pub shape: ModelShape,
    /// The key that is to sign.
    pub worker: WorkerId,
    /// What counts besides if it is one of several replicas.
    pub replica: Option<Replica>,
}

/// How far a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    /// What its provider has committed to, once it has.
    pub commitment: Option<Hash>,
    /// Whether all others have committed too, so that it may be attested.
    pub may_reveal: bool,
}

/// The market's jobs.
pub trait Jobs {
    /// A job that is assigned and lacks an attestation.
    fn assigned(job: JobId) -> Option<AssignedJob>;
    /// Whether a job is open, attested or not.
    fn is_open(job: JobId) -> bool;
    /// Takes the commitment of a replica, which has been checked.
    fn commit(job: JobId, commitment: Hash) -> DispatchResult;
    /// Takes an attestation that has been checked. Gives what it weighed that the benchmark of an attestation does
    /// not have.
    fn attest(attestation: &Attestation, output: &[Word]) -> Result<Weight, DispatchError>;
    /// Puts an assigned job for `worker` and its attestation's assignment into the state.
    #[cfg(feature = "runtime-benchmarks")]
    fn assign_for_benchmark(worker: WorkerId) -> Assignment;
    /// Puts an assigned replica for `worker` into the state, the last of its gang that is to be committed to.
    #[cfg(feature = "runtime-benchmarks")]
    fn assign_replica_for_benchmark(worker: WorkerId) -> Assignment;
    /// Has the present extrinsic end with `words`.
    #[cfg(feature = "runtime-benchmarks")]
    fn bring_for_benchmark(words: &[Word]);
}
