//! Providers: bonding, worker keys, unbonding.

use crate::{
    types::*, Config, Error, Event, HoldReason, Pallet, PastReputations, Providers, Workers,
};
use frame_support::{
    ensure,
    traits::{
        fungible::{hold::Mutate as _, InspectHold},
        tokens::Precision,
        Get,
    },
};
use kagari_primitives::{
    worker_key::{ownership_message, WorkerId, WorkerSignature},
    AccountId, Balance, Hardware, Hash, ProviderStatus,
};
use sp_runtime::{
    traits::{BlockNumberProvider, Zero},
    DispatchResult, RuntimeAppPublic,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_register_provider(
        who: AccountId,
        bond: Balance,
        worker: WorkerId,
        proof: WorkerSignature,
        hardware: Hardware,
    ) -> DispatchResult {
        ensure!(
            !Providers::<T>::contains_key(&who),
            Error::<T>::AlreadyProvider
        );
        ensure!(bond >= T::MinBond::get(), Error::<T>::BondTooSmall);
        Self::check_hardware(&hardware)?;
        Self::claim_worker(&who, &worker, &proof)?;
        T::Currency::hold(&HoldReason::Bond.into(), &who, bond)?;
        let reputation = PastReputations::<T>::take(&who);
        let provider = Provider::new(bond, worker.clone(), hardware, reputation);
        Providers::<T>::insert(&who, provider);
        Self::deposit_event(Event::ProviderRegistered {
            provider: who,
            worker,
            bond,
        });
        Ok(())
    }

    pub(crate) fn do_set_worker(
        who: AccountId,
        worker: WorkerId,
        proof: WorkerSignature,
    ) -> DispatchResult {
        Self::try_change_provider(&who, |provider| {
            if provider.worker == worker {
                return Ok(());
            }
            Self::claim_worker(&who, &worker, &proof)?;
            Workers::<T>::remove(&provider.worker);
            provider.worker = worker.clone();
            Ok(())
        })?;
        Self::deposit_event(Event::WorkerSet {
            provider: who,
            worker,
        });
        Ok(())
    }

    pub(crate) fn do_set_hardware(who: AccountId, hardware: Hardware) -> DispatchResult {
        Self::check_hardware(&hardware)?;
        Self::try_change_provider(&who, |provider| {
            provider.hardware = hardware;
            Ok(())
        })?;
        Self::deposit_event(Event::HardwareSet { provider: who });
        Ok(())
    }

    pub(crate) fn do_bond_extra(who: AccountId, amount: Balance) -> DispatchResult {
        let bond = Self::try_change_provider(&who, |provider| {
            ensure!(
                provider.status == ProviderStatus::Active,
                Error::<T>::IsUnbonding
            );
            T::Currency::hold(&HoldReason::Bond.into(), &who, amount)?;
            provider.bond = provider.bond.saturating_add(amount);
            Ok(provider.bond)
        })?;
        Self::deposit_event(Event::BondIncreased {
            provider: who,
            bond,
        });
        Ok(())
    }

    pub(crate) fn do_unbond(who: AccountId) -> DispatchResult {
        let now = T::BlockNumberProvider::current_block_number();
        let until = now.saturating_add(T::UnbondingPeriod::get());
        Self::try_change_provider(&who, |provider| {
            ensure!(
                provider.status == ProviderStatus::Active,
                Error::<T>::IsUnbonding
            );
            provider.withdraw_offers();
            provider.status = ProviderStatus::Unbonding(until);
            Ok(())
        })?;
        Self::deposit_event(Event::Unbonding {
            provider: who,
            until,
        });
        Ok(())
    }

    pub(crate) fn do_withdraw_bond(who: AccountId) -> DispatchResult {
        let provider = Providers::<T>::get(&who).ok_or(Error::<T>::NotProvider)?;
        let ProviderStatus::Unbonding(until) = provider.status else {
            return Err(Error::<T>::NotUnbonding.into());
        };
        let now = T::BlockNumberProvider::current_block_number();
        ensure!(now >= until, Error::<T>::StillUnbonding);
        ensure!(provider.exposure.is_zero(), Error::<T>::JobsOpen);
        let has_left = provider.bond.is_zero() && provider.delegated.shares > 0;
        ensure!(!has_left, Error::<T>::StillDelegated);
        let reason = HoldReason::Bond.into();
        let bond = T::Currency::release(&reason, &who, provider.bond, Precision::BestEffort)?;
        match provider.delegated.shares {
            0 => Self::forget_provider(&who, provider),
            // Its delegators find their record until the last of them has left.
            _ => Providers::<T>::insert(
                &who,
                Provider {
                    bond: 0,
                    ..provider
                },
            ),
        }
        Self::deposit_event(Event::BondWithdrawn {
            provider: who,
            bond,
        });
        Ok(())
    }

    /// Removes the record of a provider of which nothing is held any more, and keeps what outlives it.
    pub(crate) fn forget_provider(who: &AccountId, provider: Provider) {
        let now = T::BlockNumberProvider::current_block_number();
        Self::archive_era_work(who, &provider.era_work);
        Workers::<T>::remove(&provider.worker);
        if !provider.reputation.is_blank(now) {
            PastReputations::<T>::insert(who, provider.reputation);
        }
        Providers::<T>::remove(who);
    }

    /// Takes a worker key for `who`, if its holder agrees and nobody else has it.
    fn claim_worker(who: &AccountId, worker: &WorkerId, proof: &WorkerSignature) -> DispatchResult {
        ensure!(!Workers::<T>::contains_key(worker), Error::<T>::WorkerTaken);
        let message = ownership_message(Self::genesis_hash(), who);
        ensure!(worker.verify(&message, proof), Error::<T>::BadWorkerProof);
        Workers::<T>::insert(worker, who);
        Ok(())
    }

    fn check_hardware(hardware: &Hardware) -> DispatchResult {
        let text = core::str::from_utf8(&hardware.description);
        ensure!(text.is_ok(), Error::<T>::InvalidDescription);
        Ok(())
    }

    /// The hash of block 0, which tells this chain from all others.
    pub fn genesis_hash() -> Hash {
        frame_system::Pallet::<T>::block_hash(
            frame_system::pallet_prelude::BlockNumberFor::<T>::zero(),
        )
    }

    /// What is held on an account as its bond.
    pub fn bonded(who: &AccountId) -> Balance {
        T::Currency::balance_on_hold(&HoldReason::Bond.into(), who)
    }
}
