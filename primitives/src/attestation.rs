//! Attestations: a worker's signed word that a job is done, and what came out.

use crate::{
    worker_key::{WorkerId, WorkerSignature},
    BlockNumber, Hash, JobId,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::traits::{BlakeTwo256, Hash as _};

/// Why a computation ended.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum StopReason {
    /// A stop token was drawn; it is the last of the output.
    StopToken,
    /// As many tokens as were asked for, or as the model's context has room for.
    Length,
    /// The output is a vector; it is whole.
    Vector,
    /// A NaN or an infinity came up; the output ends before the token that it would have decided.
    NonFinite,
}

/// What a worker attests; the output itself is the last argument of the extrinsic that carries this.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct Attestation {
    /// The job.
    pub job: JobId,
    /// Block in which the job was assigned. A node that has not seen it yet keeps the attestation
    /// from being taken for a bad one.
    pub assigned_at: BlockNumber,
    /// Hash of the output's bytes.
    pub output_hash: Hash,
    /// Why the computation ended.
    pub stop: StopReason,
    /// Commitment to the whole computation: see [`crate::trace`].
    pub trace_root: Hash,
}

/// An attestation as the chain keeps it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct AttestationRecord {
    /// Hash of the output's bytes.
    pub output_hash: Hash,
    /// Number of words of the output.
    pub output_len: u32,
    /// Why the computation ended.
    pub stop: StopReason,
    /// Commitment to the whole computation.
    pub trace_root: Hash,
    /// Block whose body carries the output.
    pub block: BlockNumber,
    /// Index, in that block, of the extrinsic that ends with the output.
    pub extrinsic: u32,
}

/// What a worker signs: it covers the chain, the assignment (and by it the fork) and the result.
pub fn message(genesis: Hash, assignment_hash: Hash, attestation: &Attestation) -> Vec<u8> {
    (b"kagari-attestation", genesis, assignment_hash, attestation).encode()
}

/// What the provider of a replica commits to before anybody reveals a result. The signature of the attestation is its
/// salt: only the worker key can make one, so a commitment tells nobody of the output, and is good for nobody else. No
/// two signatures of the same are equal: the one that was committed to must be kept.
pub fn commitment(attestation: &Attestation, signature: &WorkerSignature) -> Hash {
    BlakeTwo256::hash_of(&(b"kagari-commitment", attestation, signature))
}

/// What a worker signs to commit: it covers the chain, the assignment (and by it the fork) and the commitment.
pub fn commitment_message(genesis: Hash, assignment_hash: Hash, commitment: Hash) -> Vec<u8> {
    (b"kagari-commitment", genesis, assignment_hash, commitment).encode()
}

/// What a worker that has signed an attestation is to do next.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum NextStep {
    /// Submit the attestation.
    Attest,
    /// Submit the attestation of a replica: all have committed.
    Reveal {
        /// Last block in which it counts.
        until: BlockNumber,
    },
    /// Commit to it first: the job is a replica.
    Commit {
        /// The key that is to sign.
        worker: WorkerId,
        /// What to commit to.
        commitment: Hash,
        /// What is to be signed.
        message: Vec<u8>,
    },
    /// Wait: the providers of other replicas have yet to commit.
    Wait,
    /// Give up: what is committed to is not this attestation under this signature.
    Lost,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker_key::WorkerPair;
    use sp_core::Pair;

    #[test]
    fn a_commitment_is_for_one_attestation_and_one_signature() {
        let attestation = Attestation {
            job: Hash::repeat_byte(1),
            assigned_at: 1,
            output_hash: Hash::repeat_byte(2),
            stop: StopReason::Vector,
            trace_root: Hash::zero(),
        };
        let sign = |seed: u8| WorkerPair::from_seed(&[seed; 32]).sign(b"attestation");
        let signature = sign(1);
        let first = commitment(&attestation, &signature);
        assert_eq!(first, commitment(&attestation, &signature));
        assert_ne!(first, commitment(&attestation, &sign(2)));
        let other = Attestation {
            job: Hash::repeat_byte(3),
            ..attestation
        };
        assert_ne!(first, commitment(&other, &signature));
    }

    #[test]
    fn a_commitment_signed_is_no_attestation_signed() {
        let (genesis, assignment) = (Hash::repeat_byte(1), Hash::repeat_byte(2));
        let message = commitment_message(genesis, assignment, Hash::repeat_byte(3));
        assert!(message.starts_with(b"kagari-commitment"));
    }
}
