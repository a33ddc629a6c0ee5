//! Verdicts, eras and rewards.

use crate::{emission, types::*, Config, CurrentEra, Emitted, Event, History, Pallet};
use frame_support::traits::{fungible::Mutate, Defensive, Get};
use kagari_primitives::{AccountId, Balance, EraIndex, JobId, Work};

impl<T: Config> Pallet<T> {
    /// Whether an attested job whose window ends is to be paid. Nothing audits yet, so it is.
    pub fn verdict(_job: JobId) -> bool {
        true
    }

    /// Mints the reward of a settled job, and gives it with its era.
    pub fn reward(provider: &AccountId, work: Work, burned: Balance) -> (EraIndex, Balance) {
        let mut era = Self::era_now();
        let mut reward = emission::reward(era.rate, work, burned, era.left);
        // Below the existential deposit an account that is gone cannot be paid; then nothing is minted.
        if T::Currency::mint_into(provider, reward)
            .defensive()
            .is_err()
        {
            reward = 0;
        }
        era.left = era.left.saturating_sub(reward);
        let counted = emission::counted_work(era.rate, work, burned);
        era.work = era.work.saturating_add(counted);
        CurrentEra::<T>::put(era);
        Emitted::<T>::mutate(|all| *all = all.saturating_add(reward));
        Self::deposit_event(Event::Rewarded {
            provider: provider.clone(),
            era: era.index,
            work,
            reward,
        });
        (era.index, reward)
    }

    /// Keeps the work of an account in an era that is over for it.
    pub fn archive(provider: &AccountId, era: EraIndex, work: AccountWork) {
        History::<T>::insert(era, provider, work);
    }

    /// The era of the present block; the first job settled in an era begins it.
    fn era_now() -> Era {
        let index = Self::now()
            .checked_div(T::EraLength::get())
            .unwrap_or_default();
        let last = CurrentEra::<T>::get();
        if let Some(era) = last.filter(|era| era.index == index) {
            return era;
        }
        let previous_work = last
            .filter(|era| era.index.saturating_add(1) == index)
            .map_or(0, |era| era.work);
        let emission = emission::emission(index);
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
        }
    }
}
