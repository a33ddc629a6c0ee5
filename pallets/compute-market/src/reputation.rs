//! Reputation, as pure arithmetic: what a provider was paid for against what it failed, both fading.
//!
//! Jobs count by their value, so that a reputation costs as much as it is worth: whoever trades with
//! itself to get one has the burn of all these payments to bear. A provider without a history stands in
//! the lowest tier, so that nobody gains by beginning anew.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use kagari_primitives::{Balance, BlockNumber, Tier, KGR};
use scale_info::TypeInfo;
use sp_runtime::SaturatedConversion;

/// Blocks after which a job counts half: a week.
pub const HALF_LIFE: BlockNumber = 7 * 24 * 60 * 30;
/// In a half-life, a value loses its share of blocks of this many.
const TWO_HALF_LIVES: u128 = 2 * HALF_LIFE as u128;
/// The unit in which values are kept: a billionth of a KGR. It is small beside what fades of any value in a block.
const UNIT: Balance = KGR / 1_000_000_000;

/// A tier above the lowest: what has to have been paid, in [`UNIT`]s, and the share of it, as a
/// divisor, that may have failed.
const TIERS: [(Tier, u64, u64); 3] = [
    (Tier::Outstanding, 10_000_000_000_000, 128),
    (Tier::Established, 100_000_000_000, 32),
    (Tier::Proven, 1_000_000_000, 8),
];

/// What a provider has done, and failed to do.
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
pub struct Reputation {
    /// Value of the jobs that it was paid for, in billionths of a KGR, as of `updated`.
    done: u64,
    /// Value of the jobs that it failed, in billionths of a KGR, as of `updated`.
    failed: u64,
    /// The block up to which both have faded.
    updated: BlockNumber,
}

impl Reputation {
    /// Counts a job of so much value that was paid for.
    pub fn settled(&mut self, value: Balance, now: BlockNumber) {
        *self = self.at(now);
        self.done = self.done.saturating_add(units(value));
    }

    /// Counts a job of so much value that was not done.
    pub fn failed(&mut self, value: Balance, now: BlockNumber) {
        *self = self.at(now);
        self.failed = self.failed.saturating_add(units(value));
    }

    /// The tier that it is worth now.
    pub fn tier(&self, now: BlockNumber) -> Tier {
        let Self { done, failed, .. } = self.at(now);
        let reached = |(_, least, divisor): &&(Tier, u64, u64)| {
            done >= *least && failed.saturating_mul(*divisor) <= done
        };
        TIERS
            .iter()
            .find(reached)
            .map_or(Tier::New, |(tier, ..)| *tier)
    }

    /// Whether nothing is left of it.
    pub fn is_blank(&self, now: BlockNumber) -> bool {
        let Self { done, failed, .. } = self.at(now);
        done == 0 && failed == 0
    }

    /// As it has faded until `now`.
    fn at(&self, now: BlockNumber) -> Self {
        let blocks = now.saturating_sub(self.updated);
        Self {
            done: faded(self.done, blocks),
            failed: faded(self.failed, blocks),
            updated: now.max(self.updated),
        }
    }
}

/// A job's value, rounded up, so that every failure counts.
fn units(value: Balance) -> u64 {
    value.div_ceil(UNIT).saturated_into()
}

/// What is left of a value: half after each half-life, and in between a straight line.
fn faded(value: u64, blocks: BlockNumber) -> u64 {
    let halved = value.checked_shr(blocks / HALF_LIFE).unwrap_or(0);
    let rest = u128::from(blocks % HALF_LIFE);
    let lost = u128::from(halved)
        .saturating_mul(rest)
        .div_ceil(TWO_HALF_LIVES);
    halved.saturating_sub(lost.saturated_into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_fade_and_never_grow(
            value: u64, first in 0..10 * HALF_LIFE, then in 0..10 * HALF_LIFE
        ) {
            prop_assert!(faded(value, first) <= value);
            prop_assert!(faded(value, first + then) <= faded(value, first));
            prop_assert!(faded(value, 64 * HALF_LIFE) == 0);
        }

        /// To be looked at often neither keeps a reputation nor spoils it by more than the line between
        /// halvings bends.
        #[test]
        fn fading_in_steps_is_fading(
            value in 1_000..1u64 << 50, steps in prop::collection::vec(0..HALF_LIFE, 1..6)
        ) {
            let whole = faded(value, steps.iter().sum());
            let stepwise = steps.iter().fold(value, |value, step| faded(value, *step));
            let bend = value / 5 + steps.len() as u64;
            prop_assert!(whole.abs_diff(stepwise) <= bend, "{} {}", whole, stepwise);
        }

        /// Not even a look in every block takes more of a failure than the line between halvings.
        #[test]
        fn many_looks_do_not_shed_a_failure(value in 1_000_000..1u64 << 50) {
            let looked_at = (0..1_000).fold(value, |value, _| faded(value, 1));
            let fair = faded(value, 1_000);
            prop_assert!(fair.abs_diff(looked_at) <= fair / 500, "{} {}", fair, looked_at);
        }

        #[test]
        fn a_failure_never_raises_the_tier_and_a_success_never_lowers_it(
            done in 0..1u128 << 60, failed in 0..1u128 << 60, value in 0..1u128 << 60, now: u32
        ) {
            let mut reputation = Reputation { updated: now, ..Default::default() };
            reputation.settled(done, now);
            reputation.failed(failed, now);
            let before = reputation.tier(now);
            let (mut better, mut worse) = (reputation, reputation);
            better.settled(value, now);
            worse.failed(value, now);
            prop_assert!(worse.tier(now) <= before && before <= better.tier(now));
        }
    }

    #[test]
    fn tiers_are_reached_by_value_and_lost_by_failure() {
        let mut reputation = Reputation::default();
        assert_eq!(reputation.tier(1), Tier::New);
        reputation.settled(KGR, 1);
        assert_eq!(reputation.tier(1), Tier::Proven);
        reputation.settled(100 * KGR, 1);
        assert_eq!(reputation.tier(1), Tier::Established);
        reputation.failed(10 * KGR, 1);
        assert_eq!(reputation.tier(1), Tier::Proven);
        reputation.failed(10 * KGR, 1);
        assert_eq!(reputation.tier(1), Tier::New);
        reputation.settled(100_000 * KGR, 1);
        assert_eq!(reputation.tier(1), Tier::Outstanding);
        assert_eq!(reputation.tier(1 + 4 * HALF_LIFE), Tier::Established);
        assert!(reputation.is_blank(1 + 64 * HALF_LIFE));
    }
}
