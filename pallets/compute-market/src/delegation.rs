//! Delegation, as pure arithmetic: others back a provider's bond, and share its rewards and slashes.
//!
//! What is delegated is counted in shares of one pot. A reward raises what every share is worth, a slash lowers
//! it, and nobody has to be looked up for either. Shares are rounded down when they are bought and when they are
//! sold, so that no unit is made.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use kagari_primitives::{Balance, BlockNumber};
use scale_info::TypeInfo;
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Permill, Rounding};

/// What is delegated to a provider, in shares: rewards and slashes change what a share is worth.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Delegated {
    /// What all shares are worth together, held on the provider's account.
    pub stake: Balance,
    /// All shares.
    pub shares: Balance,
    /// Those of them whose delegators are leaving; they cover no new jobs.
    pub leaving: Balance,
}

/// What one account has delegated to a provider.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Delegation {
    /// Its shares, those that are leaving included.
    pub shares: Balance,
    /// Those that are leaving.
    pub leaving: Balance,
    /// The block from which on they can be taken back.
    pub until: BlockNumber,
}

impl Delegated {
    /// What so many shares are worth.
    pub fn value_of(&self, shares: Balance) -> Balance {
        scale(shares, self.stake, self.shares, Rounding::Down).unwrap_or_default()
    }

    /// What stays delegated.
    pub fn staying(&self) -> Balance {
        self.value_of(self.shares.saturating_sub(self.leaving))
    }

    /// The least number of shares that is worth `amount`.
    pub fn shares_worth(&self, amount: Balance) -> Balance {
        scale(amount, self.shares, self.stake, Rounding::Up).unwrap_or(Balance::MAX)
    }

    /// Takes `amount` in and gives the shares for it; `None` where all shares together are worth nothing, or it
    /// buys none.
    pub fn buy(&mut self, amount: Balance) -> Option<Balance> {
        let bought = match self.shares {
            0 => Some(amount),
            all => scale(amount, all, self.stake, Rounding::Down),
        };
        let bought = bought.filter(|shares| *shares > 0)?;
        self.shares = self.shares.checked_add(bought)?;
        self.stake = self.stake.checked_add(amount)?;
        Some(bought)
    }

    /// Gives what shares are worth that are taken out. The last ones are worth all that is left.
    pub fn sell(&mut self, shares: Balance) -> Balance {
        let value = match shares >= self.shares {
            true => self.stake,
            false => self.value_of(shares),
        };
        self.shares = self.shares.saturating_sub(shares);
        self.leaving = self.leaving.min(self.shares);
        self.stake = self.stake.saturating_sub(value);
        value
    }

    /// The delegators' part of a reward of their provider, which keeps `commission` of it and has a bond of its
    /// own: what is left, by stake.
    pub fn part_of_reward(&self, reward: Balance, commission: Permill, bond: Balance) -> Balance {
        self.part_of(reward.saturating_sub(commission.mul_ceil(reward)), bond)
    }

    /// The delegators' part of what covers `amount`, by stake.
    pub fn part_of(&self, amount: Balance, bond: Balance) -> Balance {
        let stake = bond.saturating_add(self.stake);
        scale(amount, self.stake, stake, Rounding::Down).unwrap_or_default()
    }
}

/// `amount` times `part` over `whole`; `None` if there is no whole, or the result does not fit.
fn scale(amount: Balance, part: Balance, whole: Balance, rounding: Rounding) -> Option<Balance> {
    // Of nothing is nothing, and not the whole that it is divided by.
    match whole {
        0 => None,
        _ => multiply_by_rational_with_rounding(amount, part, whole, rounding),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// What may happen to what is delegated.
    #[derive(Clone, Debug)]
    enum Step {
        Buy(usize, Balance),
        /// Sell so many thousandths.
        Sell(usize, Balance),
        Reward(Balance),
        /// Lose so many thousandths.
        Slash(Balance),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..4usize, 1..1u128 << 70).prop_map(|(who, amount)| Step::Buy(who, amount)),
            (0..4usize, 0..1_001u128).prop_map(|(who, part)| Step::Sell(who, part)),
            (0..1u128 << 60).prop_map(Step::Reward),
            (0..1_000u128).prop_map(Step::Slash),
        ]
    }

    proptest! {
        /// Whatever is bought, sold, earned and lost: no more comes out than is in, the shares are those of their
        /// holders, and the last one out leaves nothing behind.
        #[test]
        fn no_unit_is_made(steps in prop::collection::vec(step(), 1..60)) {
            let (mut pot, mut held) = (Delegated::default(), [0u128; 4]);
            let mut inside = 0u128;
            for step in steps {
                match step {
                    Step::Buy(who, amount) => if let Some(shares) = pot.buy(amount) {
                        held[who] += shares;
                        inside += amount;
                    },
                    Step::Sell(who, part) => {
                        let shares = held[who] / 1_000 * part;
                        held[who] -= shares;
                        inside -= pot.sell(shares);
                    }
                    Step::Reward(amount) if pot.shares > 0 => {
                        pot.stake += amount;
                        inside += amount;
                    }
                    Step::Slash(part) => {
                        let lost = pot.stake / 1_000 * part;
                        pot.stake -= lost;
                        inside -= lost;
                    }
                    _ => (),
                }
                prop_assert_eq!(pot.stake, inside);
                prop_assert_eq!(pot.shares, held.iter().sum::<u128>());
                let worth: Balance = held.iter().map(|shares| pot.value_of(*shares)).sum();
                prop_assert!(worth <= pot.stake);
            }
            for shares in held {
                inside -= pot.sell(shares);
            }
            prop_assert_eq!((inside, pot.stake, pot.shares), (0, 0, 0));
        }

        /// To buy and to sell at once gains nothing, for the one who does it or for the others.
        #[test]
        fn passing_through_gains_nothing(
            stake in 1..1u128 << 80, shares in 1..1u128 << 80, amount in 1..1u128 << 80
        ) {
            let mut pot = Delegated { stake, shares, leaving: 0 };
            if let Some(bought) = pot.buy(amount) {
                prop_assert!(pot.value_of(bought) <= amount);
                prop_assert!(pot.value_of(shares) >= stake);
            }
        }

        /// Provider and delegators together are given just the reward, and more commission is never less for the
        /// provider.
        #[test]
        fn a_reward_is_shared_by_stake(
            reward in 0..1u128 << 80, bond in 0..1u128 << 80, stake in 0..1u128 << 80,
            commission in 0..1_000_000u32
        ) {
            let pot = Delegated { stake, shares: stake, leaving: 0 };
            let part = |millionths| pot.part_of_reward(reward, Permill::from_parts(millionths), bond);
            prop_assert!(part(commission) <= reward);
            prop_assert!(part(commission + 1) <= part(commission));
            prop_assert_eq!(part(1_000_000), 0);
        }
    }

    #[test]
    fn shares_that_are_worth_nothing_buy_no_more() {
        let mut pot = Delegated {
            stake: 0,
            shares: 5,
            leaving: 0,
        };
        assert_eq!(pot.buy(7), None);
        assert_eq!(pot.sell(5), 0);
        assert_eq!(pot.buy(7), Some(7));
    }
}
