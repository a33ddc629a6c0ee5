//! # Proof of work done
//!
//! Takes the attestations of providers' workers, gives the verdict that releases a job's money, and
//! mints tokens for proved work.
//!
//! An attestation comes as a general transaction that [`Pallet::attest`] authorises by the worker key's
//! signature: without fee and nonce, in the operational class. Whatever can fail, fails there; the
//! dispatch does not. Where several providers compute the same, each commits to its attestation in the same way
//! ([`Pallet::commit`]) before any is taken.
//!
//! Where what comes later will stand: audits and disputes between [`Pallet::attest`] and
//! [`Pallet::verdict`], which today lets every window pass; shares of the emission for other roles
//! beside [`emission`].
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

mod authorize_impls;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
pub mod emission;
mod era_impls;
pub mod jobs;
pub mod rejection;
#[cfg(test)]
mod tests;
// Native builds have it for tests of the whole runtime; no feature of FRAME is needed for that.
#[cfg(any(test, feature = "std", feature = "try-runtime"))]
mod try_state;
pub mod types;
pub mod weights;

pub use pallet::*;
pub use weights::WeightInfo;

// What the macro generates expects what it has made sure of.
#[allow(clippy::expect_used)]
#[frame_support::pallet]
pub mod pallet {
    use super::{jobs::Jobs, types::*, WeightInfo};
    use alloc::vec::Vec;
    use frame_support::{
        pallet_prelude::*,
        traits::fungible::{Inspect, Mutate},
        weights::WeightMeter,
    };
    use frame_system::pallet_prelude::*;
    use kagari_primitives::{
        worker_key::WorkerSignature, AccountId, Attestation, Balance, BlockNumber, EraIndex, Hash,
        JobId, Word, Work,
    };
    use sp_runtime::traits::BlockNumberProvider;

    /// Version of the layout of the storage.
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(0);

    /// The pallet.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What this pallet needs of the runtime.
    #[pallet::config]
    pub trait Config:
        frame_system::Config<AccountId = AccountId, Hash = Hash, RuntimeEvent: From<Event<Self>>>
    {
        /// Weights.
        type WeightInfo: WeightInfo;
        /// The native token.
        type Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>;
        /// The height that windows and eras count in.
        type BlockNumberProvider: BlockNumberProvider<BlockNumber = BlockNumber>;
        /// The market's jobs.
        type Jobs: Jobs;
        /// Blocks of an era.
        #[pallet::constant]
        type EraLength: Get<BlockNumber>;
        /// Eras whose work and rewards are kept.
        #[pallet::constant]
        type HistoryDepth: Get<EraIndex>;
        /// Most that it weighs for the market to have an offer stand again whose provider has a place free, and to
        /// compare the results of replicas.
        type RelistingWeight: Get<Weight>;
    }

    /// Length of the audit window in blocks: from an attestation to its verdict.
    #[pallet::storage]
    pub type Window<T: Config> = StorageValue<_, BlockNumber, ValueQuery>;

    /// The present era.
    #[pallet::storage]
    pub type CurrentEra<T: Config> = StorageValue<_, Era, OptionQuery>;

    /// Work and rewards of the accounts in the eras before their latest one, which stands in the
    /// market's record of the provider.
    #[pallet::storage]
    pub type History<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        EraIndex,
        Blake2_128Concat,
        AccountId,
        AccountWork,
        OptionQuery,
    >;

    /// The eras before the present one, as far back as the history depth.
    #[pallet::storage]
    pub type Eras<T: Config> = StorageMap<_, Twox64Concat, EraIndex, EraRecord>;

    /// The first era that is not forgotten yet.
    #[pallet::storage]
    pub type Pruned<T: Config> = StorageValue<_, EraIndex, ValueQuery>;

    /// All that was minted so far.
    #[pallet::storage]
    pub type Emitted<T: Config> = StorageValue<_, Balance, ValueQuery>;

    /// What happened to work and rewards.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// An era has begun.
        EraBegun {
            /// The era.
            era: EraIndex,
            /// Most that it mints for jobs.
            emission: Balance,
            /// What it mints per work unit, within a job's cap.
            rate: Balance,
        },
        /// Tokens were minted for a job.
        Rewarded {
            /// Who did the work.
            provider: AccountId,
            /// The era.
            era: EraIndex,
            /// The work in multiply-accumulates.
            work: Work,
            /// What was minted for the provider; the other roles' shares come on top.
            reward: Balance,
        },
        /// The shares of rewards for validators, auditors and treasury were minted into their accounts.
        SharesPaid {
            /// How much for each.
            shares: RoleShares,
        },
        /// A job was attested.
        Attested {
            /// The job.
            job: JobId,
            /// Commitment to the whole computation.
            trace_root: Hash,
        },
        /// The provider of a replica has committed to its attestation.
        Committed {
            /// The job.
            job: JobId,
            /// What it has committed to: a hash of the attestation and its signature.
            commitment: Hash,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// No role is owed anything now; shares come with the rewards of settled jobs.
        NothingOwed,
    }

    /// The window of the chain.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Length of the audit window in blocks.
        pub window: BlockNumber,
        /// The runtime that this configures.
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            Window::<T>::put(self.window.max(1));
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
            let mut meter = WeightMeter::with_limit(remaining);
            Self::prune(&mut meter);
            meter.consumed()
        }

        fn integrity_test() {
            assert!(T::HistoryDepth::get() > 0, "the era before is kept");
            assert!(T::EraLength::get() > 0, "an era has at least a block");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Attests a job: the word of the worker key of the provider that it is assigned to.
        ///
        /// Sent as a general transaction by the worker; the runtime API builds it. See
        /// [`crate::rejection`] for why one is refused.
        ///
        /// - `attestation`: the job, the hash of the output, and the commitment to the computation.
        /// - `signature`: over `attestation_message` of the runtime API.
        /// - `output`: token ids, or the bits of a vector's numbers; what the extrinsic ends with.
        #[pallet::call_index(0)]
        // It does not say `Pays::No`: an authorised transaction pays nothing anyway, and one that is signed
        // instead, which fails, must not be for free.
        #[pallet::weight((
            Pallet::<T>::weight_of_attesting(output.len() as u32)
                .saturating_add(T::RelistingWeight::get()),
            DispatchClass::Operational
        ))]
        #[pallet::weight_of_authorize(T::WeightInfo::authorize_attest(output.len() as u32))]
        #[pallet::authorize(Self::authorize_attest)]
        pub fn attest(
            origin: OriginFor<T>,
            attestation: Attestation,
            signature: WorkerSignature,
            output: Vec<Word>,
        ) -> DispatchResultWithPostInfo {
            ensure_authorized(origin)?;
            // Checked, like everything else, before the dispatch.
            let _ = signature;
            Ok(Some(Self::do_attest(attestation, output)?).into())
        }

        /// Mints what validators, auditors and treasury have earned with rewards so far into their accounts.
        /// Anyone may call it.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::pay_shares())]
        pub fn pay_shares(origin: OriginFor<T>) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_pay_shares()
        }

        /// Commits the provider of a replica to its attestation, so that none can copy what another reveals.
        ///
        /// Sent as a general transaction by the worker, like an attestation; the runtime API builds it. It can't be
        /// changed afterwards.
        ///
        /// - `job`: the replica.
        /// - `assigned_at`: block in which it was assigned.
        /// - `commitment`: the hash of the attestation and of its signature, which nobody else can make.
        /// - `signature`: the worker key's, over the message that `next_step` of the runtime API gives.
        #[pallet::call_index(2)]
        #[pallet::weight((Pallet::<T>::weight_of_committing(), DispatchClass::Operational))]
        #[pallet::weight_of_authorize(T::WeightInfo::authorize_commit())]
        #[pallet::authorize(Self::authorize_commit)]
        pub fn commit(
            origin: OriginFor<T>,
            job: JobId,
            assigned_at: BlockNumber,
            commitment: Hash,
            signature: WorkerSignature,
        ) -> DispatchResult {
            ensure_authorized(origin)?;
            // Checked, like everything else, before the dispatch.
            let _ = (assigned_at, signature);
            Self::do_commit(job, commitment)
        }
    }

    /// What people may ask, for example through polkadot.js.
    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// Blocks from an attestation to its verdict.
        pub fn audit_window() -> BlockNumber {
            Window::<T>::get()
        }

        /// The era in which a job was last settled, with its rate and what it may still mint.
        pub fn latest_era() -> Option<Era> {
            CurrentEra::<T>::get()
        }
    }
}
