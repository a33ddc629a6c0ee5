//! What is held on accounts: given back, paid to others, burned.
//!
//! An account can be emptied while something is held on it, if it has another reason to exist (a validator's has), and
//! then takes in no less than the existential deposit. What is too little for it is burned, as dust is, so that it
//! holds up nobody else.

use crate::{Burned, Config, HoldReason, Pallet};
use frame_support::{
    defensive,
    traits::{
        fungible::{hold::Mutate as _, Inspect as _, Mutate as _},
        tokens::{Fortitude, Precision, Preservation, Restriction},
    },
};
use kagari_primitives::{AccountId, Balance};
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
    /// Burns a fee that is paid beforehand, all of it or nothing.
    pub(crate) fn burn_fee(who: &AccountId, fee: Balance) -> DispatchResult {
        T::Currency::burn_from(
            who,
            fee,
            Preservation::Preserve,
            Precision::Exact,
            Fortitude::Polite,
        )?;
        Ok(())
    }

    /// Burns as much of `amount` as is held, and gives how much that was.
    pub(crate) fn burn_held(reason: HoldReason, who: &AccountId, amount: Balance) -> Balance {
        if amount == 0 {
            return 0;
        }
        let (precision, force) = (Precision::BestEffort, Fortitude::Force);
        let burned = T::Currency::burn_held(&reason.into(), who, amount, precision, force);
        let burned = burned.unwrap_or_default();
        Burned::<T>::mutate(|all| *all = all.saturating_add(burned));
        burned
    }

    /// Gives back what is held, and gives how much arrived.
    pub(crate) fn give_back(reason: HoldReason, who: &AccountId, amount: Balance) -> Balance {
        if amount == 0 {
            return 0;
        }
        let released = T::Currency::release(&reason.into(), who, amount, Precision::Exact);
        released.unwrap_or_else(|_| Self::burn_dust(reason, who, amount))
    }

    /// Pays another account out of what is held, and gives how much arrived.
    pub(crate) fn pay_held(
        reason: HoldReason,
        from: &AccountId,
        to: &AccountId,
        amount: Balance,
    ) -> Balance {
        if amount == 0 {
            return 0;
        }
        let paid = T::Currency::transfer_on_hold(
            &reason.into(),
            from,
            to,
            amount,
            Precision::Exact,
            Restriction::Free,
            Fortitude::Force,
        );
        paid.unwrap_or_else(|_| Self::burn_dust(reason, from, amount))
    }

    /// Burns what could not arrive because it is too little. Nothing has arrived.
    fn burn_dust(reason: HoldReason, held_on: &AccountId, amount: Balance) -> Balance {
        if amount < T::Currency::minimum_balance() {
            Self::burn_held(reason, held_on, amount);
        } else {
            defensive!("what is held is there, and more than dust can be taken in");
        }
        0
    }
}
