//! # Compute market
//!
//! Providers bond and make standing offers; requesters send jobs, which are matched in the call that
//! brings them; the escrow of a job goes to its provider once the work is judged good, and back to the
//! requester if nobody does it in time.
//!
//! A job's life is two transactions: [`Pallet::submit_job`], and the attestation, which comes in
//! through the pallet that proves work ([`judge::Judge`]). The rest happens as blocks pass.
//!
//! Where what comes later will stand: sealed-bid auctions, replicas and delegation beside [`clearing`].
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
pub mod judge;
pub mod reputation;
pub mod ticks;
pub mod types;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
pub mod benchmarking;
mod failure_impls;
mod index_impls;
mod job_impls;
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

// What the macro generates expects what it has made sure of.
#[allow(clippy::expect_used)]
#[frame_support::pallet]
pub mod pallet {
    use super::{judge::Judge, reputation::Reputation, types::*, WeightInfo};
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
        AccountId, Balance, BlockNumber, EraIndex, Hardware, Hash, JobId, JobInfo, JobSpec,
        ModelId, OfferInfo, ProviderInfo, Word, Work,
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
        /// Blocks between unbonding and taking the bond back; longer than any job lives.
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
        /// What a provider that fails a job pays its requester, as a share of the job's worth at the
        /// provider's price.
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
        /// What a requester pays beforehand for the attestation and the settlement of its job, which are
        /// without a fee.
        type PrepaidFee: PrepaidFee;
    }

    /// A fee as a function of a number of words.
    pub trait PrepaidFee {
        /// The fee for a job that puts out at most so many words.
        fn fee(output: u32) -> Balance;
    }

    /// Why the market holds tokens.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A provider's bond.
        Bond,
        /// The escrow of open jobs, on their requesters.
        Escrow,
        /// The deposit for a registered model.
        ModelDeposit,
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

    /// For each model the prices at which offers have room now.
    #[pallet::storage]
    pub type Ticks<T: Config> = StorageMap<_, Identity, ModelId, TickMaps>;

    /// For each model the offers that have room now, on pages by price and tier.
    #[pallet::storage]
    pub type Pages<T: Config> =
        StorageDoubleMap<_, Identity, ModelId, Twox64Concat, PageKey, Page, ValueQuery>;

    /// What is left of the reputation of accounts that are no providers any more: who bonds again finds it.
    #[pallet::storage]
    pub type PastReputations<T: Config> =
        StorageMap<_, Blake2_128Concat, AccountId, Reputation, ValueQuery>;

    /// The open jobs. An id is a hash already.
    #[pallet::storage]
    pub type Jobs<T: Config> = StorageMap<_, Identity, JobId, Job>;

    /// The open jobs by the block at which each is due, and the block in which it was put here; attested ones
    /// by the block of their attestation, twice.
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

    /// All that payments have burned so far.
    #[pallet::storage]
    pub type Burned<T: Config> = StorageValue<_, Balance, ValueQuery>;

    /// What happened on the market.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A provider has bonded.
        ProviderRegistered {
            /// The provider's account.
            provider: AccountId,
            /// The key that signs its attestations.
            worker: WorkerId,
            /// What is held as its bond.
            bond: Balance,
        },
        /// A provider has named another worker key.
        WorkerSet {
            /// The provider's account.
            provider: AccountId,
            /// The new key.
            worker: WorkerId,
        },
        /// A provider has described its machine anew.
        HardwareSet {
            /// The provider's account.
            provider: AccountId,
        },
        /// A provider has raised its bond.
        BondIncreased {
            /// The provider's account.
            provider: AccountId,
            /// The whole bond now.
            bond: Balance,
        },
        /// A provider has withdrawn its offers and wants its bond back.
        Unbonding {
            /// The provider's account.
            provider: AccountId,
            /// The block from which on the bond can be taken back.
            until: BlockNumber,
        },
        /// A provider has its bond back and is no provider any more.
        BondWithdrawn {
            /// The account.
            provider: AccountId,
            /// What was released.
            bond: Balance,
        },
        /// A model was registered.
        ModelRegistered {
            /// Its id: the hash of its manifest.
            model: ModelId,
            /// Who registered it.
            registrar: AccountId,
        },
        /// An offer stands, new or changed.
        OfferSet {
            /// Who offers.
            provider: AccountId,
            /// The model.
            model: ModelId,
            /// Price per work unit.
            price: Balance,
            /// Jobs at once.
            capacity: u16,
        },
        /// An offer was withdrawn.
        OfferRemoved {
            /// Who offered.
            provider: AccountId,
            /// The model.
            model: ModelId,
        },
        /// A job was accepted; its match is in the `JobAssigned` that follows.
        JobSubmitted {
            /// The job.
            job: JobId,
            /// Who asks and pays.
            requester: AccountId,
            /// The model.
            model: ModelId,
            /// What is held for it.
            escrow: Balance,
            /// What was burned for its attestation and settlement, as a fee.
            prepaid: Balance,
        },
        /// A job was assigned to a provider, for the first time or anew.
        JobAssigned {
            /// The job.
            job: JobId,
            /// Who is to do it.
            provider: AccountId,
            /// What is paid per work unit.
            price: Balance,
            /// Last block in which an attestation counts.
            deadline: BlockNumber,
        },
        /// A job was attested; its audit window is open.
        JobAttested {
            /// The job.
            job: JobId,
            /// Who did it.
            provider: AccountId,
            /// Hash of the output's bytes.
            output_hash: Hash,
        },
        /// A job was judged good and paid.
        JobSettled {
            /// The job.
            job: JobId,
            /// Who did it.
            provider: AccountId,
            /// Who paid.
            requester: AccountId,
            /// The work in multiply-accumulates.
            work: Work,
            /// Paid by the requester in all.
            paid: Balance,
            /// The part of it that was burned.
            burned: Balance,
            /// The rest of the escrow, given back.
            refunded: Balance,
            /// Era of the reward.
            era: EraIndex,
            /// Minted for the provider.
            reward: Balance,
        },
        /// A provider did not attest in time.
        JobTimedOut {
            /// The job.
            job: JobId,
            /// Who failed.
            provider: AccountId,
        },
        /// A provider gave back a job that it had been assigned.
        JobDeclined {
            /// The job.
            job: JobId,
            /// Who declined.
            provider: AccountId,
        },
        /// A provider that failed a job has paid its requester for it out of its bond.
        PenaltyPaid {
            /// The job.
            job: JobId,
            /// Who failed.
            provider: AccountId,
            /// Who was paid.
            requester: AccountId,
            /// How much.
            amount: Balance,
        },
        /// A requester has cancelled a job, and paid for the time that it took up.
        JobCancelled {
            /// The job.
            job: JobId,
            /// Whose time it took up.
            provider: AccountId,
            /// Who cancelled.
            requester: AccountId,
            /// Paid by the requester in all.
            paid: Balance,
            /// The part of it that was burned.
            burned: Balance,
            /// The rest of the escrow, given back.
            refunded: Balance,
        },
        /// A job found no provider that did it; its requester has the whole escrow back.
        JobRefunded {
            /// The job.
            job: JobId,
            /// Who asked.
            requester: AccountId,
            /// What was given back.
            refunded: Balance,
        },
        /// A job has left the state; this is all that the chain knew of it, for whoever keeps records.
        JobClosed {
            /// The job as it ended.
            info: Box<JobInfo>,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// This account is a provider already; change it with the other calls.
        AlreadyProvider,
        /// This account is no provider; bond first with `register_provider`.
        NotProvider,
        /// The bond is below `MinBond`.
        BondTooSmall,
        /// This worker key serves another provider; make a new one.
        WorkerTaken,
        /// The proof is not this worker key's signature over this chain's genesis and this account.
        BadWorkerProof,
        /// The description of the machine is not UTF-8 text.
        InvalidDescription,
        /// The provider is unbonding and can offer nothing.
        IsUnbonding,
        /// The provider is not unbonding; call `unbond` first.
        NotUnbonding,
        /// The unbonding period is not over; see the event `Unbonding` for its end.
        StillUnbonding,
        /// Jobs of this provider are open; wait until they have ended.
        JobsOpen,
        /// No such model is registered.
        UnknownModel,
        /// This model is registered already.
        ModelExists,
        /// The manifest's name is empty or has characters other than letters, digits, `.`, `_`, `-`.
        InvalidModelName,
        /// A figure of the manifest's shape is zero or beyond what the chain accepts.
        InvalidModelShape,
        /// The price is zero; name what a work unit costs.
        PriceZero,
        /// The price is above `MaxPrice`.
        PriceTooHigh,
        /// The capacity is zero; withdraw the offer with `remove_offer` instead.
        CapacityZero,
        /// The capacities of the provider's offers come to more than 64 jobs at once; name a lower one.
        CapacityTooHigh,
        /// The provider offers as many models as it can.
        TooManyOffers,
        /// No such offer stands.
        NoSuchOffer,
        /// No such job is open.
        NoSuchJob,
        /// The job is attested already, and can be neither declined nor cancelled.
        NotAssigned,
        /// The job is another's: providers decline what is assigned to them, requesters cancel what they sent.
        NotYours,
        /// The input is empty.
        EmptyInput,
        /// The input is longer than `MAX_INPUT` or, with what is to be put out, than the model's context.
        InputTooLong,
        /// The input holds a token id that the model does not have.
        UnknownToken,
        /// The number of tokens to put out is zero or above `MAX_OUTPUT`.
        InvalidOutputLength,
        /// The temperature is above 10 or top-p is outside 0.001 to 1.
        InvalidSampling,
        /// This model cannot do this task: decoders complete, encoders embed.
        TaskUnsupported,
        /// The deadline is below `MinDeadline`, with a block more for each `WorkPerBlock` that the job can be, or
        /// above `MaxDeadline`.
        DeadlineOutOfBounds,
        /// No offer for this model has free capacity now; try again later, or look at the offers.
        NoOffer,
        /// None of the cheapest offers can take a job of this size on its bond; ask for less.
        NoOfferInReach,
        /// The job would cost more than its `max_price`; raise it, or ask for less.
        MaxPriceTooLow,
        /// The requester cannot pay the escrow out of its free balance.
        CannotPayEscrow,
        /// The same job, by the same requester in the same block, is there already.
        DuplicateJob,
        /// The payload is not what the extrinsic ends with, as in a batch with a call after it, a
        /// multisig, or a scheduled call. Put the job last, or send it by itself.
        NotTrailing,
    }

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
                Models::<T>::insert(manifest.id(), model);
            }
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
            Self::serve_queue_within(meter, Self::most_of_polling());
        }

        fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
            let mut meter = WeightMeter::with_limit(remaining);
            Self::serve_queue(&mut meter);
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

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Bonds the caller as a provider.
        ///
        /// - `bond`: held on the caller; at least `MinBond`. Open jobs are never worth more than it, at the
        ///   provider's own prices.
        /// - `worker`: the key that signs attestations, in the keystore of the provider's node.
        /// - `proof`: that key's signature over the chain's genesis hash and the caller's account.
        /// - `hardware`: the machine in the caller's own words.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register_provider())]
        pub fn register_provider(
            origin: OriginFor<T>,
            #[pallet::compact] bond: Balance,
            worker: WorkerId,
            proof: WorkerSignature,
            hardware: Hardware,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_register_provider(who, bond, worker, proof, hardware)
        }

        /// Names another worker key. Jobs that are assigned now are attested with the new one.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::set_worker())]
        pub fn set_worker(
            origin: OriginFor<T>,
            worker: WorkerId,
            proof: WorkerSignature,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_worker(who, worker, proof)
        }

        /// Describes the caller's machine anew.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_hardware())]
        pub fn set_hardware(origin: OriginFor<T>, hardware: Hardware) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_hardware(who, hardware)
        }

        /// Raises the caller's bond by `amount`.
        #[pallet::call_index(3)]
        #[pallet::weight(
            T::WeightInfo::bond_extra().saturating_add(T::WeightInfo::list_offers(MAX_OFFERS))
        )]
        pub fn bond_extra(
            origin: OriginFor<T>,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_bond_extra(who, amount)
        }

        /// Withdraws all offers of the caller and starts its unbonding period. Assigned jobs are still
        /// to be done.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::unbond())]
        pub fn unbond(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_unbond(who)
        }

        /// Gives the bond back once the unbonding period is over and no job is open.
        #[pallet::call_index(5)]
        // What is kept of the account's work and reputation comes on top.
        #[pallet::weight(
            T::WeightInfo::withdraw_bond()
                .saturating_add(T::WeightInfo::archive_era_work().saturating_mul(2))
        )]
        pub fn withdraw_bond(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw_bond(who)
        }

        /// Registers a model, for a deposit that stays held, as the model stays. Open to anyone; the id is the manifest's hash.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::register_model())]
        pub fn register_model(origin: OriginFor<T>, manifest: Manifest) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_register_model(who, manifest)
        }

        /// Makes or changes the caller's standing offer for a model.
        ///
        /// - `price`: per work unit of 10^9 multiply-accumulates; 1 to `MaxPrice`.
        /// - `capacity`: jobs at once, at least 1; 64 over all offers of the caller.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::set_offer())]
        pub fn set_offer(
            origin: OriginFor<T>,
            model: ModelId,
            #[pallet::compact] price: Balance,
            capacity: u16,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_offer(who, model, price, capacity)
        }

        /// Withdraws the caller's offer for a model. Assigned jobs are still to be done.
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::remove_offer())]
        pub fn remove_offer(origin: OriginFor<T>, model: ModelId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_remove_offer(who, model)
        }

        /// Sends a job, and matches it at once with the cheapest standing offer that can take it.
        ///
        /// The escrow, the price of the job at its longest, is held until it ends; what is not paid goes
        /// back. What the attestation and the settlement would cost as fees is burned beforehand.
        ///
        /// - `spec`: what to compute, the most it may cost, and its deadline.
        /// - `input`: token ids. They must be what the extrinsic ends with, so that every node finds them
        ///   in the block's body; the state keeps their hash.
        #[pallet::call_index(9)]
        #[pallet::weight(
            T::WeightInfo::submit_job(input.len() as u32, MAX_EXAMINED as u32)
                .saturating_add(T::WeightInfo::delist_offers(MAX_OFFERS))
        )]
        pub fn submit_job(
            origin: OriginFor<T>,
            spec: JobSpec,
            input: Vec<Word>,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let most = T::WeightInfo::submit_job(input.len() as u32, MAX_EXAMINED as u32);
            let weight = Self::do_submit_job(who, spec, input);
            Ok(Some(weight.map_err(|error| error.with_weight(most))?).into())
        }

        /// Gives back a job that is assigned to the caller, for the next offer to take it over. One a
        /// `DeclinePeriod` is for nothing; every other costs what a missed deadline costs.
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::decline_job().saturating_add(Pallet::<T>::most_relisting()))]
        pub fn decline_job(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            Ok(Some(Self::do_decline_job(who, job)?).into())
        }

        /// Ends a job of the caller's that is assigned and not attested. It pays for the share of its deadline
        /// that is over, the present block included, as if it had been done; the rest goes back.
        #[pallet::call_index(11)]
        #[pallet::weight(
            T::WeightInfo::cancel_job().saturating_add(T::WeightInfo::list_offers(MAX_OFFERS))
        )]
        pub fn cancel_job(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            Ok(Some(Self::do_cancel_job(who, job)?).into())
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
