//! Eras and rewards.

use super::mock::*;
use crate::{
    emission::{job_emission, rate, share_out, LEAST_WORK},
    types::{AccountWork, Role},
    CurrentEra, Emitted, Eras, Error, History, Pruned,
};
use frame_support::{assert_noop, assert_ok, traits::Hooks, weights::Weight};
use kagari_primitives::KGR;

#[test]
fn work_is_rewarded_at_the_era_s_rate() {
    execute(|| {
        let before = Balances::free_balance(PROVIDER);
        let work = LEAST_WORK / 1_000;
        let (era, reward) = Proof::reward(&PROVIDER, work, KGR * 1_000);
        assert_eq!(
            (era, reward),
            (0, share_out(job_emission(0) / 1_000).provider)
        );
        assert_eq!(Balances::free_balance(PROVIDER), before + reward);
        assert_eq!(Emitted::<Test>::get(), reward);
        assert_eq!(CurrentEra::<Test>::get().unwrap().work, work);
    });
}

#[test]
fn a_reward_never_exceeds_nine_tenths_of_the_burn() {
    execute(|| {
        let (_, reward) = Proof::reward(&PROVIDER, LEAST_WORK, KGR);
        assert_eq!(reward, share_out(KGR / 10 * 9).provider);
        let (_, nothing) = Proof::reward(&PROVIDER, LEAST_WORK, 0);
        assert_eq!(nothing, 0);
    });
}

#[test]
fn an_era_mints_no_more_than_its_emission() {
    execute(|| {
        Proof::reward(&PROVIDER, LEAST_WORK * 2, KGR * 1_000_000);
        Proof::reward(&OTHER, LEAST_WORK * 2, KGR * 1_000_000);
        let era = CurrentEra::<Test>::get().unwrap();
        assert_eq!(Emitted::<Test>::get() + era.owed.sum(), job_emission(0));
        assert_eq!(era.left, 0);
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
            (1, rate(job_emission(1), LEAST_WORK * 4))
        );
        // An era without work in between, and the rate is that of an idle chain.
        System::set_block_number(300);
        Proof::reward(&PROVIDER, 1, 0);
        let era = CurrentEra::<Test>::get().unwrap();
        assert_eq!((era.index, era.rate), (3, rate(job_emission(3), 0)));
    });
}

#[test]
fn what_is_archived_is_kept_by_era_and_account() {
    execute(|| {
        let (era, reward) = Proof::reward(&PROVIDER, LEAST_WORK, KGR);
        let work = AccountWork {
            work: LEAST_WORK,
            burned: KGR,
            reward,
        };
        Proof::archive(&PROVIDER, era, work);
        assert_eq!(History::<Test>::get(era, PROVIDER), Some(work));
        assert_eq!(History::<Test>::get(era, OTHER), None);
        // Whoever bonds anew within the era has both.
        Proof::archive(
            &PROVIDER,
            era,
            AccountWork {
                work: 1,
                ..Default::default()
            },
        );
        let both = History::<Test>::get(era, PROVIDER).unwrap();
        assert_eq!((both.work, both.reward), (LEAST_WORK + 1, reward));
    });
}

#[test]
fn nothing_audits_yet() {
    execute(|| assert!(Proof::verdict(id(1))));
}

#[test]
fn the_shares_of_the_other_roles_are_paid_when_somebody_asks() {
    execute(|| {
        let pay = || Proof::pay_shares(RuntimeOrigin::signed(OTHER));
        assert_noop!(pay(), Error::<Test>::NothingOwed);
        Proof::reward(&PROVIDER, LEAST_WORK, KGR * 1_000);
        let owed = CurrentEra::<Test>::get().unwrap().owed;
        assert!(owed.validators > owed.auditors && owed.auditors > owed.treasury);
        // They outlast their era.
        System::set_block_number(100);
        Proof::reward(&PROVIDER, 0, 0);
        assert_ok!(pay());
        let balance = |role: Role| Balances::free_balance(role.account());
        assert_eq!(balance(Role::Validators), owed.validators);
        assert_eq!(balance(Role::Auditors), owed.auditors);
        assert_eq!(balance(Role::Treasury), owed.treasury);
        assert_noop!(pay(), Error::<Test>::NothingOwed);
    });
}

#[test]
fn eras_beyond_the_history_depth_are_forgotten() {
    execute(|| {
        for era in 0..6 {
            System::set_block_number(era * 100);
            Proof::reward(&PROVIDER, LEAST_WORK, KGR);
            for who in [&PROVIDER, &OTHER] {
                Proof::archive(
                    who,
                    era,
                    AccountWork {
                        work: 1,
                        ..Default::default()
                    },
                );
            }
        }
        let kept = || {
            (
                Eras::<Test>::iter().count(),
                History::<Test>::iter().count(),
            )
        };
        assert_eq!(kept(), (5, 12));
        // Without weight nothing happens, with little it begins.
        assert_eq!(Proof::on_idle(599, Weight::zero()), Weight::zero());
        let base = <() as crate::WeightInfo>::prune_base();
        Proof::on_idle(599, base + <() as crate::WeightInfo>::prune_record());
        assert_eq!((kept(), Pruned::<Test>::get()), ((5, 11), 0));
        Proof::on_idle(599, Weight::MAX);
        // The depth is three eras, and the present one is the sixth.
        assert_eq!((kept(), Pruned::<Test>::get()), ((3, 8), 2));
        assert!(Proof::era_record(1).is_none() && Proof::era_record(2).is_some());
        assert!(Proof::era_record(5).is_some() && Proof::era_record(6).is_none());
    });
}
