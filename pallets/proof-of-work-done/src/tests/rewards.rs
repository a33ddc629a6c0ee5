//! Eras and rewards.

use super::mock::*;
use crate::{
    emission::{emission, rate, LEAST_WORK},
    types::AccountWork,
    CurrentEra, Emitted, History,
};
use kagari_primitives::KGR;

#[test]
fn work_is_rewarded_at_the_era_s_rate() {
    execute(|| {
        let before = Balances::free_balance(PROVIDER);
        let work = LEAST_WORK / 1_000;
        let (era, reward) = Proof::reward(&PROVIDER, work, KGR * 1_000);
        assert_eq!((era, reward), (0, emission(0) / 1_000));
        assert_eq!(Balances::free_balance(PROVIDER), before + reward);
        assert_eq!(Emitted::<Test>::get(), reward);
        assert_eq!(CurrentEra::<Test>::get().unwrap().work, work);
    });
}

#[test]
fn a_reward_never_exceeds_nine_tenths_of_the_burn() {
    execute(|| {
        let (_, reward) = Proof::reward(&PROVIDER, LEAST_WORK, KGR);
        assert_eq!(reward, KGR / 10 * 9);
        let (_, nothing) = Proof::reward(&PROVIDER, LEAST_WORK, 0);
        assert_eq!(nothing, 0);
    });
}

#[test]
fn an_era_mints_no_more_than_its_emission() {
    execute(|| {
        Proof::reward(&PROVIDER, LEAST_WORK * 2, KGR * 1_000_000);
        Proof::reward(&OTHER, LEAST_WORK * 2, KGR * 1_000_000);
        assert_eq!(Emitted::<Test>::get(), emission(0));
        assert_eq!(CurrentEra::<Test>::get().unwrap().left, 0);
    });
}

#[test]
fn the_rate_follows_the_work_of_the_era_before() {
    execute(|| {
        Proof::reward(&PROVIDER, LEAST_WORK * 4, KGR * 1_000_000);
        // Work that burned nothing counts for nothing, however much it is.
        Proof::reward(&OTHER, u64::MAX, 0);
        System::set_block_number(100);
        Proof::reward(&PROVIDER, 1, 0);
        let era = CurrentEra::<Test>::get().unwrap();
        assert_eq!(
            (era.index, era.rate),
            (1, rate(emission(1), LEAST_WORK * 4))
        );
        // An era without work in between, and the rate is that of an idle chain.
        System::set_block_number(300);
        Proof::reward(&PROVIDER, 1, 0);
        let era = CurrentEra::<Test>::get().unwrap();
        assert_eq!((era.index, era.rate), (3, rate(emission(3), 0)));
    });
}

#[test]
fn what_is_archived_is_kept_by_era_and_account() {
    execute(|| {
        let (era, reward) = Proof::reward(&PROVIDER, LEAST_WORK, KGR);
        let work = AccountWork {
            work: LEAST_WORK,
            reward,
        };
        Proof::archive(&PROVIDER, era, work);
        assert_eq!(History::<Test>::get(era, PROVIDER), Some(work));
        assert_eq!(History::<Test>::get(era, OTHER), None);
    });
}

#[test]
fn nothing_audits_yet() {
    execute(|| assert!(Proof::verdict(id(1))));
}
