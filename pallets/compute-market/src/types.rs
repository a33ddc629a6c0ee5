//! Records in the market's storage.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use kagari_primitives::{
    attestation::AttestationRecord, model::Manifest, worker_key::WorkerId, AccountId, Balance,
    BlockNumber, EraIndex, Hardware, Hash, JobId, JobSpec, ModelId, ProviderStatus, Work,
};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

/// Most offers of one provider, and so most models.
pub const MAX_OFFERS: u32 = 16;
/// Most jobs that one provider can work on at once: its offers' capacities together.
pub const MAX_ASSIGNED: u32 = 64;
/// Most standing offers for one model, and so most lines of its book.
pub const MAX_LISTINGS: u32 = 256;
/// Most offers that one match examines.
pub const MAX_EXAMINED: usize = 8;
/// How often a job is assigned at most before its requester is refunded.
pub const MAX_ATTEMPTS: u8 = 3;

/// A standing offer, as it stands in its provider's record.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Offer {
    /// The model.
    pub model: ModelId,
    /// Price per work unit.
    pub price: Balance,
    /// Jobs at once; 0 for an offer that is withdrawn and whose last jobs are being worked on.
    pub capacity: u16,
    /// Jobs of this offer that are assigned and not attested.
    pub in_use: u16,
}

impl Offer {
    /// Whether it is withdrawn.
    pub fn is_withdrawn(&self) -> bool {
        self.capacity == 0
    }

    /// Places that it takes up of what its provider can work on at once.
    pub fn places(&self) -> u32 {
        self.capacity.max(self.in_use).into()
    }

    /// Whether one more job fits.
    pub fn has_room(&self) -> bool {
        self.in_use < self.capacity
    }
}

/// Work that was proved by one account in one era, and what it earned.
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
pub struct EraWork {
    /// The era.
    pub era: EraIndex,
    /// Multiply-accumulates of settled jobs.
    pub work: Work,
    /// Minted for them.
    pub reward: Balance,
}

/// A provider. What a job's life changes stands in this one record, so that it costs one access.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Provider {
    /// The bond, held on the provider's account.
    pub bond: Balance,
    /// The sum over its open jobs of what each is worth at the provider's own price.
    pub exposure: Balance,
    /// The key that signs its attestations.
    pub worker: WorkerId,
    /// Whether it takes jobs.
    pub status: ProviderStatus,
    /// What it says of its machine.
    pub hardware: Hardware,
    /// Its standing offers, one a model.
    pub offers: BoundedVec<Offer, ConstU32<MAX_OFFERS>>,
    /// Jobs that are assigned to it and not attested.
    pub assigned: BoundedVec<JobId, ConstU32<MAX_ASSIGNED>>,
    /// Jobs that it was paid for.
    pub settled: u32,
    /// Jobs that it did not do in time.
    pub failed: u32,
    /// Its work in the latest era in which a job of its was settled.
    pub era_work: EraWork,
}

impl Provider {
    /// A provider that has just bonded.
    pub fn new(bond: Balance, worker: WorkerId, hardware: Hardware) -> Self {
        Self {
            bond,
            exposure: 0,
            worker,
            status: ProviderStatus::Active,
            hardware,
            offers: Default::default(),
            assigned: Default::default(),
            settled: 0,
            failed: 0,
            era_work: Default::default(),
        }
    }

    /// Its offer for a model.
    pub fn offer(&self, model: &ModelId) -> Option<&Offer> {
        self.offers.iter().find(|o| o.model == *model)
    }

    /// Its offer for a model, to be changed.
    pub fn offer_mut(&mut self, model: &ModelId) -> Option<&mut Offer> {
        self.offers.iter_mut().find(|o| o.model == *model)
    }

    /// Forgets offers that are withdrawn and no longer in use.
    pub fn drop_idle_offers(&mut self) {
        self.offers.retain(|o| !o.is_withdrawn() || o.in_use > 0);
    }

    /// Whether an offer of its stands for `model`.
    pub fn offers(&self, model: &ModelId) -> bool {
        self.offer(model).is_some_and(|o| !o.is_withdrawn())
    }

    /// Whether its offer for `model` belongs into the book: it is active and has room for one more.
    pub fn is_listed(&self, model: &ModelId) -> bool {
        self.status == ProviderStatus::Active && self.offer(model).is_some_and(Offer::has_room)
    }

    /// Places that its offers take up together; never more than [`MAX_ASSIGNED`].
    pub fn places(&self) -> u32 {
        let places = self.offers.iter().map(Offer::places);
        places.fold(0, u32::saturating_add)
    }

    /// Whether the bond covers `value` more of open jobs.
    pub fn has_headroom(&self, value: Balance) -> bool {
        self.exposure.saturating_add(value) <= self.bond
    }
}

/// A line of a model's book: an offer that has room now. Sorted by price, then by provider.
#[derive(
    Clone,
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
)]
pub struct Listing {
    /// Price per work unit.
    pub price: Balance,
    /// Who offers.
    pub provider: AccountId,
}

/// A registered model.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Model {
    /// Everything that a result depends on.
    pub manifest: Manifest,
    /// Who registered it and holds the deposit; `None` for the models of genesis.
    pub registrar: Option<AccountId>,
}

/// Where an open job stands.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Stage {
    /// To be attested by the block at which it is due.
    Assigned,
    /// Attested; judged at the block at which it is due.
    Attested(AttestationRecord),
}

/// The place of a job in the queue: the block at which it is due, and its number there.
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
pub struct Due {
    /// The block.
    pub block: BlockNumber,
    /// The number.
    pub index: u32,
}

/// An open job, attestation included.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Job {
    /// Who asked and pays.
    pub requester: AccountId,
    /// Who does the work.
    pub provider: AccountId,
    /// What was asked for.
    pub spec: JobSpec,
    /// Price per work unit at which the match was made.
    pub price: Balance,
    /// Held on the requester.
    pub escrow: Balance,
    /// What it adds to the provider's exposure.
    pub exposure: Balance,
    /// Hash of the input's bytes.
    pub input_hash: Hash,
    /// Number of words of the input.
    pub input_len: u32,
    /// Block whose body carries the input.
    pub input_block: BlockNumber,
    /// Index, in that block, of the extrinsic that ends with the input.
    pub input_extrinsic: u32,
    /// Hash of the present assignment.
    pub assignment_hash: Hash,
    /// Block of the present assignment.
    pub assigned_at: BlockNumber,
    /// How often it has been assigned, the first time included.
    pub attempts: u8,
    /// Its place in the queue.
    pub due: Due,
    /// Where it stands.
    pub stage: Stage,
}
