//! Attestations: a worker's signed word that a job is done, and what came out.

use crate::{BlockNumber, Hash, JobId};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

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
