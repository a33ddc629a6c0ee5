//! Records in this pallet's storage.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use kagari_primitives::{Balance, EraIndex, Work};
use scale_info::TypeInfo;

/// The present era.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Era {
    /// Its number.
    pub index: EraIndex,
    /// What it mints per work unit, within a job's cap.
    pub rate: Balance,
    /// What it may still mint.
    pub left: Balance,
    /// Multiply-accumulates of the jobs settled in it so far, as far as their burn paid for them.
    pub work: Work,
}

/// Work of one account in one era, and what was minted for it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct AccountWork {
    /// Multiply-accumulates of settled jobs.
    pub work: Work,
    /// Minted for them.
    pub reward: Balance,
}
