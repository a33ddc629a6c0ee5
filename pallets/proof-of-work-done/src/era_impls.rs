//! Verdicts, eras and rewards.

use crate::{
    emission::{self, SharedReward},
    types::*,
    Config, CurrentEra, Emitted, Eras, Error, Event, History, Pallet, Pruned, WeightInfo, Window,
};
use frame_support::{
    ensure,
    traits::{fungible::Mutate, Get},
    weights::WeightMeter,
};
use kagari_primitives::{AccountId, Balance, BlockNumber, EraIndex, JobId, Work};
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
    /// Length of the audit window in blocks: from an attestation to its verdict.
    pub fn window() -> BlockNumber {
        Window::<T>::get()
    }

    /// Whether an attested job whose window ends is to be paid. Nothing audits yet, so it is.
    pub fn verdict(_job: JobId) -> bool {
        true
    }

    /// Rewards a settled job: mints its provider's share, which it gives with the era, and notes the others'.
    pub fn reward(provider: &AccountId, work: Work, burned: Balance) -> (EraIndex, Balance) {
        let mut era = Self::era_now();
        let reward = emission::reward(era.rate, work, burned, era.left);
        let mut shared = emission::share_out(reward);
        // Below the existential deposit an account that was emptied cannot be paid; then there is no reward.
        if T::Currency::mint_into(provider, shared.provider).is_err() {
            shared = emission::share_out(0);
        }
        let SharedReward {
            provider: minted,
            others,
        } = shared;
        era.left = era.left.saturating_sub(minted).saturating_sub(others.sum());
        era.owed = era.owed.plus(others);
        let counted = emission::counted_work(era.rate, work, burned);
        era.work = era.work.saturating_add(counted);
        CurrentEra::<T>::put(era);
        Emitted::<T>::mutate(|all| *all = all.saturating_add(minted));
        Self::deposit_event(Event::Rewarded {
            provider: provider.clone(),
            era: era.index,
            work,
            reward: minted,
        });
        (era.index, minted)
    }

    /// Mints what the other roles are owed into their accounts.
    pub(crate) fn do_pay_shares() -> DispatchResult {
        let mut era = CurrentEra::<T>::get().ok_or(Error::<T>::NothingOwed)?;
        let owed = core::mem::take(&mut era.owed);
        ensure!(owed.sum() > 0, Error::<T>::NothingOwed);
        let shares = [
            (Role::Validators, owed.validators),
            (Role::Auditors, owed.auditors),
            (Role::Treasury, owed.treasury),
        ];
        for (role, share) in shares {
            T::Currency::mint_into(&role.account(), share)?;
        }
        CurrentEra::<T>::put(era);
        Emitted::<T>::mutate(|all| *all = all.saturating_add(owed.sum()));
        Self::deposit_event(Event::SharesPaid { shares: owed });
        Ok(())
    }

    /// Keeps the work of an account in an era that is over for it.
    pub fn archive(provider: &AccountId, era: EraIndex, work: AccountWork) {
        if era < Pruned::<T>::get() {
            return;
        }
        History::<T>::mutate(era, provider, |kept| {
            *kept = Some(kept.unwrap_or_default().plus(work));
        });
    }

    /// What is kept of an account's work in an era.
    pub fn history(provider: &AccountId, era: EraIndex) -> Option<AccountWork> {
        History::<T>::get(era, provider)
    }

    /// What is known of an era: of the present one, or of one within the history depth.
    pub fn era_record(era: EraIndex) -> Option<EraRecord> {
        let present = CurrentEra::<T>::get().filter(|present| present.index == era);
        present.map(record_of).or_else(|| Eras::<T>::get(era))
    }

    /// Forgets eras that are beyond the history depth, within `meter`.
    pub(crate) fn prune(meter: &mut WeightMeter) {
        let oldest = Self::era_index().saturating_sub(T::HistoryDepth::get());
        if meter.try_consume(T::WeightInfo::prune_base()).is_err() {
            return;
        }
        let start = Pruned::<T>::get();
        let mut era = start;
        while era < oldest && Self::prune_era(era, meter) {
            era = era.saturating_add(1);
        }
        if era != start {
            Pruned::<T>::put(era);
        }
    }

    /// Forgets an era; false if the weight did not suffice.
    fn prune_era(era: EraIndex, meter: &mut WeightMeter) -> bool {
        // One walk: a new one would pass by all that was removed before.
        let mut accounts = History::<T>::iter_key_prefix(era);
        loop {
            if meter.try_consume(T::WeightInfo::prune_record()).is_err() {
                return false;
            }
            let Some(account) = accounts.next() else {
                Eras::<T>::remove(era);
                return true;
            };
            History::<T>::remove(era, account);
        }
    }

    /// Number of the era of the present block.
    fn era_index() -> EraIndex {
        let index = Self::now().checked_div(T::EraLength::get());
        index.unwrap_or_default()
    }

    /// The era of the present block; the first job settled in an era begins it.
    fn era_now() -> Era {
        let index = Self::era_index();
        let last = CurrentEra::<T>::get();
        if let Some(era) = last.filter(|era| era.index == index) {
            return era;
        }
        let previous_work = last
            .filter(|era| era.index.saturating_add(1) == index)
            .map_or(0, |era| era.work);
        if let Some(last) = last.filter(|last| last.index >= Pruned::<T>::get()) {
            Eras::<T>::insert(last.index, record_of(last));
        }
        let emission = emission::job_emission(index);
        let rate = emission::rate(emission, previous_work);
        Self::deposit_event(Event::EraBegun {
            era: index,
            emission,
            rate,
        });
        Era {
            index,
            rate,
            left: emission,
            work: 0,
            owed: last.map(|era| era.owed).unwrap_or_default(),
        }
    }
}

fn record_of(era: Era) -> EraRecord {
    EraRecord {
        rate: era.rate,
        work: era.work,
        rewards: emission::job_emission(era.index).saturating_sub(era.left),
    }
}
