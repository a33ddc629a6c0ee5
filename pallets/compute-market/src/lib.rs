//! # Compute market
//!
//! Providers bond and make standing offers; requesters send jobs, which are matched in the call that
//! brings them; the escrow of a job goes to its provider once the work is judged good, and back to the
//! requester if nobody does it in time.
//!
//! A job's life is two transactions: [`Pallet::submit_job`], and the attestation, which comes in
//! through the pallet that proves work ([`judge::Judge`]). The rest happens as blocks pass.
//!
//! Who wants several machines at once, or a machine for a time, leases them in a sealed-bid auction
//! ([`sealed_bids`]), and sends them jobs without a match. Others may back a provider's bond ([`delegation`]).
//!
//! Who wants to be sure of a result has several providers compute it ([`gang`]): each commits to what came out before
//! any reveals it.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(any(test, feature = "runtime-benchmarks")),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

pub mod clearing;
pub mod delegation;
pub mod gang;
pub mod judge;
pub mod lease_types;
pub mod reputation;
pub mod sealed_bids;
pub mod ticks;
pub mod types;
pub mod weights;

mod auction_impls;
#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
mod calls;
mod delegation_impls;
mod errors;
mod events;
mod failure_impls;
mod gang_impls;
mod hold_impls;
mod index_impls;
mod job_impls;
mod lease_impls;
mod limits;
mod match_impls;
mod model_impls;
mod offer_impls;
mod payload_impls;
mod provider_impls;
mod queue_impls;
mod settlement_impls;
#[cfg(test)]
mod tests;
// Native builds have it for tests of the whole runtime; no feature of FRAME is needed for that.
#[cfg(any(test, feature = "std", feature = "try-runtime"))]
mod try_state;
mod view_impls;

pub use pallet::*;
pub use weights::WeightInfo;

use frame_support::pallet_macros::import_section;

// What the macro generates expects what it has made sure of.
#[allow(clippy::expect_used)]
#[import_section(events::events)]
#[import_section(errors::errors)]
#[import_section(calls::calls)]
#[frame_support::pallet]
pub mod pallet {
    use super::{
        delegation::Delegation, gang::Gang, judge::Judge, lease_types::*, reputation::Reputation,
        types::*, WeightInfo,
    };
    use alloc::{boxed::Box, vec::Vec};
    use frame_support::{
        dispatch::WithPostDispatchInfo,
        pallet_prelude::*,
        traits::fungible::hold::{Inspect, Mutate},
        weights::WeightMeter,
    };
    use frame_system::pallet_prelude::*;
    use kagari_primitives::{
        model::Manifest,
        worker_key::{WorkerId, WorkerSignature},
        AccountId, AuctionId, AuctionTerms, Balance, BlockNumber, EraIndex, Hardware, Hash, JobId,
        JobInfo, JobSpec, LeaseId, ModelId, ModelShape, OfferInfo, ProviderInfo, Word, Work,
    };
    use sp_runtime::{traits::BlockNumberProvider, Permill};

    /// Version of the layout of the storage.
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

    /// The pallet.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the market needs of the runtime.
    #[pallet::config]
    pub trait Config:
        frame_system::Config<AccountId = AccountId, Hash = Hash, RuntimeEvent: From<Event<Self>>>
    {
        /// Weights of the calls and of what happens as blocks pass.
        type WeightInfo: WeightInfo;
        /// The native token.
        type Currency: Inspect<AccountId, Reason = Self::RuntimeHoldReason>
            + Mutate<AccountId, Balance = Balance, Reason = Self::RuntimeHoldReason>
            + frame_support::traits::fungible::Inspect<AccountId, Balance = Balance>
            + frame_support::traits::fungible::Mutate<AccountId>;
        /// The reasons for holds, over all pallets.
        type RuntimeHoldReason: From<HoldReason>;
        /// The height that deadlines count in.
        type BlockNumberProvider: BlockNumberProvider<BlockNumber = BlockNumber>;
        /// The part that judges work and mints rewards.
        type Judge: Judge;

        /// Least bond of a provider.
        #[pallet::constant]
        type MinBond: Get<Balance>;
        /// Blocks between unbonding and taking the bond back, and between undelegating and taking back what was
        /// delegated; longer than any job or lease lives.
        #[pallet::constant]
        type UnbondingPeriod: Get<BlockNumber>;
        /// Highest price per work unit that can be offered.
        #[pallet::constant]
        type MaxPrice: Get<Balance>;
        /// Shortest deadline of a job, in blocks.
        #[pallet::constant]
        type MinDeadline: Get<BlockNumber>;
        /// Work that every provider is expected to do in a block's time. A deadline that leaves less time would
        /// have providers pay for what nobody can do.
        #[pallet::constant]
        type WorkPerBlock: Get<Work>;
        /// Longest deadline of a job, in blocks.
        #[pallet::constant]
        type MaxDeadline: Get<BlockNumber>;
        /// What a provider that fails a job pays its requester, as a share of what the job is worth.
        #[pallet::constant]
        type FailurePenalty: Get<Permill>;
        /// Blocks from one job that a provider may decline for nothing to the next.
        #[pallet::constant]
        type DeclinePeriod: Get<BlockNumber>;
        /// Share of every payment that is burned.
        #[pallet::constant]
        type BurnShare: Get<Permill>;
        /// Held on whoever registers a model, for good: models stay.
        #[pallet::constant]
        type ModelDeposit: Get<Balance>;
        /// Least that can be delegated.
        #[pallet::constant]
        type MinDelegation: Get<Balance>;
        /// Least that is held on a bidder from its bid until the auction is cleared, or else a hundredth of what the
        /// machine costs at most; burned if the bid is not revealed, is above the maximum, or its provider leaves.
        #[pallet::constant]
        type BidDeposit: Get<Balance>;
        /// Longest time in which bids can be committed, or revealed, in blocks.
        #[pallet::constant]
        type MaxBidding: Get<BlockNumber>;
        /// Longest lease, in blocks.
        #[pallet::constant]
        type MaxLease: Get<BlockNumber>;
        /// What a requester pays beforehand for the attestation and the settlement of its job, which are
        /// without a fee.
        type PrepaidFee: PrepaidFee;
    }

    /// What is paid for work of the chain that no transaction of its own pays for.
    pub trait PrepaidFee {
        /// The fee for the attestation and the settlement of a job that puts out at most so many words.
        fn fee(output: u32) -> Balance;
        /// The fee for a replica's commitment, and for comparing its result with others.
        fn commit_fee() -> Balance;
        /// The fee for serving a missed deadline, which the late provider pays.
        fn late_fee() -> Balance;
        /// The fee for clearing an auction for so many machines, and for ending the lease.
        fn auction_fee(machines: u32) -> Balance;
    }

    /// Why the market holds tokens.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A provider's bond, and what is delegated to it.
        Bond,
        /// The escrow of open jobs, auctions and leases, on their requesters.
        Escrow,
        /// The deposit for a registered model.
        ModelDeposit,
        /// The deposits of sealed bids, on the bidders.
        Bid,
    }

    /// The providers.
    #[pallet::storage]
    pub type Providers<T: Config> = StorageMap<_, Blake2_128Concat, AccountId, Provider>;

    /// Whose attestations a worker key signs. A worker key serves one provider.
    #[pallet::storage]
    pub type Workers<T: Config> = StorageMap<_, Blake2_128Concat, WorkerId, AccountId>;

    /// The registered models. An id is a hash already.
    #[pallet::storage]
    pub type Models<T: Config> = StorageMap<_, Identity, ModelId, Model>;

    /// The shapes of the registered models: what a job needs to know of its model, in few bytes.
    #[pallet::storage]
    pub type Shapes<T: Config> = StorageMap<_, Identity, ModelId, ModelShape>;

    /// What each account has delegated to each provider.
    #[pallet::storage]
    pub type Delegations<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        AccountId,
        Blake2_128Concat,
        AccountId,
        Delegation,
        ValueQuery,
    >;

    /// For each segment the prices at which offers have room now.
    #[pallet::storage]
    pub type Ticks<T: Config> = StorageMap<_, Twox64Concat, Segment, TickMaps>;

    /// For each segment the offers that have room now, on pages by price and tier.
    #[pallet::storage]
    pub type Pages<T: Config> =
        StorageDoubleMap<_, Twox64Concat, Segment, Twox64Concat, PageKey, Page, ValueQuery>;

    /// The open auctions. An id is a hash already.
    #[pallet::storage]
    pub type Auctions<T: Config> = StorageMap<_, Identity, AuctionId, Auction>;

    /// The leases that run, by the ids of their auctions.
    #[pallet::storage]
    pub type Leases<T: Config> = StorageMap<_, Identity, LeaseId, Lease>;

    /// What is left of the reputation of accounts that are no providers any more: who bonds again finds it.
    #[pallet::storage]
    pub type PastReputations<T: Config> =
        StorageMap<_, Blake2_128Concat, AccountId, Reputation, ValueQuery>;

    /// The open jobs. An id is a hash already.
    #[pallet::storage]
    pub type Jobs<T: Config> = StorageMap<_, Identity, JobId, Job>;

    /// The replicas that are open, by what they compute together. An id is a hash already.
    #[pallet::storage]
    pub type Gangs<T: Config> = StorageMap<_, Identity, JobId, Gang>;

    /// The open jobs by the block at which each is due, and the block in which it was put here; attested ones
    /// by the block of their attestation, twice. Auctions and leases by the block at which they are due, and the
    /// highest number that a block can have.
    // Lists are as long as what a block can hold makes them.
    #[pallet::storage]
    #[pallet::unbounded]
    pub type Queue<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        BlockNumber,
        Twox64Concat,
        BlockNumber,
        Vec<JobId>,
        ValueQuery,
    >;

    /// The first block at which not all that is due is served.
    #[pallet::storage]
    pub type Served<T: Config> = StorageValue<_, BlockNumber, ValueQuery>;

    /// The first block of whose attested jobs not all are judged.
    #[pallet::storage]
    pub type Judged<T: Config> = StorageValue<_, BlockNumber, ValueQuery>;

    /// The latest block that could carry transactions, and how many could not. Written at each block's beginning.
    #[pallet::storage]
    pub type Polled<T: Config> = StorageValue<_, Clock, ValueQuery>;

    /// All that payments, penalties and forfeited deposits have burned so far.
    #[pallet::storage]
    pub type Burned<T: Config> = StorageValue<_, Balance, ValueQuery>;

    /// The models that are registered from the start.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Their manifests.
        pub models: Vec<Manifest>,
        /// The runtime that this configures.
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            for manifest in &self.models {
                let model = Model {
                    manifest: manifest.clone(),
                    registrar: None,
                };
                Pallet::<T>::put_model(manifest.id(), model);
            }
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
            Self::note_poll(T::BlockNumberProvider::current_block_number());
            Self::serve_queue_within(meter, Self::most_of_polling());
        }

        fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
            let mut meter = WeightMeter::with_limit(remaining);
            Self::serve_queue_of_polled(&mut meter);
            meter.consumed()
        }

        fn integrity_test() {
            Self::check_constants();
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    /// What people may ask, for example through polkadot.js.
    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// An open job; one that has ended is in the event `JobClosed`.
        pub fn open_job(job: JobId) -> Option<JobInfo> {
            Self::job(job)
        }

        /// A provider, with its offers and what it works on.
        pub fn registered_provider(provider: AccountId) -> Option<ProviderInfo> {
            Self::provider(provider)
        }

        /// The cheapest offers for a model that have room now, from the cheapest on.
        pub fn standing_offers(model: ModelId) -> Vec<OfferInfo> {
            Self::offers(model)
        }

        /// The registered models, by their ids.
        pub fn registered_models() -> Vec<(ModelId, Manifest)> {
            Self::models()
        }
    }
}
