//! Calls of those who back a provider's bond.

use super::{signed, Driver, MarketCall, Transaction};
use kagari_primitives::{AccountId, Balance, KGR};
use kagari_runtime::Runtime;
use pallet_compute_market::Delegations;

impl Driver {
    pub(super) fn delegation(&mut self) -> Option<Transaction> {
        let (who, provider) = (self.account(), self.provider()?);
        let least = match self.one_in(16) {
            true => 0,
            false => KGR,
        };
        let amount = least + self.amount();
        signed(who, MarketCall::delegate { provider, amount })
    }

    pub(super) fn undelegation(&mut self) -> Option<Transaction> {
        let (provider, delegator) = self.delegated(false)?;
        let amount = match self.one_in(2) {
            true => self.amount(),
            false => Balance::MAX,
        };
        let who = self.mostly(delegator);
        signed(who, MarketCall::undelegate { provider, amount })
    }

    pub(super) fn delegation_withdrawal(&mut self) -> Option<Transaction> {
        let only_leaving = !self.one_in(8);
        let (provider, delegator) = self.delegated(only_leaving)?;
        let call = MarketCall::withdraw_delegation {
            provider,
            delegator,
        };
        signed(self.account(), call)
    }

    /// A provider and somebody who has delegated to it, and is leaving, if only such are asked for.
    fn delegated(&mut self, only_leaving: bool) -> Option<(AccountId, AccountId)> {
        let all: Vec<_> = Delegations::<Runtime>::iter()
            .filter(|(_, _, delegation)| delegation.leaving > 0 || !only_leaving)
            .map(|(provider, delegator, _)| (provider, delegator))
            .collect();
        self.one_of(&all)
    }
}
