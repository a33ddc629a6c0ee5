//! Records in the market's storage.

use crate::{
    delegation::Delegated,
    reputation::Reputation,
    ticks::{Tick, TickMap},
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use kagari_primitives::{
    attestation::AttestationRecord, model::Manifest, worker_key::WorkerId, AccountId, Balance,
    BlockNumber, EraIndex, Hardware, HardwareClass, Hash, JobId, JobSpec, LeaseId, ModelId,
    ModelShape, ProviderStatus, Region, Tier, Work,
};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::{BoundedVec, Permill};

/// Most offers of one provider, and so most models.
pub const MAX_OFFERS: u32 = 16;
/// Most jobs that one provider can work on at once: its offers' capacities together.
pub const MAX_ASSIGNED: u32 = 64;
/// Most places that the offers of one provider have in the index: each stands among those of all regions, and
/// among those of its own.
pub const MAX_PLACES: u32 = 2 * MAX_OFFERS;
/// Most that a provider's open jobs can be worth, as a multiple of its own bond, however much is delegated to it:
/// its own bond pays the penalties for all of them.
pub const MAX_LEVERAGE: Balance = 5;
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
    /// Jobs of this offer that are assigned and not attested, but for those on a lease.
    pub in_use: u16,
    /// Leases that take up room of it, a job each.
    pub leased: u16,
    /// Where it stands in the index among the offers of all regions, and among those of its provider's, if it
    /// does.
    pub places: [Option<Place>; 2],
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

    /// Jobs that it can come to at once.
    pub fn most_at_once(&self) -> u32 {
        self.capacity.max(self.taken()).into()
    }

    /// Whether one more job or lease fits.
    pub fn has_room(&self) -> bool {
        self.taken() < self.capacity
    }

    /// What jobs and leases take up of it.
    pub fn taken(&self) -> u16 {
        self.in_use.saturating_add(self.leased)
    }
}

/// A part of the index: the offers that jobs of one kind are matched with.
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
pub struct Segment {
    /// The model.
    pub model: ModelId,
    /// How the machines compute.
    pub class: HardwareClass,
    /// Where they stand; `None` for all of them, wherever they stand.
    pub region: Option<Region>,
}

impl Segment {
    /// Which of an offer's places is in it.
    pub fn place(&self) -> usize {
        usize::from(self.region.is_some())
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

/// Names a page of the offers in a segment, of providers of one tier, at one price.
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

/// The prices in use in a segment, by tier, the lowest tier first.
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

/// The standing offers of one provider.
pub type Offers = BoundedVec<Offer, ConstU32<MAX_OFFERS>>;

/// A provider. What a job's life changes stands in this one record, so that it costs one access.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Provider {
    /// Its own bond, held on its account.
    pub bond: Balance,
    /// What others have delegated to it.
    pub delegated: Delegated,
    /// What it keeps of a reward before it shares it with its delegators; `None` while nobody may delegate to it.
    pub commission: Option<Permill>,
    /// The sum over its open jobs and leases of what each is worth.
    pub exposure: Balance,
    /// The key that signs its attestations.
    pub worker: WorkerId,
    /// Whether it takes jobs.
    pub status: ProviderStatus,
    /// What it says of its machine.
    pub hardware: Hardware,
    /// Its standing offers, one a model.
    pub offers: Offers,
    /// Jobs that are assigned to it and not attested, by the beginnings of their ids.
    pub assigned: BoundedVec<JobPrefix, ConstU32<MAX_ASSIGNED>>,
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
            delegated: Default::default(),
            commission: None,
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
        self.offers.retain(|o| !o.is_withdrawn() || o.taken() > 0);
    }

    /// Notes that a job is assigned to it; `false` if it has as many as it can have.
    #[must_use]
    pub fn add_assigned(&mut self, job: &JobId) -> bool {
        self.assigned.try_push(prefix_of(job)).is_ok()
    }

    /// Notes that a job is assigned to it no more.
    pub fn remove_assigned(&mut self, job: &JobId) {
        let prefix = prefix_of(job);
        // Another job's id may begin alike.
        if let Some(at) = self.assigned.iter().position(|p| *p == prefix) {
            self.assigned.swap_remove(at);
        }
    }

    /// Whether an offer of its stands for `model`.
    pub fn offers(&self, model: &ModelId) -> bool {
        self.offer(model).is_some_and(|o| !o.is_withdrawn())
    }

    /// The segments of the index that an offer of its belongs into while it has room: that of all regions, and that
    /// of its own.
    pub fn segments(&self, model: ModelId) -> [Option<Segment>; 2] {
        let Hardware { class, region, .. } = self.hardware;
        let segment = |region| Segment {
            model,
            class,
            region,
        };
        [
            Some(segment(None)),
            region.map(|region| segment(Some(region))),
        ]
    }

    /// Whether an offer of its belongs into the index: it is active, an eighth of its cover is free (so that
    /// nobody fills the first places with offers that can take nothing), and the offer has room for one more.
    pub fn is_listed(&self, offer: &Offer) -> bool {
        let active = self.status == ProviderStatus::Active;
        active && self.headroom() >= self.cover() / 8 && offer.has_room()
    }

    /// Jobs that its offers can come to at once; never more than [`MAX_ASSIGNED`].
    pub fn most_at_once(&self) -> u32 {
        let offers = self.offers.iter().map(Offer::most_at_once);
        offers.fold(0, u32::saturating_add)
    }

    /// All that is held for it: its bond, and what is delegated to it.
    pub fn stake(&self) -> Balance {
        self.bond.saturating_add(self.delegated.stake)
    }

    /// What its open jobs may be worth: its bond and what stays delegated to it, [`MAX_LEVERAGE`] times its bond
    /// at most.
    pub fn cover(&self) -> Balance {
        let most = self.bond.saturating_mul(MAX_LEVERAGE);
        self.bond.saturating_add(self.delegated.staying()).min(most)
    }

    /// What one more job may be worth.
    pub fn headroom(&self) -> Balance {
        self.cover().saturating_sub(self.exposure)
    }
}

/// How far the chain is, and how many of its blocks could carry no transactions.
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
pub struct Clock {
    /// The latest block that could carry transactions.
    pub block: BlockNumber,
    /// Blocks up to it that could carry none: deadlines are extended by those that come while they run.
    pub missed: BlockNumber,
}

/// The beginning of a job's id.
pub type JobPrefix = [u8; 8];

/// The beginning of a job's id: enough to find it, at a quarter of the room.
pub fn prefix_of(job: &JobId) -> JobPrefix {
    job.0.first_chunk().copied().unwrap_or_default()
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

/// What the provider of a replica has committed to.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Commitment {
    /// Hash of the attestation and its signature.
    pub hash: Hash,
    /// The worker key that has made that signature: the provider may have named another since.
    pub worker: WorkerId,
}

/// What an open job knows of the gang that it is a replica in.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Replica {
    /// The gang.
    pub gang: JobId,
    /// What its provider has committed to, once it has.
    pub commitment: Option<Commitment>,
    /// Whether all of the gang have committed, so that results may be revealed.
    pub may_reveal: bool,
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
    /// Blocks of the chain that could carry no transactions, as far as `due` has been extended by them.
    pub missed: BlockNumber,
    /// The lease whose room it takes up, if it does: then it costs nothing of its own, and stays with its
    /// provider.
    pub lease: Option<LeaseId>,
    /// What it is a replica in, if it is one.
    pub replica: Option<Replica>,
    /// Where it stands.
    pub stage: Stage,
}

impl Job {
    /// Whether its provider has committed to a result that must not be changed any more.
    pub fn has_committed(&self) -> bool {
        let replica = self.replica.as_ref();
        replica.is_some_and(|replica| replica.commitment.is_some())
    }

    /// Whether its provider has committed and must wait for others to do so.
    pub fn waits_for_commitments(&self) -> bool {
        let waits = |replica: &Replica| replica.commitment.is_some() && !replica.may_reveal;
        self.stage == Stage::Assigned && self.replica.as_ref().is_some_and(waits)
    }
}
