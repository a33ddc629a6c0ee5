//! Delegation: others back a bond, earn with it, lose with it, and leave.

use super::mock::*;
use crate::{Delegations, Error, Event, Jobs, Providers};
use frame_support::{assert_noop, assert_ok, assert_storage_noop};
use kagari_primitives::{Balance, KGR};
use sp_runtime::Permill;

fn delegate(who: &kagari_primitives::AccountId, amount: Balance) -> sp_runtime::DispatchResult {
    Market::delegate(signed(who), ALICE, amount)
}

fn undelegate(who: &kagari_primitives::AccountId, amount: Balance) -> sp_runtime::DispatchResult {
    Market::undelegate(signed(who), ALICE, amount)
}

fn withdraw(of: kagari_primitives::AccountId) -> sp_runtime::DispatchResult {
    Market::withdraw_delegation(signed(&CHARLIE), ALICE, of)
}

fn worth(who: &kagari_primitives::AccountId) -> Balance {
    let delegation = Delegations::<Test>::get(ALICE, who);
    provider(&ALICE).delegated.value_of(delegation.shares)
}

fn set_commission(percent: u32) -> sp_runtime::DispatchResult {
    Market::set_commission(signed(&ALICE), Permill::from_percent(percent))
}

/// Alice, with a bond of 100 KGR, a commission of a fifth, and an offer at 1 KGR a work unit.
fn with_small_bond() {
    assert_ok!(register(&ALICE, MinBond::get()));
    assert_ok!(set_commission(20));
    assert_ok!(Market::set_offer(signed(&ALICE), llm(), KGR, 40));
}

#[test]
fn what_is_delegated_covers_jobs_up_to_five_times_the_bond() {
    TestExt::new().execute_with(|| {
        with_small_bond();
        assert_eq!(provider(&ALICE).headroom(), 100 * KGR);
        let before = free(&BOB);
        assert_ok!(delegate(&BOB, 300 * KGR));
        assert_eq!(free(&BOB), before - 300 * KGR);
        assert_eq!(Market::bonded(&ALICE), 400 * KGR);
        assert_eq!(provider(&ALICE).headroom(), 400 * KGR);
        System::assert_has_event(
            Event::Delegated {
                delegator: BOB,
                provider: ALICE,
                amount: 300 * KGR,
            }
            .into(),
        );
        assert_noop!(
            delegate(&BOB, 100 * KGR + 1),
            Error::<Test>::DelegationsFull
        );
        assert_ok!(delegate(&BOB, 100 * KGR));
        assert_eq!(provider(&ALICE).headroom(), 500 * KGR);
        assert_noop!(delegate(&BOB, KGR), Error::<Test>::DelegationsFull);
        assert_ok!(Market::bond_extra(signed(&ALICE), KGR));
        assert_ok!(delegate(&BOB, KGR));
    });
}

#[test]
fn a_delegation_that_makes_no_sense_is_refused_until_it_does() {
    TestExt::new().execute_with(|| {
        assert_noop!(delegate(&BOB, 5 * KGR), Error::<Test>::NotProvider);
        assert_ok!(register(&ALICE, MinBond::get()));
        assert_noop!(delegate(&BOB, KGR), Error::<Test>::TakesNoDelegations);
        assert_ok!(set_commission(20));
        assert_noop!(
            Market::delegate(signed(&ALICE), ALICE, 5 * KGR),
            Error::<Test>::DelegatesToItself
        );
        assert_noop!(delegate(&BOB, KGR - 1), Error::<Test>::DelegationTooSmall);
        assert_storage_noop!(assert!(delegate(&POOR, 5 * KGR).is_err()));
        assert_ok!(delegate(&BOB, KGR));
        assert_ok!(Market::unbond(signed(&ALICE)));
        assert_noop!(delegate(&BOB, 5 * KGR), Error::<Test>::IsUnbonding);
    });
}

#[test]
fn a_reward_is_shared_by_stake_after_the_commission() {
    TestExt::new().execute_with(|| {
        with_small_bond();
        let commission = Permill::from_percent(20);
        assert_ok!(delegate(&BOB, 300 * KGR));
        let earned = free(&ALICE);
        let id = submitted(spec());
        assert_ok!(attest(id, 10));
        run_to(1 + WINDOW);
        let reward = provider(&ALICE).era_work.reward;
        let shared = (reward - commission.mul_ceil(reward)) * 3 / 4;
        assert!(shared > 0);
        assert_eq!(worth(&BOB), 300 * KGR + shared);
        assert_eq!(provider(&ALICE).bond, 100 * KGR);
        assert!(
            free(&ALICE) > earned,
            "the payment itself is the provider's"
        );
        System::assert_has_event(
            Event::RewardShared {
                provider: ALICE,
                amount: shared,
            }
            .into(),
        );
    });
}

#[test]
fn a_commission_only_falls() {
    TestExt::new().execute_with(|| {
        assert_noop!(set_commission(20), Error::<Test>::NotProvider);
        with_small_bond();
        assert_ok!(set_commission(10));
        assert_noop!(set_commission(11), Error::<Test>::CommissionRises);
        assert_ok!(set_commission(0));
    });
}

#[test]
fn a_failure_costs_delegators_their_part_and_their_provider_as_much() {
    TestExt::new().execute_with(|| {
        with_small_bond();
        assert_ok!(delegate(&BOB, 300 * KGR));
        let (asked, issued) = (free(&REQUESTER), Balances::total_issuance());
        let worth_of_job = Jobs::<Test>::get(submitted(spec())).unwrap().exposure;
        run_to(12);
        let penalty = FailurePenalty::get().mul_ceil(worth_of_job);
        let fee = <OnlyLateFees as crate::PrepaidFee>::late_fee();
        let slashed = FailurePenalty::get().mul_floor(worth_of_job * 3 / 4);
        assert_eq!(provider(&ALICE).bond, 100 * KGR - penalty - fee - slashed);
        assert_eq!(worth(&BOB), 300 * KGR - slashed);
        // The requester gets what the provider pays, and no unit of what is slashed.
        assert_eq!(free(&REQUESTER), asked + penalty);
        assert_eq!(Balances::total_issuance(), issued - fee - 2 * slashed);
    });
}

#[test]
fn who_leaves_waits_earns_and_is_slashed_until_the_end() {
    TestExt::new().execute_with(|| {
        with_small_bond();
        assert_noop!(undelegate(&BOB, KGR), Error::<Test>::NothingDelegated);
        assert_noop!(withdraw(BOB), Error::<Test>::NothingDelegated);
        assert_ok!(delegate(&BOB, 300 * KGR));
        assert_noop!(undelegate(&BOB, 0), Error::<Test>::NothingDelegated);
        assert_noop!(withdraw(BOB), Error::<Test>::StillUnbonding);
        assert_ok!(undelegate(&BOB, 100 * KGR));
        assert_eq!(
            provider(&ALICE).headroom(),
            300 * KGR,
            "no new jobs rest on it"
        );

        submitted(spec());
        run_to(12);
        let left = worth(&BOB);
        assert!(
            left < 300 * KGR,
            "all of it is slashed, with what is leaving"
        );
        assert_noop!(withdraw(BOB), Error::<Test>::StillUnbonding);

        run_to(421);
        let before = free(&BOB);
        assert_ok!(withdraw(BOB));
        let back = free(&BOB) - before;
        assert!(back < 100 * KGR && back > 99 * KGR);
        assert!(worth(&BOB) + back <= left);
        assert_noop!(withdraw(BOB), Error::<Test>::StillUnbonding);
        // What would stay is less than the least delegation, so all of it leaves.
        assert_ok!(undelegate(&BOB, worth(&BOB) - KGR / 2));
        run_to(841);
        assert_ok!(withdraw(BOB));
        assert!(!Delegations::<Test>::contains_key(ALICE, BOB));
        assert_eq!(provider(&ALICE).delegated, Default::default());
    });
}

#[test]
fn what_open_jobs_rest_on_stays() {
    TestExt::new().execute_with(|| {
        with_small_bond();
        assert_ok!(delegate(&BOB, 300 * KGR));
        assert_ok!(undelegate(&BOB, 300 * KGR));
        run_to(420);
        // Had the job been matched before, and were it open for so long.
        Providers::<Test>::mutate(ALICE, |p| p.as_mut().unwrap().exposure = 200 * KGR);
        run_to(421);
        assert_noop!(withdraw(BOB), Error::<Test>::JobsOpen);
        Providers::<Test>::mutate(ALICE, |p| p.as_mut().unwrap().exposure = 0);
        assert_ok!(withdraw(BOB));
    });
}

#[test]
fn delegators_leave_with_their_provider_and_its_record_goes_with_the_last() {
    TestExt::new().execute_with(|| {
        with_small_bond();
        assert_ok!(delegate(&BOB, 300 * KGR));
        assert_ok!(delegate(&DAVE, 50 * KGR));
        assert_ok!(Market::unbond(signed(&ALICE)));
        assert_noop!(withdraw(BOB), Error::<Test>::StillUnbonding);
        run_to(421);
        let before = free(&ALICE);
        assert_ok!(Market::withdraw_bond(signed(&ALICE)));
        assert_eq!(free(&ALICE), before + 100 * KGR);
        assert_noop!(
            Market::withdraw_bond(signed(&ALICE)),
            Error::<Test>::StillDelegated
        );
        assert_noop!(
            register(&ALICE, MinBond::get()),
            Error::<Test>::AlreadyProvider
        );
        let before = free(&BOB);
        assert_ok!(withdraw(BOB));
        assert_eq!(free(&BOB), before + 300 * KGR);
        // A stranger may see to what was forgotten.
        assert_ok!(withdraw(DAVE));
        assert!(Providers::<Test>::get(ALICE).is_none());
        assert_eq!(Market::bonded(&ALICE), 0);
        assert_ok!(register(&ALICE, MinBond::get()));
    });
}

#[test]
fn a_provider_without_money_still_shares_its_reward() {
    TestExt::new().execute_with(|| {
        with_small_bond();
        assert_ok!(delegate(&BOB, 300 * KGR));
        let mut shared = crate::Providers::<Test>::get(ALICE).unwrap();
        // More than the account has: what it owes its delegators comes out of its bond.
        Market::share_reward(&ALICE, &mut shared, free(&ALICE) * 2);
        assert!(shared.bond < 100 * KGR);
        assert_eq!(shared.stake(), 400 * KGR);
    });
}

#[test]
fn what_is_slashed_to_nothing_is_not_added_to() {
    TestExt::new().execute_with(|| {
        with_small_bond();
        assert_ok!(delegate(&BOB, 300 * KGR));
        let stake = provider(&ALICE).delegated.stake;
        let set = |stake| {
            Providers::<Test>::mutate(ALICE, |p| p.as_mut().unwrap().delegated.stake = stake);
        };
        set(0);
        assert_noop!(
            delegate(&DAVE, 5 * KGR),
            Error::<Test>::DelegationsWorthless
        );
        set(stake);
        assert_ok!(delegate(&DAVE, 5 * KGR));
    });
}

#[test]
fn what_is_too_little_for_an_account_that_is_no_more_is_burned() {
    TestExt::new().execute_with(|| {
        with_small_bond();
        assert_ok!(delegate(&BOB, KGR));
        Providers::<Test>::mutate(ALICE, |p| {
            let provider = p.as_mut().unwrap();
            // All but a little was slashed, and moved to the bond so that the books are right.
            provider.bond += KGR - 5;
            provider.delegated.stake = 5;
        });
        assert_ok!(undelegate(&BOB, KGR));
        run_to(421);
        assert_ok!(Balances::transfer_all(signed(&BOB), REQUESTER, false));
        let issued = Balances::total_issuance();
        assert_ok!(withdraw(BOB));
        assert_eq!(Balances::total_issuance(), issued - 5);
        assert!(!Delegations::<Test>::contains_key(ALICE, BOB));
    });
}
