//! The calls that are made up: most of them fit the state as it stands, some are nonsense.

mod auctions;
mod delegations;
mod jobs;
mod others;
mod providers;

pub use auctions::SealedBid;
pub use jobs::Outcome;

use super::{
    accounts::{ACCOUNTS, WORKERS},
    Driver,
};
use kagari_primitives::{known_models, AccountId, Balance, HardwareClass, ModelId, Region, Tier};
use kagari_runtime::{Runtime, RuntimeCall};
use pallet_compute_market::{Models, Providers};

/// A call, and who signs it; nobody does where it is authorised by other means.
pub type Transaction = (Option<AccountId>, RuntimeCall);

type MarketCall = pallet_compute_market::Call<Runtime>;
type Maker = fn(&mut Driver) -> Option<Transaction>;

/// What makes up the kinds of calls, and how often it does beside the others. It makes up none where the state has
/// nothing to call. The last is what choices come to that are over.
const KINDS: [(u64, Maker); 26] = [
    (4, Driver::registration),
    (2, Driver::worker),
    (2, Driver::hardware),
    (2, Driver::more_bond),
    (1, Driver::unbonding),
    (3, Driver::bond_withdrawal),
    (1, Driver::model_registration),
    (9, Driver::offer),
    (2, Driver::offer_removal),
    (1, Driver::relisting),
    (2, Driver::commission),
    (4, Driver::delegation),
    (3, Driver::undelegation),
    (4, Driver::delegation_withdrawal),
    (4, Driver::auction),
    (1, Driver::auction_cancellation),
    (12, Driver::bid),
    (12, Driver::reveal),
    (6, Driver::leased_job),
    (12, Driver::commitment),
    (22, Driver::attestation),
    (3, Driver::decline),
    (3, Driver::job_cancellation),
    (1, Driver::shares),
    (3, Driver::transfer),
    (24, Driver::job),
];

impl Driver {
    /// Makes up a transaction.
    pub fn transaction(&mut self) -> Option<Transaction> {
        match self.one_in(40) {
            true => self.batch(),
            false => self.single(),
        }
    }

    /// Makes up a transaction of one call.
    fn single(&mut self) -> Option<Transaction> {
        let all = KINDS.iter().map(|(often, _)| often).sum();
        let mut at = self.below(all);
        for (often, make) in KINDS {
            match at.checked_sub(often) {
                Some(rest) => at = rest,
                None => return make(self),
            }
        }
        None
    }

    fn account(&mut self) -> AccountId {
        let at = self.below(ACCOUNTS.len() as u64);
        ACCOUNTS[at as usize].clone()
    }

    /// Who is to call, or, at times, somebody else.
    fn mostly(&mut self, who: AccountId) -> AccountId {
        match self.one_in(12) {
            true => self.account(),
            false => who,
        }
    }

    /// A provider, or, at times, any account.
    fn provider(&mut self) -> Option<AccountId> {
        if self.one_in(16) {
            return Some(self.account());
        }
        let all: Vec<_> = Providers::<Runtime>::iter_keys().collect();
        self.one_of(&all)
    }

    /// A model: mostly one of genesis, at times one that nobody knows.
    fn model(&mut self) -> ModelId {
        match self.below(16) {
            0 => ModelId::default(),
            1..=3 => {
                let all: Vec<_> = Models::<Runtime>::iter_keys().collect();
                self.one_of(&all).unwrap_or_default()
            }
            4..=6 => known_models::all_minilm_l6_v2().id(),
            _ => known_models::smollm2_135m_instruct().id(),
        }
    }

    /// An amount of any size, up to a hundred thousand KGR.
    fn amount(&mut self) -> Balance {
        let digits = Balance::from(self.below(1_000));
        digits * 10u128.pow(self.below(15) as u32)
    }

    fn tier(&mut self) -> Tier {
        match self.one_in(6) {
            true => self.one_of(&Tier::ALL).unwrap_or_default(),
            false => Tier::New,
        }
    }

    fn class(&mut self) -> HardwareClass {
        match self.one_in(8) {
            true => HardwareClass::Approximate,
            false => HardwareClass::Exact,
        }
    }

    fn region(&mut self) -> Option<Region> {
        match self.one_in(3) {
            true => self.one_of(&[Region::Africa, Region::Europe]),
            false => None,
        }
    }
}

fn signed(who: AccountId, call: impl Into<RuntimeCall>) -> Option<Transaction> {
    Some((Some(who), call.into()))
}
