//! The emission of tokens, as pure arithmetic.
//!
//! What an era may mint at most is fixed by the schedule; what a job earns follows from its proved work
//! at the era's rate, which is fixed when the era begins, and never exceeds a share of what that very
//! job burned. A cap by job, not by era, is what makes trading with oneself a loss: nobody can draw on
//! what others burned.

use crate::types::RoleShares;
use kagari_primitives::{Balance, EraIndex, Work, KGR, MACS_PER_WORK_UNIT};
use sp_runtime::{traits::Saturating, Perbill, Perquintill, SaturatedConversion};

/// Most that the first era mints.
pub const FIRST_EMISSION: Balance = 20_000 * KGR;
/// What an era mints at most, as a share of the one before. An era of an hour then halves in about
/// four years, and all eras together stay below 1.06 billion KGR.
pub const DECAY: Perquintill = Perquintill::from_parts(999_981_000_000_000_000);
/// Most that is minted for a job, as a share of what the job burned.
pub const REWARD_CAP: Perbill = Perbill::from_percent(90);
/// Share of an era's emission that jobs are rewarded out of. The rest is for proved capacity, and is not minted
/// before capacity can be proved.
pub const JOB_SHARE: Perbill = Perbill::from_percent(60);
/// Share of a job's reward for the chain's validators.
pub const VALIDATOR_SHARE: Perbill = Perbill::from_percent(15);
/// Share of a job's reward for those who audit.
pub const AUDITOR_SHARE: Perbill = Perbill::from_percent(10);
/// Share of a job's reward for the treasury.
pub const TREASURY_SHARE: Perbill = Perbill::from_percent(5);
/// Work on which an era's emission is shared out at least: 10^6 work units. It keeps the rate of an
/// idle chain from being absurd.
pub const LEAST_WORK: Work = 1_000_000 * MACS_PER_WORK_UNIT;

/// Most that an era may mint.
pub fn emission(era: EraIndex) -> Balance {
    DECAY.saturating_pow(era as usize).mul_floor(FIRST_EMISSION)
}

/// Most that an era may mint for jobs.
pub fn job_emission(era: EraIndex) -> Balance {
    JOB_SHARE.mul_floor(emission(era))
}

/// A job's reward, shared out to the roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedReward {
    /// For who did the work: all that is not another's.
    pub provider: Balance,
    /// For the other roles.
    pub others: RoleShares,
}

/// Shares a reward out; the parts are the whole.
pub fn share_out(reward: Balance) -> SharedReward {
    let others = RoleShares {
        validators: VALIDATOR_SHARE.mul_floor(reward),
        auditors: AUDITOR_SHARE.mul_floor(reward),
        treasury: TREASURY_SHARE.mul_floor(reward),
    };
    SharedReward {
        provider: reward.saturating_sub(others.sum()),
        others,
    }
}

/// What an era mints per work unit of 10^9 multiply-accumulates: its emission for jobs shared out on the work of
/// the era before.
pub fn rate(emission: Balance, previous_work: Work) -> Balance {
    let work = Balance::from(previous_work.max(LEAST_WORK));
    emission
        .saturating_mul(MACS_PER_WORK_UNIT.into())
        .checked_div(work)
        .unwrap_or_default()
}

/// What a job earns: its work at the era's rate, at most [`REWARD_CAP`] of what it burned, at most what
/// is left of the era's emission.
pub fn reward(rate: Balance, work: Work, burned: Balance, left: Balance) -> Balance {
    let macs = Balance::from(MACS_PER_WORK_UNIT);
    let earned = rate
        .saturating_mul(work.into())
        .checked_div(macs)
        .unwrap_or_default();
    earned.min(REWARD_CAP.mul_floor(burned)).min(left)
}

/// The part of a job's work that counts towards the rate of the next era: what the job's burn would let
/// it be rewarded for. Work that nobody paid for would else lower the rate for everyone.
pub fn counted_work(rate: Balance, work: Work, burned: Balance) -> Work {
    let macs = Balance::from(MACS_PER_WORK_UNIT);
    let paid_for = REWARD_CAP
        .mul_floor(burned)
        .saturating_mul(macs)
        .checked_div(rate)
        .unwrap_or(Balance::MAX);
    paid_for.min(work.into()).saturated_into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn emission_never_grows(era in 0..2_000_000u32) {
            prop_assert!(emission(era + 1) <= emission(era));
        }

        #[test]
        fn a_reward_is_at_most_nine_tenths_of_the_burn(
            rate in 0..1u128 << 90, work: u64, burned in 0..1u128 << 90, left in 0..1u128 << 90
        ) {
            let reward = reward(rate, work, burned, left);
            prop_assert!(reward * 10 <= burned * 9);
            prop_assert!(reward <= left);
        }

        /// Whoever wants to lower the next era's rate has to burn as much as its work is rewarded.
        #[test]
        fn work_counts_as_far_as_it_was_paid_for(
            rate in 1..1u128 << 60, work: u64, burned in 0..1u128 << 60
        ) {
            let counted = counted_work(rate, work, burned);
            prop_assert!(counted <= work);
            prop_assert!(reward(rate, counted, Balance::MAX, Balance::MAX) <= burned);
            if reward(rate, work, Balance::MAX, Balance::MAX) * 10 < burned * 9 {
                prop_assert_eq!(counted, work);
            }
        }

        /// However a party splits its work into jobs, it earns no more than from one.
        #[test]
        fn splitting_a_job_does_not_pay(
            rate in 0..1u128 << 60, a in 0..1u64 << 50, b in 0..1u64 << 50, burned in 0..1u128 << 60
        ) {
            let whole = reward(rate, a + b, burned, Balance::MAX);
            let half = burned / 2;
            let parts = reward(rate, a, half, Balance::MAX)
                + reward(rate, b, burned - half, Balance::MAX);
            prop_assert!(parts <= whole + 2);
        }

        #[test]
        fn the_shares_of_a_reward_are_the_reward(reward in 0..1u128 << 100) {
            let SharedReward { provider, others } = share_out(reward);
            prop_assert_eq!(provider + others.sum(), reward);
            prop_assert!(provider * 10 >= reward * 7);
        }

        #[test]
        fn the_rate_shares_out_no_more_than_the_emission(
            era in 0..100_000u32, work in LEAST_WORK..1u64 << 62
        ) {
            let rate = rate(emission(era), work);
            prop_assert!(reward(rate, work, Balance::MAX, Balance::MAX) <= emission(era));
        }
    }

    /// A party that is requester, provider, validator, auditor and treasury at once, with jobs of any price and
    /// work, in eras of any rate and with any emission left, alone on the chain: what all its roles are given is less than it
    /// burned, by a tenth at least.
    #[test]
    fn no_self_dealer_profits() {
        use proptest::test_runner::{Config, TestRunner};
        let job = (0..1u64 << 50, 0..1u128 << 70);
        let strategy = (
            0..1u128 << 70,
            0..1u128 << 80,
            prop::collection::vec(job, 1..12),
        );
        let mut runner = TestRunner::new(Config::with_cases(100_000));
        let result = runner.run(&strategy, |(rate, emission, jobs)| {
            let (mut left, mut burned_in_all) = (emission, 0);
            for (work, burned) in jobs {
                let shared = share_out(reward(rate, work, burned, left));
                left -= shared.provider + shared.others.sum();
                burned_in_all += burned;
            }
            let given = emission - left;
            prop_assert!(given * 10 <= burned_in_all * 9);
            Ok(())
        });
        result.unwrap();
    }

    #[test]
    fn supply_stays_below_its_cap() {
        // A geometric series: first / (1 − decay), with 1 − decay = 19e-6.
        let cap = FIRST_EMISSION * 1_000_000 / 19;
        assert!(cap < 1_060_000_000 * KGR);
        let in_a_hundred_thousand_eras: Balance = (0..100_000).map(emission).sum();
        assert!(in_a_hundred_thousand_eras < cap);
    }

    #[test]
    fn it_halves_in_about_four_years() {
        let four_years = 4 * 365 * 24;
        let share = emission(four_years) * 1_000 / FIRST_EMISSION;
        assert!((500..530).contains(&share), "{share}");
    }
}
