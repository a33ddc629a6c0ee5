//! Why an attestation, or a commitment to one, is refused: the numbers of `InvalidTransaction::Custom`.
//!
//! Besides these, an attestation for a job that this chain has not seen yet, or for a replica while others have yet to
//! commit, gives `UnknownTransaction::CannotLookup`, one that comes too late or for the second time
//! `InvalidTransaction::Stale`, and a wrong signature `InvalidTransaction::BadProof`.

use sp_runtime::transaction_validity::{InvalidTransaction, TransactionValidityError};

/// Why an attestation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Rejection {
    /// The block of the assignment differs: the attestation is for an earlier assignment, or for one
    /// on another fork.
    OtherAssignment = 1,
    /// The output is longer than the job allows, or a vector of the wrong width.
    WrongLength = 2,
    /// The output's hash is not the one attested.
    WrongOutputHash = 3,
    /// The reason to stop does not fit the job's task or the length of its output.
    WrongStopReason = 4,
    /// The job is a replica, and its provider has committed to another attestation, or to this one under
    /// another signature.
    NotCommitted = 5,
    /// The job is no replica: nothing is to be committed to.
    NoReplica = 6,
}

impl From<Rejection> for TransactionValidityError {
    fn from(rejection: Rejection) -> Self {
        InvalidTransaction::Custom(rejection as u8).into()
    }
}
