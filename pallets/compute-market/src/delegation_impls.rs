//! Delegation: others back a provider's bond, and share its rewards and slashes. What is delegated is held on the
//! provider's account together with its bond, where neither can spend it.

use crate::{
    delegation::{Delegated, Delegation},
    types::*,
    Config, Delegations, Error, Event, HoldReason, Pallet, Providers,
};
use frame_support::{
    ensure,
    traits::{
        fungible::hold::Mutate as _,
        tokens::{Fortitude, Precision, Preservation},
        Get,
    },
};
use kagari_primitives::{AccountId, Balance, BlockNumber, ProviderStatus};
use sp_runtime::{
    traits::{BlockNumberProvider, Zero},
    DispatchResult, Permill,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_set_commission(who: AccountId, commission: Permill) -> DispatchResult {
        Self::try_change_provider(&who, |provider| {
            let rises = provider.commission.is_some_and(|now| commission > now);
            ensure!(!rises, Error::<T>::CommissionRises);
            provider.commission = Some(commission);
            Ok(())
        })?;
        Self::deposit_event(Event::CommissionSet {
            provider: who,
            commission,
        });
        Ok(())
    }

    pub(crate) fn do_delegate(who: AccountId, to: AccountId, amount: Balance) -> DispatchResult {
        ensure!(who != to, Error::<T>::DelegatesToItself);
        ensure!(
            amount >= T::MinDelegation::get(),
            Error::<T>::DelegationTooSmall
        );
        let shares = Self::try_change_provider(&to, |provider| {
            ensure!(
                provider.status == ProviderStatus::Active,
                Error::<T>::IsUnbonding
            );
            ensure!(
                provider.commission.is_some(),
                Error::<T>::TakesNoDelegations
            );
            let most = provider.bond.saturating_mul(MAX_LEVERAGE);
            ensure!(
                provider.stake().saturating_add(amount) <= most,
                Error::<T>::DelegationsFull
            );
            T::Currency::transfer_and_hold(
                &HoldReason::Bond.into(),
                &who,
                &to,
                amount,
                Precision::Exact,
                Preservation::Preserve,
                Fortitude::Polite,
            )?;
            let shares = provider.delegated.buy(amount);
            Ok(shares.ok_or(Error::<T>::DelegationsWorthless)?)
        })?;
        Delegations::<T>::mutate(&to, &who, |delegation| {
            delegation.shares = delegation.shares.saturating_add(shares);
        });
        Self::deposit_event(Event::Delegated {
            delegator: who,
            provider: to,
            amount,
        });
        Ok(())
    }

    pub(crate) fn do_undelegate(
        who: AccountId,
        from: AccountId,
        amount: Balance,
    ) -> DispatchResult {
        ensure!(amount > 0, Error::<T>::NothingDelegated);
        let mut delegation = Delegations::<T>::get(&from, &who);
        let now = T::BlockNumberProvider::current_block_number();
        let (value, until) = Self::try_change_provider(&from, |provider| {
            let staying = delegation.shares.saturating_sub(delegation.leaving);
            ensure!(staying > 0, Error::<T>::NothingDelegated);
            let shares = leaving_for::<T>(&provider.delegated, staying, amount);
            provider.delegated.leaving = provider.delegated.leaving.saturating_add(shares);
            delegation.leaving = delegation.leaving.saturating_add(shares);
            delegation.until = leaves_at::<T>(provider.status, now);
            Ok((provider.delegated.value_of(shares), delegation.until))
        })?;
        Delegations::<T>::insert(&from, &who, delegation);
        Self::deposit_event(Event::Undelegating {
            delegator: who,
            provider: from,
            amount: value,
            until,
        });
        Ok(())
    }

    /// Anyone may see to it, so that nobody who is forgotten keeps a provider from leaving.
    pub(crate) fn do_withdraw_delegation(of: AccountId, from: AccountId) -> DispatchResult {
        let mut delegation = Delegations::<T>::get(&from, &of);
        ensure!(delegation.shares > 0, Error::<T>::NothingDelegated);
        let now = T::BlockNumberProvider::current_block_number();
        let amount = Self::try_change_provider(&from, |provider| {
            let shares = free_shares(&delegation, provider.status, now);
            ensure!(shares > 0, Error::<T>::StillUnbonding);
            let leaving = shares.min(delegation.leaving);
            provider.delegated.leaving = provider.delegated.leaving.saturating_sub(leaving);
            delegation.leaving = delegation.leaving.saturating_sub(leaving);
            delegation.shares = delegation.shares.saturating_sub(shares);
            let amount = provider.delegated.sell(shares);
            ensure!(provider.exposure <= provider.stake(), Error::<T>::JobsOpen);
            Ok(Self::pay_held(HoldReason::Bond, &from, &of, amount))
        })?;
        match delegation.shares {
            0 => Delegations::<T>::remove(&from, &of),
            _ => Delegations::<T>::insert(&from, &of, delegation),
        }
        Self::deposit_event(Event::DelegationWithdrawn {
            delegator: of,
            provider: from.clone(),
            amount,
        });
        Self::forget_if_gone(&from);
        Ok(())
    }

    /// Forgets a provider that has its bond back, once nothing is delegated to it any more.
    fn forget_if_gone(who: &AccountId) {
        let provider = Providers::<T>::get(who);
        let is_gone = |p: &Provider| p.bond.is_zero() && p.delegated.shares.is_zero();
        if let Some(provider) = provider.filter(is_gone) {
            Self::forget_provider(who, provider);
        }
    }

    /// Gives the delegators their part of a reward that their provider has just been given: it is held like its
    /// bond. Where its account can't bear that, its bond pays for it.
    pub(crate) fn share_reward(who: &AccountId, provider: &mut Provider, reward: Balance) {
        let commission = provider.commission.unwrap_or_default();
        let part = provider
            .delegated
            .part_of_reward(reward, commission, provider.bond);
        if part == 0 {
            return;
        }
        let held = T::Currency::hold(&HoldReason::Bond.into(), who, part);
        let part = match held {
            Ok(()) => part,
            Err(_) => part.min(provider.bond),
        };
        if held.is_err() {
            provider.bond = provider.bond.saturating_sub(part);
        }
        provider.delegated.stake = provider.delegated.stake.saturating_add(part);
        Self::deposit_event(Event::RewardShared {
            provider: who.clone(),
            amount: part,
        });
    }
}

/// The shares that leave if somebody with so many wants `amount` back: all of them if less than the least
/// delegation would stay.
fn leaving_for<T: Config>(delegated: &Delegated, staying: Balance, amount: Balance) -> Balance {
    let shares = delegated.shares_worth(amount).min(staying);
    let rest = delegated.value_of(staying.saturating_sub(shares));
    match rest < T::MinDelegation::get() {
        true => staying,
        false => shares,
    }
}

/// When what leaves now is free: after the unbonding period, or with the provider's own bond.
fn leaves_at<T: Config>(status: ProviderStatus, now: BlockNumber) -> BlockNumber {
    let period = now.saturating_add(T::UnbondingPeriod::get());
    match status {
        ProviderStatus::Active => period,
        ProviderStatus::Unbonding(until) => until.clamp(now, period),
    }
}

/// The shares of a delegation that can be taken back now.
fn free_shares(delegation: &Delegation, status: ProviderStatus, now: BlockNumber) -> Balance {
    match status {
        ProviderStatus::Unbonding(until) if until <= now => delegation.shares,
        _ if delegation.until <= now => delegation.leaving,
        _ => 0,
    }
}
