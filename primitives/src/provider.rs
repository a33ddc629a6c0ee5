//! Providers and their standing offers, as people and programs see them.

use crate::{worker_key::WorkerId, AccountId, Balance, BlockNumber, JobId, ModelId};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

/// How a machine computes. Jobs of one class are never matched with offers of another.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum HardwareClass {
    /// With the exact kernels: every result has the same bits on every machine.
    #[default]
    Exact,
    /// With kernels of a vendor's, whose results differ in the last bits from machine to machine.
    Approximate,
}

/// Where a machine stands, in the coarse regions of the United Nations (M49).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Region {
    /// Africa.
    Africa,
    /// Asia.
    Asia,
    /// Europe.
    Europe,
    /// Latin America and the Caribbean.
    LatinAmerica,
    /// Northern America.
    NorthernAmerica,
    /// Oceania.
    Oceania,
}

/// What a provider says of its machine. Class and region decide for which jobs its offers stand; on the rest
/// nothing rests, and requesters may read it.
#[derive(
    Clone,
    Debug,
    Default,
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
pub struct Hardware {
    /// Processor and accelerators in the provider's own words, UTF-8.
    pub description: BoundedVec<u8, ConstU32<128>>,
    /// Processor cores.
    pub cores: u16,
    /// Memory in MiB.
    pub memory: u32,
    /// How it computes.
    #[serde(default)]
    pub class: HardwareClass,
    /// Where it stands, if that is told.
    #[serde(default)]
    pub region: Option<Region>,
}

/// Whether a provider takes jobs.
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
pub enum ProviderStatus {
    /// Its offers stand.
    Active,
    /// Its offers are withdrawn; the bond can be taken back from this block on.
    Unbonding(BlockNumber),
}

/// How much a provider has proved itself; see the market's arithmetic of reputation.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Tier {
    /// It has done little yet, or has failed too much of it.
    #[default]
    New,
    /// It has done some work and failed at most an eighth of it.
    Proven,
    /// It has done much and failed at most a 32nd.
    Established,
    /// It has done very much and failed at most a 128th.
    Outstanding,
}

impl Tier {
    /// All tiers, the lowest first.
    pub const ALL: [Self; 4] = [
        Self::New,
        Self::Proven,
        Self::Established,
        Self::Outstanding,
    ];
}

/// A standing offer: one price for one model, with room for so many jobs at once.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferInfo {
    /// Who offers.
    pub provider: AccountId,
    /// The model.
    pub model: ModelId,
    /// Price per work unit, in units of 10^-12 KGR; that of a price tick.
    pub price: Balance,
    /// Jobs at once.
    pub capacity: u16,
    /// Jobs of this offer that are being worked on.
    pub in_use: u16,
}

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderInfo {
    /// The provider's account.
    pub provider: AccountId,
    /// The key that signs its attestations.
    pub worker: WorkerId,
    /// Its own bond.
    pub bond: Balance,
    /// What others have delegated to it, with what they have earned and lost since.
    pub delegated: Balance,
    /// The share of a reward that it keeps before it shares with its delegators, in parts of a million; `None` while
    /// nobody may delegate to it.
    pub commission: Option<u32>,
    /// The sum over its open jobs and leases of what each is worth; never above what is bonded and delegated.
    pub exposure: Balance,
    /// Whether it takes jobs.
    pub status: ProviderStatus,
    /// What it says of its machine.
    pub hardware: Hardware,
    /// Its standing offers.
    pub offers: Vec<OfferInfo>,
    /// Jobs assigned to it that it has not attested yet.
    pub assigned: Vec<JobId>,
    /// Jobs that it was paid for.
    pub settled: u32,
    /// Jobs that it did not do in time.
    pub failed: u32,
    /// What its reputation is worth now.
    pub tier: Tier,
}
