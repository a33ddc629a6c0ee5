//! Records in the market's storage.

use crate::{
    reputation::Reputation,
    ticks::{Tick, TickMap},
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use kagari_primitives::{
    attestation::AttestationRecord, model::Manifest, worker_key::WorkerId, AccountId, Balance,
    BlockNumber, EraIndex, Hardware, Hash, JobId, JobSpec, ModelId, ModelShape, ProviderStatus,
    Tier, Work,
};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

/// Most offers of one provider, and so most models.
pub const MAX_OFFERS: u32 = 16;
/// Most jobs that one provider can work on at once: its offers' capacities together.
pub const MAX_ASSIGNED: u32 = 64;
/// Offers on a page of the index.
pub const PAGE: u32 = 16;
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
    pub tick: Tick,
    /// Jobs at once; 0 for an offer that is withdrawn and whose last jobs are being worked on.
    pub capacity: u16,
    /// Jobs of this offer that are assigned and not attested.
    pub in_use: u16,
    /// Where it stands in the index, if it does.
    pub place: Option<Place>,
}

impl Offer {
    /// Price per work unit.
    pub fn price(&self) -> Balance {
        self.tick.price()
    }

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

/// The place of an offer among those at its price.
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
)]
pub struct Place {
    /// The tier of its provider when it came here.
    pub tier: Tier,
    /// The page.
    pub page: u32,
}

/// Names a page of the offers for one model, of providers of one tier, at one price.
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
)]
pub struct PageKey {
    /// The price.
    pub tick: Tick,
    /// The tier.
    pub tier: Tier,
    /// The number of the page; all but the last are full.
    pub page: u32,
}

/// A page of offers, in no order.
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
)]
pub struct Page {
    /// Of the first page: number of offers on all pages.
    pub len: u32,
    /// Whose offers stand here.
    pub providers: BoundedVec<AccountId, ConstU32<PAGE>>,
}

/// The prices in use for a model, by tier, the lowest tier first.
pub type TickMaps = [TickMap; Tier::ALL.len()];

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
    /// What their payments burned.
    pub burned: Balance,
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
    /// What its reputation rests on.
    pub reputation: Reputation,
    /// The block from which on it may decline a job for nothing.
    pub free_decline: BlockNumber,
}

impl Provider {
    /// A provider that has just bonded.
    pub fn new(
        bond: Balance,
        worker: WorkerId,
        hardware: Hardware,
        reputation: Reputation,
    ) -> Self {
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
            reputation,
            free_decline: 0,
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

    /// Withdraws an offer that stands. One in use stays, without room, until its jobs are done.
    pub fn withdraw_offer(&mut self, model: &ModelId) {
        if let Some(offer) = self.offer_mut(model) {
            offer.capacity = 0;
        }
        self.drop_idle_offers();
    }

    /// Withdraws all offers that stand.
    pub fn withdraw_offers(&mut self) {
        self.offers.iter_mut().for_each(|offer| offer.capacity = 0);
        self.drop_idle_offers();
    }

    /// Forgets offers that are withdrawn and no longer in use.
    pub fn drop_idle_offers(&mut self) {
        self.offers.retain(|o| !o.is_withdrawn() || o.in_use > 0);
    }

    /// Whether an offer of its stands for `model`.
    pub fn offers(&self, model: &ModelId) -> bool {
        self.offer(model).is_some_and(|o| !o.is_withdrawn())
    }

    /// Whether an offer of its belongs into the index: it is active, an eighth of its bond is free (so that
    /// nobody fills the first places with offers that can take nothing), and the offer has room for one more.
    pub fn is_listed(&self, offer: &Offer) -> bool {
        let headroom = self.bond.saturating_sub(self.exposure);
        self.status == ProviderStatus::Active && headroom >= self.bond / 8 && offer.has_room()
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

/// Who was assigned a job and failed.
pub type Failers = BoundedVec<AccountId, ConstU32<{ MAX_ATTEMPTS as u32 - 1 }>>;

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
    /// Shape of the model, from which its work is computed.
    pub shape: ModelShape,
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
    /// Who was assigned it before and failed.
    pub failers: Failers,
    /// The block at which it is due.
    pub due: BlockNumber,
    /// Where it stands.
    pub stage: Stage,
}
