//! Calls of other pallets: transfers, after which an account may be gone, and batches of calls.

use super::{signed, Driver, Transaction};
use kagari_runtime::Runtime;

type BalancesCall = pallet_balances::Call<Runtime>;
type UtilityCall = pallet_utility::Call<Runtime>;

impl Driver {
    pub(super) fn transfer(&mut self) -> Option<Transaction> {
        let (who, dest, value) = (self.account(), self.account().into(), self.amount());
        let call = match self.below(16) {
            0 => BalancesCall::transfer_all {
                dest,
                keep_alive: self.one_in(2),
            },
            1..=7 => BalancesCall::transfer_keep_alive { dest, value },
            _ => BalancesCall::transfer_allow_death { dest, value },
        };
        signed(who, call)
    }

    /// Up to three calls by one account. A payload is found only in the last.
    pub(super) fn batch(&mut self) -> Option<Transaction> {
        let len = 1 + self.below(3);
        let made: Vec<_> = (0..len).filter_map(|_| self.single()).collect();
        let who = made.iter().find_map(|(who, _)| who.clone())?;
        let calls = made.into_iter().map(|(_, call)| call).collect();
        let call = match self.below(3) {
            0 => UtilityCall::batch { calls },
            1 => UtilityCall::force_batch { calls },
            _ => UtilityCall::batch_all { calls },
        };
        signed(who, call)
    }
}
