//! Types that cross Kagari's crates: ids, models, jobs, attestations, traces, and the runtime API
//! through which a node learns what to do.
//!
//! Everything here is `no_std` and free of FRAME, so that the runtime, the worker, the command and
//! any third party share one definition.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

pub mod attestation;
pub mod job;
pub mod known_models;
pub mod lease;
pub mod model;
pub mod provider;
pub mod runtime_api;
pub mod trace;
pub mod worker_key;

pub use attestation::{Attestation, NextStep, StopReason};
pub use job::{
    Assignment, EraReward, JobInfo, JobSpec, JobState, Outcome, Quote, Sampling, Task,
    MAX_REPLICAS, MIN_REPLICAS,
};
pub use lease::{AuctionId, AuctionTerms, LeaseId};
pub use model::{Architecture, ChatTemplate, Manifest, ModelShape, Work};
pub use provider::{
    Hardware, HardwareClass, OfferInfo, ProviderInfo, ProviderStatus, Region, Tier,
};
#[cfg(feature = "std")]
pub use runtime_api::ComputeApi;

use sp_core::H256;
use sp_runtime::{
    traits::{BlakeTwo256, Hash as _, IdentifyAccount, Verify},
    MultiSignature,
};

/// Signature of an extrinsic.
pub type Signature = MultiSignature;
/// Identifies an account: the public key, or its hash.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// An amount of KGR in its smallest unit, 10^-12 KGR.
pub type Balance = u128;
/// Height of a block.
pub type BlockNumber = u32;
/// Count of an account's signed extrinsics.
pub type Nonce = u32;
/// BLAKE2b-256, but for files' contents: see [`model::ModelFile`].
pub type Hash = H256;
/// Identifies a job: see [`job::job_id`].
pub type JobId = H256;
/// Identifies a model: the hash of its [`Manifest`].
pub type ModelId = H256;
/// One entry of a job's input or output: a token id, or, in the output of an embedding, the bits of
/// an IEEE 754 single-precision number.
pub type Word = u32;
/// Number of an era, the period of token emission.
pub type EraIndex = u32;

/// Most words of a job's input.
pub const MAX_INPUT: u32 = 8_192;
/// Most words of a job's output.
pub const MAX_OUTPUT: u32 = 8_192;
/// Widest vector that an embedding puts out.
pub const MAX_EMBEDDING: u32 = 1_024;
/// One KGR.
pub const KGR: Balance = 1_000_000_000_000;
/// Multiply-accumulates in one work unit, the unit in which offers name their price.
pub const MACS_PER_WORK_UNIT: u64 = 1_000_000_000;

/// The bytes of a job's input or output as they stand in the extrinsic: each word little-endian.
pub fn payload_bytes(words: &[Word]) -> alloc::vec::Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// The words of a payload, or `None` if its length is no multiple of four.
pub fn payload_words(bytes: &[u8]) -> Option<alloc::vec::Vec<Word>> {
    if !bytes.len().is_multiple_of(4) {
        return None;
    }
    let word = |c: &[u8]| c.try_into().map(Word::from_le_bytes).ok();
    bytes.chunks_exact(4).map(word).collect()
}

/// The hash of a payload: of [`payload_bytes`].
pub fn payload_hash(words: &[Word]) -> Hash {
    BlakeTwo256::hash(&payload_bytes(words))
}

/// Price of `work` multiply-accumulates at `price` units of KGR per work unit, rounded up, saturating.
pub fn price_of(price: Balance, work: Work) -> Balance {
    const MACS: Balance = MACS_PER_WORK_UNIT as Balance;
    let whole = Balance::from(work) / MACS;
    let rest = Balance::from(work) % MACS;
    price
        .saturating_mul(whole)
        .saturating_add(price.saturating_mul(rest).div_ceil(MACS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn payloads_round_trip(words: Vec<Word>) {
            prop_assert_eq!(payload_words(&payload_bytes(&words)), Some(words));
        }

        #[test]
        fn prices_never_fall_as_work_grows(
            price in 0..1u128 << 80, a in 0..1u64 << 60, b in 0..1u64 << 60
        ) {
            prop_assert!(price_of(price, a) <= price_of(price, a + b));
        }

        #[test]
        fn price_is_the_exact_quotient_rounded_up(price in 0..1u128 << 60, work: u64) {
            let exact = (price * u128::from(work)).div_ceil(MACS_PER_WORK_UNIT.into());
            prop_assert_eq!(price_of(price, work), exact);
        }
    }

    #[test]
    fn cut_payloads_are_refused() {
        assert_eq!(payload_words(&[1, 0, 0, 0, 2]), None);
    }
}
