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
//! Where what comes later will stand: replicas beside [`clearing`].
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
mod delegation_impls;
mod failure_impls;
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

// What the macro generates expects what it has made sure of.
#[allow(clippy::expect_used)]
#[frame_support::pallet]
pub mod pallet {
    use super::{
        delegation::Delegation, judge::Judge, lease_types::*, reputation::Reputation, types::*,
        WeightInfo,
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
        JobInfo, JobSpec, LeaseId, ModelId, OfferInfo, ProviderInfo, Word, Work,
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
        /// Held on a bidder from its bid until the auction is cleared; burned if it does not reveal the bid or can't
        /// keep it.
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
        /// The fee for serving a missed deadline, which the late provider pays.
        fn late_fee() -> Balance;
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

    /// The latest block that could carry transactions.
    #[pallet::storage]
    pub type Polled<T: Config> = StorageValue<_, BlockNumber, ValueQuery>;

    /// The block from which on deadlines count again, after blocks that could carry no transactions.
    #[pallet::storage]
    pub type Resumes<T: Config> = StorageValue<_, BlockNumber, ValueQuery>;

    /// All that payments, penalties and forfeited deposits have burned so far.
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
        /// A provider keeps another share of its rewards before it shares them with its delegators.
        CommissionSet {
            /// The provider's account.
            provider: AccountId,
            /// The share.
            commission: Permill,
        },
        /// An account has backed a provider's bond.
        Delegated {
            /// Who has delegated.
            delegator: AccountId,
            /// The provider.
            provider: AccountId,
            /// What was delegated; it is held on the provider's account.
            amount: Balance,
        },
        /// An account wants back what it has delegated, or a part of it.
        Undelegating {
            /// Who has delegated.
            delegator: AccountId,
            /// The provider.
            provider: AccountId,
            /// What that is worth now; it still earns and can be slashed.
            amount: Balance,
            /// The block from which on it can be taken back.
            until: BlockNumber,
        },
        /// An account has back what it had delegated.
        DelegationWithdrawn {
            /// Who had delegated.
            delegator: AccountId,
            /// The provider.
            provider: AccountId,
            /// What it was worth.
            amount: Balance,
        },
        /// A part of a provider's reward has gone to its delegators.
        RewardShared {
            /// The provider.
            provider: AccountId,
            /// Added to what is delegated to it.
            amount: Balance,
        },
        /// A provider has withdrawn its offers and wants its bond back.
        Unbonding {
            /// The provider's account.
            provider: AccountId,
            /// The block from which on the bond can be taken back.
            until: BlockNumber,
        },
        /// A provider has its bond back. It is no provider any more, once nothing is delegated to it.
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
            /// Burned out of its bond for what a missed deadline costs the chain.
            fee: Balance,
            /// Burned out of what is delegated to it.
            slashed: Balance,
        },
        /// A requester wants to lease machines; bids can be committed.
        AuctionOpened {
            /// The auction.
            auction: AuctionId,
            /// Who wants them.
            requester: AccountId,
            /// Last block in which bids can be committed.
            commit_until: BlockNumber,
            /// Last block in which bids can be revealed.
            reveal_until: BlockNumber,
            /// What is held for it.
            escrow: Balance,
        },
        /// A requester has taken an auction back before the first bid, and has its escrow back.
        AuctionCancelled {
            /// The auction.
            auction: AuctionId,
            /// Who had opened it.
            requester: AccountId,
        },
        /// A provider has made a sealed bid.
        BidCommitted {
            /// The auction.
            auction: AuctionId,
            /// Who bids.
            provider: AccountId,
        },
        /// A provider has revealed its bid.
        BidRevealed {
            /// The auction.
            auction: AuctionId,
            /// Who bids.
            provider: AccountId,
            /// What it asks per block.
            price: Balance,
        },
        /// A provider has not revealed its bid, or can't keep it, and has lost its deposit.
        DepositForfeited {
            /// The auction.
            auction: AuctionId,
            /// Who bid.
            provider: AccountId,
            /// What was burned.
            amount: Balance,
        },
        /// An auction found too few bids; its requester has the whole escrow back.
        AuctionFailed {
            /// The auction.
            auction: AuctionId,
            /// Who had opened it.
            requester: AccountId,
            /// What was given back.
            refunded: Balance,
        },
        /// An auction was cleared, and its machines are leased.
        LeaseStarted {
            /// The lease: the auction's id.
            lease: LeaseId,
            /// Who has leased them.
            requester: AccountId,
            /// What each machine is paid per block.
            price: Balance,
            /// Last block in which its jobs can be attested.
            until: BlockNumber,
            /// Whose machines they are.
            providers: Vec<AccountId>,
        },
        /// A machine was paid for its part in a lease.
        LeasePaid {
            /// The lease.
            lease: LeaseId,
            /// Whose machine it is.
            provider: AccountId,
            /// Who had leased it.
            requester: AccountId,
            /// Paid by the requester in all.
            paid: Balance,
            /// The part of it that was burned.
            burned: Balance,
            /// The rest of what was held for the machine, given back.
            refunded: Balance,
        },
        /// A machine has failed a job, and its part in the lease is over.
        LeaseBroken {
            /// The lease.
            lease: LeaseId,
            /// Whose machine it was.
            provider: AccountId,
            /// The job.
            job: JobId,
        },
        /// The time of a lease is over.
        LeaseEnded {
            /// The lease.
            lease: LeaseId,
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
        /// Jobs or leases of this provider are open; wait until they have ended.
        JobsOpen,
        /// The bond is back already; the record goes once the last delegator has withdrawn, which anyone may see to
        /// with `withdraw_delegation`.
        StillDelegated,
        /// A provider cannot delegate to itself; raise the bond with `bond_extra`.
        DelegatesToItself,
        /// The amount is below `MinDelegation`.
        DelegationTooSmall,
        /// All that was delegated to this provider has been slashed away; a new delegation would have no share.
        DelegationsWorthless,
        /// Nothing that could be taken back is delegated here by this account.
        NothingDelegated,
        /// Others back this provider; its commission can fall now, but not rise.
        CommissionRises,
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
        /// The number of machines or of blocks, or the highest price, is zero or above what can be leased.
        InvalidTerms,
        /// The time for commitments or for reveals is zero or above `MaxBidding`.
        BiddingOutOfBounds,
        /// The same requester has opened an auction in this block already.
        DuplicateAuction,
        /// No such auction is open.
        NoSuchAuction,
        /// Somebody has bid already; the auction takes its course.
        HasBids,
        /// The time for commitments is over.
        CommitsClosed,
        /// The time for reveals has not come; it begins when that for commitments is over.
        RevealsNotOpen,
        /// The time for reveals is over.
        RevealsClosed,
        /// This provider has bid already; a provider bids once.
        BidsAlready,
        /// The auction has as many bids as it can have.
        TooManyBids,
        /// The caller has no standing offer with room for this auction's model, class, region and tier.
        NotEligible,
        /// The caller has not bid in this auction.
        NoSuchBid,
        /// Price and salt are not those that were committed.
        OtherBid,
        /// No such lease runs.
        NoSuchLease,
        /// The lease is for another model.
        OtherModel,
        /// The lease has no machine of this provider, or none any more.
        NotLeased,
        /// The machine is working on a job of the lease; send the next once that is attested.
        MachineBusy,
        /// The job's deadline is after the end of the lease; name a shorter one.
        PastLease,
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
            Self::note_poll(T::BlockNumberProvider::current_block_number());
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
        #[pallet::weight(T::WeightInfo::set_worker().saturating_add(Pallet::<T>::relisting_of_one()))]
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
        #[pallet::weight(T::WeightInfo::set_hardware().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn set_hardware(origin: OriginFor<T>, hardware: Hardware) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_hardware(who, hardware)
        }

        /// Raises the caller's bond by `amount`.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::bond_extra().saturating_add(Pallet::<T>::relisting_of_one()))]
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
        #[pallet::weight(T::WeightInfo::unbond().saturating_add(Pallet::<T>::relisting_of_one()))]
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
        #[pallet::weight(T::WeightInfo::set_offer().saturating_add(Pallet::<T>::relisting_of_one()))]
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
        #[pallet::weight(T::WeightInfo::remove_offer().saturating_add(Pallet::<T>::relisting_of_one()))]
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
                .saturating_add(T::WeightInfo::delist_offers(MAX_PLACES))
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
        #[pallet::weight(
            T::WeightInfo::decline_job()
                .saturating_add(Pallet::<T>::most_relisting())
                .saturating_add(T::WeightInfo::end_lease(1))
        )]
        pub fn decline_job(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            Ok(Some(Self::do_decline_job(who, job)?).into())
        }

        /// Ends a job of the caller's that is assigned and not attested. It pays for the share of its deadline
        /// that is over, the present block included, as if it had been done; the rest goes back.
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::cancel_job().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn cancel_job(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            Ok(Some(Self::do_cancel_job(who, job)?).into())
        }

        /// Moves a provider's offers to the tier that its reputation is worth now. Anyone may call it, as reputation
        /// fades while nobody looks.
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::set_hardware().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn relist_offers(origin: OriginFor<T>, provider: AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::try_change_provider(&provider, |_| Ok(()))
        }

        /// Names the share of its rewards that the caller keeps before it shares them with its delegators. It can't
        /// rise as long as there are any.
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::set_hardware().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn set_commission(origin: OriginFor<T>, commission: Permill) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_commission(who, commission)
        }

        /// Backs a provider's bond. What is delegated has its part in the provider's rewards, less its commission,
        /// and in its slashes; it covers jobs worth up to ten times the provider's own bond.
        ///
        /// - `amount`: at least `MinDelegation`; it is held on the provider's account, where neither can spend it.
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::delegate().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn delegate(
            origin: OriginFor<T>,
            provider: AccountId,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_delegate(who, provider, amount)
        }

        /// Wants back what the caller has delegated to a provider, after the unbonding period, in which it still
        /// earns and can be slashed.
        ///
        /// - `amount`: what is to come back, at its present worth; all if less than `MinDelegation` would stay.
        #[pallet::call_index(15)]
        #[pallet::weight(T::WeightInfo::undelegate().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn undelegate(
            origin: OriginFor<T>,
            provider: AccountId,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_undelegate(who, provider, amount)
        }

        /// Gives a delegator back what is free of what it has delegated. Anyone may call it.
        #[pallet::call_index(16)]
        // What is kept of the provider's work and reputation comes on top, if it is the last.
        #[pallet::weight(
            T::WeightInfo::withdraw_delegation()
                .saturating_add(T::WeightInfo::archive_era_work().saturating_mul(2))
                .saturating_add(Pallet::<T>::relisting_of_one())
        )]
        pub fn withdraw_delegation(
            origin: OriginFor<T>,
            provider: AccountId,
            delegator: AccountId,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_withdraw_delegation(delegator, provider)
        }

        /// Opens a sealed-bid auction for the lease of several machines, or of a machine for a time: all that is
        /// asked for, or nothing. What they cost at most is held; each machine is paid what the cheapest bid that
        /// lost asks.
        #[pallet::call_index(17)]
        #[pallet::weight(T::WeightInfo::open_auction())]
        pub fn open_auction(origin: OriginFor<T>, terms: AuctionTerms) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_open_auction(who, terms)
        }

        /// Takes an auction back that nobody has bid in. The escrow is given back.
        #[pallet::call_index(18)]
        #[pallet::weight(T::WeightInfo::cancel_auction())]
        pub fn cancel_auction(origin: OriginFor<T>, auction: AuctionId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_cancel_auction(who, auction)
        }

        /// Makes a sealed bid. The deposit is held until the auction is cleared, and burned if the bid is not
        /// revealed, or the provider has no room for the lease then.
        ///
        /// - `commitment`: the BLAKE2b-256 hash of `kagari-bid`, the auction's id, the bidder's account, the price
        ///   (16 bytes, little-endian) and a salt of 32 random bytes.
        #[pallet::call_index(19)]
        #[pallet::weight(T::WeightInfo::commit_bid())]
        pub fn commit_bid(
            origin: OriginFor<T>,
            auction: AuctionId,
            commitment: Hash,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_commit_bid(who, auction, commitment)
        }

        /// Reveals the caller's bid.
        ///
        /// - `price`: what its machine costs a block.
        /// - `salt`: what was committed with it.
        #[pallet::call_index(20)]
        #[pallet::weight(T::WeightInfo::reveal_bid())]
        pub fn reveal_bid(
            origin: OriginFor<T>,
            auction: AuctionId,
            #[pallet::compact] price: Balance,
            salt: [u8; 32],
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_reveal_bid(who, auction, price, salt)
        }

        /// Sends a job to a machine of a lease of the caller's, one at a time. The lease pays for it; only what the
        /// attestation and the settlement would cost as fees is burned beforehand. A machine that declines it or
        /// misses its deadline is out of the lease.
        ///
        /// - `machine`: the provider whose machine it is.
        /// - `spec`: what to compute; price, tier, class and region don't count here.
        /// - `input`: as in `submit_job`.
        #[pallet::call_index(21)]
        #[pallet::weight(
            T::WeightInfo::submit_leased_job(input.len() as u32)
                .saturating_add(T::WeightInfo::delist_offers(MAX_PLACES))
        )]
        pub fn submit_leased_job(
            origin: OriginFor<T>,
            lease: LeaseId,
            machine: AccountId,
            spec: JobSpec,
            input: Vec<Word>,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let weight = Self::do_submit_leased_job(who, lease, machine, spec, input)?;
            Ok(Some(weight).into())
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
