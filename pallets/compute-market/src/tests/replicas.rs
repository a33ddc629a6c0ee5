//! Replicas: a job that several providers compute, all or none, each of whom commits before any reveals.

use super::mock::*;
use crate::{
    gang::REVEAL_PERIOD,
    types::{Job, Stage},
    Error, Event, Gangs, Jobs,
};
use frame_support::{assert_err, assert_noop, assert_ok};
use kagari_primitives::{
    job::{gang_id, replica_id},
    price_of, AccountId, HardwareClass, Hash, JobId, JobSpec, KGR, MAX_REPLICAS, MIN_REPLICAS,
};
use sp_runtime::{DispatchError, DispatchResult};

fn replicated(replicas: u8) -> JobSpec {
    JobSpec { replicas, ..spec() }
}

/// Submits a job with so many replicas, and gives their ids, the cheapest provider's first.
pub fn submitted_gang(replicas: u8) -> Vec<JobId> {
    assert_ok!(submit(&REQUESTER, replicated(replicas), &[1, 2, 3]));
    let gang = Gangs::<Test>::iter_values().next().unwrap();
    gang.jobs.to_vec()
}

pub fn job(id: JobId) -> Job {
    Jobs::<Test>::get(id).unwrap()
}

pub fn commit(id: JobId) -> DispatchResult {
    Market::commit(id, Hash::repeat_byte(1)).map(|_| ())
}

pub fn commit_all(jobs: &[JobId]) {
    for id in jobs {
        assert_ok!(commit(*id));
    }
}

fn may_reveal(id: JobId) -> bool {
    job(id).replica.unwrap().may_reveal
}

pub fn attest_all(jobs: &[JobId]) {
    for id in jobs {
        assert_ok!(attest(*id, 10));
    }
}

/// Alice, Bob and Charlie, who ask for ever more.
pub fn three() -> TestExt {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .offer(CHARLIE, 3, 1)
}

/// One more provider, who asks more than Charlie, so that all are paid as much.
pub fn with_dave() {
    assert_ok!(register(&DAVE, 10_000 * KGR));
    assert_ok!(Market::set_offer(signed(&DAVE), llm(), 4 * KGR, 1));
}

pub fn settled_and_failed(who: &AccountId) -> (u32, u32) {
    let provider = provider(who);
    (provider.settled, provider.failed)
}

#[test]
fn all_replicas_are_assigned_or_none() {
    TestExt::new()
        .offer(ALICE, 1, 4)
        .offer(BOB, 2, 4)
        .execute_with(|| {
            refused(replicated(3), &[1], Error::TooFewOffers);
            assert_ok!(register(&CHARLIE, 10_000 * KGR));
            assert_ok!(Market::set_offer(signed(&CHARLIE), llm(), 3 * KGR, 1));
            let jobs = submitted_gang(3);
            let providers: Vec<_> = jobs.iter().map(|id| job(*id).provider).collect();
            assert_eq!(providers, [ALICE, BOB, CHARLIE]);
            for who in &providers {
                assert_eq!(provider(who).assigned.len(), 1, "each has one of them");
            }
            let gang = job(jobs[0]).replica.unwrap().gang;
            let ids: Vec<_> = (0..3).map(|index| replica_id(gang, index)).collect();
            assert_eq!(jobs, ids);
            assert_eq!(Market::job(jobs[2]).unwrap().replica_of, Some(gang));
            let escrows: u128 = jobs.iter().map(|id| job(*id).escrow).sum();
            assert_eq!(Market::escrowed(&REQUESTER), escrows);
            let first = System::events().into_iter().find_map(|r| match r.event {
                RuntimeEvent::Market(Event::ReplicasSubmitted { gang, jobs }) => Some((gang, jobs)),
                RuntimeEvent::Market(Event::JobSubmitted { .. }) => panic!("the gang comes first"),
                _ => None,
            });
            assert_eq!(first, Some((gang, jobs)));
        });
}

#[test]
fn all_are_paid_what_the_cheapest_that_lost_asks() {
    three().execute_with(|| {
        let prices = |jobs: Vec<JobId>| jobs.into_iter().map(|id| job(id).price);
        assert!(
            prices(submitted_gang(3)).eq([3 * KGR; 3]),
            "the dearest winner's own"
        );
    });
    three().execute_with(|| {
        with_dave();
        assert_ok!(Market::set_offer(signed(&DAVE), llm(), 5 * KGR, 1));
        let prices = |jobs: Vec<JobId>| jobs.into_iter().map(|id| job(id).price);
        assert!(prices(submitted_gang(3)).eq([5 * KGR; 3]));
    });
}

#[test]
fn the_highest_price_is_for_all_together() {
    three().execute_with(|| {
        let work = Market::model(llm()).unwrap().shape.work(1, 10);
        let together = 3 * price_of(3 * KGR, work);
        let with = |max_price| JobSpec {
            max_price,
            ..replicated(3)
        };
        assert_eq!(Market::quote(&with(together), 1).unwrap().escrow, together);
        refused(with(together - 1), &[1], Error::MaxPriceTooLow);
        assert_ok!(submit(&REQUESTER, with(together), &[1]));
        assert_eq!(Market::escrowed(&REQUESTER), together);
    });
}

#[test]
fn there_is_one_or_so_many_that_one_can_be_outvoted() {
    three().execute_with(|| {
        for replicas in [2, MAX_REPLICAS + 1, u8::MAX] {
            refused(replicated(replicas), &[1], Error::WrongReplicas);
        }
        assert_ok!(submit(&REQUESTER, replicated(0), &[1]));
        assert_ok!(submit(&REQUESTER, replicated(1), &[2]));
        assert_eq!(Gangs::<Test>::iter().count(), 0, "those are computed once");
        assert_eq!(Jobs::<Test>::iter().count(), 2);
    });
}

#[test]
fn what_is_computed_approximately_is_not_compared() {
    three().execute_with(|| {
        let approximate = |replicas| JobSpec {
            class: HardwareClass::Approximate,
            ..replicated(replicas)
        };
        refused(approximate(3), &[1], Error::InexactReplicas);
        assert_ok!(submit(&REQUESTER, replicated(3), &[1]));
    });
}

#[test]
fn escrows_that_cannot_all_be_paid_hold_nothing() {
    three().execute_with(|| {
        let work = Market::model(llm()).unwrap().shape.work(1, 10);
        let one = price_of(KGR, work);
        let left = free(&POOR) - ExistentialDeposit::get();
        // Two can be paid, and three cannot.
        for who in [ALICE, BOB, CHARLIE] {
            let price = KGR * left / one * 2 / 5;
            assert_ok!(Market::set_offer(signed(&who), llm(), price, 2));
        }
        bring(&[1]);
        let submit = |spec| submit_brought(&POOR, spec, &[1]);
        assert_noop!(submit(replicated(3)), Error::<Test>::CannotPayEscrow);
        assert_ok!(submit(replicated(1)));
    });
}

#[test]
fn a_refused_gang_pays_for_what_was_tried() {
    three().execute_with(|| {
        for who in [ALICE, BOB, CHARLIE] {
            assert_ok!(Market::set_offer(signed(&who), llm(), 900 * KGR, 1));
        }
        bring(&[1]);
        let refused = Market::submit_job(signed(&POOR), replicated(3), vec![1]).unwrap_err();
        assert_eq!(refused.error, Error::<Test>::CannotPayEscrow.into());
        // Two may have been assigned, and their providers' offers have left the index.
        let most = Market::most_for_submitting(&replicated(3), 1);
        assert_eq!(refused.post_info.actual_weight, Some(most));
    });
}

#[test]
fn the_same_replicas_twice_in_a_block() {
    TestExt::new()
        .offer(ALICE, 1, 4)
        .offer(BOB, 2, 4)
        .offer(CHARLIE, 2, 4)
        .execute_with(|| {
            assert_ok!(submit(&REQUESTER, replicated(3), &[1]));
            refused(replicated(3), &[1], Error::DuplicateJob);
            // The job that is computed once has another id than the gang, so that it draws other tokens.
            assert_ok!(submit(&REQUESTER, replicated(1), &[1]));
            let (single, _) = Jobs::<Test>::iter()
                .find(|(_, job)| job.replica.is_none())
                .unwrap();
            assert!(!Gangs::<Test>::contains_key(single));
            assert!(Gangs::<Test>::contains_key(gang_id(single)));
            run_to(2);
            assert_ok!(submit(&REQUESTER, replicated(3), &[1]));
        });
}

#[test]
fn none_reveals_before_all_have_committed() {
    three().execute_with(|| {
        let jobs = submitted_gang(3);
        assert_err!(attest(jobs[0], 10), DispatchError::CannotLookup);
        commit_all(&jobs[..2]);
        assert_err!(attest(jobs[0], 10), DispatchError::CannotLookup);
        assert_eq!(job(jobs[0]).stage, Stage::Assigned);
        run_to(3);
        assert_ok!(commit(jobs[2]));
        let gang = job(jobs[0]).replica.unwrap().gang;
        let until = 3 + REVEAL_PERIOD;
        System::assert_last_event(Event::RevealsOpened { gang, until }.into());
        let deadline = |id| Market::assignment(id).unwrap().0.deadline;
        assert!(jobs.iter().all(|id| deadline(*id) == until));
        attest_all(&jobs);
    });
}

#[test]
fn a_commitment_stays_and_only_replicas_have_one() {
    TestExt::new()
        .offer(ALICE, 1, 2)
        .offer(BOB, 2, 2)
        .offer(CHARLIE, 2, 2)
        .execute_with(|| {
            let single = submitted(spec());
            assert_noop!(commit(single), DispatchError::CannotLookup);
            assert_noop!(commit(JobId::zero()), DispatchError::CannotLookup);
            let jobs = submitted_gang(3);
            assert_ok!(commit(jobs[0]));
            assert_noop!(
                Market::commit(jobs[0], Hash::repeat_byte(2)),
                DispatchError::CannotLookup
            );
            commit_all(&jobs[1..]);
            assert_ok!(attest(jobs[1], 10));
            assert_noop!(commit(jobs[1]), DispatchError::CannotLookup);
        });
}

#[test]
fn who_has_committed_has_no_room_for_another_job_before_it_is_attested() {
    three().execute_with(|| {
        let jobs = submitted_gang(3);
        commit_all(&jobs);
        refused(spec(), &[7], Error::NoOffer);
        assert_ok!(attest(jobs[0], 10));
        assert_eq!(job(submitted(spec())).provider, ALICE);
    });
}

#[test]
fn what_is_committed_to_is_revealed_under_the_key_that_has_committed() {
    three().execute_with(|| {
        let jobs = submitted_gang(3);
        let key = |id| Market::assignment(id).unwrap().2;
        let (old, new) = (worker(&ALICE), worker(&DAVE));
        assert_ok!(commit(jobs[0]));
        let named = Market::set_worker(signed(&ALICE), new.clone(), proof(&DAVE, &ALICE));
        assert_ok!(named);
        assert_eq!(key(jobs[0]), old);
        let (with, assignment) = Market::assignments(&new).pop().unwrap();
        assert_eq!((with, assignment.job), (old, jobs[0]));
        commit_all(&jobs[1..]);
        attest_all(&jobs);
        run_to(2);
        assert_eq!(key(submitted(spec())), new);
    });
}

#[test]
fn who_is_late_fails_and_another_takes_over_unless_some_have_committed() {
    three().execute_with(|| {
        with_dave();
        let jobs = submitted_gang(3);
        assert_ok!(Market::decline_job(signed(&ALICE), jobs[0]));
        assert_eq!(job(jobs[0]).provider, DAVE);
        commit_all(&jobs[..2]);
        run_to(12);
        assert!(!Market::is_open(jobs[2]), "the others wait for nobody else");
        assert_eq!(settled_and_failed(&CHARLIE), (0, 1));
        assert!(may_reveal(jobs[0]) && may_reveal(jobs[1]));
        attest_all(&jobs[..2]);
        run_to(12 + WINDOW);
        assert_eq!(settled_and_failed(&DAVE), (1, 0));
        assert_eq!(settled_and_failed(&BOB), (1, 0));
    });
}

#[test]
fn who_has_committed_waits_for_one_that_was_assigned_later() {
    three().execute_with(|| {
        with_dave();
        let jobs = submitted_gang(3);
        run_to(6);
        assert_ok!(Market::decline_job(signed(&BOB), jobs[1]));
        assert_eq!(job(jobs[1]).provider, DAVE);
        assert_ok!(commit(jobs[0]));
        assert_ok!(commit(jobs[2]));
        run_to(12);
        assert_eq!(job(jobs[0]).due, 23, "who has committed is not late");
        assert!(!may_reveal(jobs[0]));
        assert_ok!(commit(jobs[1]));
        attest_all(&jobs);
        run_to(12 + WINDOW);
        for who in [ALICE, CHARLIE, DAVE] {
            assert_eq!(settled_and_failed(&who), (1, 0));
        }
    });
}

#[test]
fn no_provider_gets_two_replicas_of_a_gang() {
    TestExt::new()
        .offer(ALICE, 1, 4)
        .offer(BOB, 2, 1)
        .offer(CHARLIE, 3, 1)
        .execute_with(|| {
            let jobs = submitted_gang(3);
            assert_ok!(Market::decline_job(signed(&BOB), jobs[1]));
            assert!(
                !Market::is_open(jobs[1]),
                "Alice has room, and has another of them"
            );
            assert_eq!(provider(&BOB).failed, 0);
        });
}

#[test]
fn replicas_are_charged_for_what_they_weigh() {
    use frame_support::dispatch::GetDispatchInfo;
    three().execute_with(|| {
        let call = |replicas| crate::Call::<Test>::submit_job {
            spec: replicated(replicas),
            input: vec![1],
        };
        let charged = |replicas| call(replicas).get_dispatch_info().call_weight;
        let (least, most) = (charged(MIN_REPLICAS), charged(MAX_REPLICAS));
        assert_eq!(charged(0), charged(1));
        assert!(charged(1).all_lt(least) && least.all_lte(most));
        assert_eq!(charged(u8::MAX), most);
        bring(&[1]);
        let made = Market::submit_job(signed(&REQUESTER), replicated(3), vec![1]);
        assert!(made.unwrap().actual_weight.unwrap().all_lte(least));
        let refused = Market::submit_job(signed(&REQUESTER), replicated(3), vec![1]);
        let refused = refused.unwrap_err().post_info.actual_weight;
        assert!(refused.unwrap().all_lte(least));
    });
}
