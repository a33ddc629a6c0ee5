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
    price_of, AccountId, Balance, HardwareClass, Hash, JobId, JobSpec, KGR, MAX_REPLICAS,
    MIN_REPLICAS,
};
use sp_runtime::{DispatchError, DispatchResult};

fn replicated(replicas: u8) -> JobSpec {
    JobSpec { replicas, ..spec() }
}

/// Submits a job with so many replicas, and gives their ids, the cheapest provider's first.
fn submitted_gang(replicas: u8) -> Vec<JobId> {
    assert_ok!(submit(&REQUESTER, replicated(replicas), &[1, 2, 3]));
    let gang = Gangs::<Test>::iter_values().next().unwrap();
    gang.jobs.to_vec()
}

fn job(id: JobId) -> Job {
    Jobs::<Test>::get(id).unwrap()
}

fn commit(id: JobId) -> DispatchResult {
    Market::commit(id, Hash::repeat_byte(1)).map(|_| ())
}

fn commit_all(jobs: &[JobId]) {
    for id in jobs {
        assert_ok!(commit(*id));
    }
}

fn may_reveal(id: JobId) -> bool {
    job(id).replica.unwrap().may_reveal
}

fn attest_all(jobs: &[JobId]) {
    for id in jobs {
        assert_ok!(attest(*id, 10));
    }
}

/// Has the jobs of a gang be committed to, and attested with so many words of output each, and lets them be judged.
/// Gives the providers of those that are discarded, whether they are outvoted, and what is burned for each.
fn judged(jobs: &[JobId], outputs: &[u32]) -> Vec<(AccountId, bool, Balance)> {
    commit_all(jobs);
    run_to(2);
    for (id, output) in jobs.iter().zip(outputs) {
        assert_ok!(attest(*id, *output));
    }
    run_to(2 + WINDOW);
    assert_eq!(Market::escrowed(&REQUESTER), 0);
    assert_eq!(Gangs::<Test>::iter().count(), 0);
    assert_eq!(Market::ended_jobs().len(), jobs.len());
    let events = System::events().into_iter().filter_map(|r| match r.event {
        RuntimeEvent::Market(Event::ReplicaDiscarded {
            provider,
            outvoted,
            burned,
            ..
        }) => Some((provider, outvoted, burned)),
        _ => None,
    });
    events.collect()
}

/// What a job of three words of input and so many of output costs at this price.
fn cost(price: Balance, output: u32) -> Balance {
    price_of(price, Market::model(llm()).unwrap().shape.work(3, output))
}

/// Alice, Bob and Charlie, who ask for ever more.
fn three() -> TestExt {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .offer(CHARLIE, 3, 1)
}

/// One more provider, who asks more than Charlie, so that all are paid as much.
fn with_dave() {
    assert_ok!(register(&DAVE, 10_000 * KGR));
    assert_ok!(Market::set_offer(signed(&DAVE), llm(), 4 * KGR, 1));
}

fn settled_and_failed(who: &AccountId) -> (u32, u32) {
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
fn those_that_agree_are_paid() {
    three().execute_with(|| {
        let before = [ALICE, BOB, CHARLIE].map(|who| free(&who));
        let jobs = submitted_gang(3);
        assert_eq!(judged(&jobs, &[10; 3]), []);
        let after = [ALICE, BOB, CHARLIE].map(|who| free(&who));
        let earned: Vec<_> = after.iter().zip(before).map(|(a, b)| a - b).collect();
        // With the rewards.
        assert!(earned[0] > cost(3 * KGR, 10) * 9 / 10 && earned == [earned[0]; 3]);
        for who in [ALICE, BOB, CHARLIE] {
            assert_eq!(settled_and_failed(&who), (1, 0));
        }
    });
}

#[test]
fn who_is_outvoted_is_not_paid_and_has_failed() {
    three().execute_with(|| {
        let (before, bond) = (free(&REQUESTER), provider(&BOB).bond);
        let jobs = submitted_gang(3);
        let discarded = judged(&jobs, &[10, 2, 10]);
        // It would have been paid for two words; it pays for the ten that others have given.
        assert_eq!(discarded, [(BOB, true, cost(3 * KGR, 2))]);
        let penalty =
            cost(3 * KGR, 10).div_ceil(10) + <OnlyLateFees as crate::PrepaidFee>::late_fee();
        let paid = 2 * cost(3 * KGR, 10) + cost(3 * KGR, 2);
        // The requester could be the others: it has nothing of the penalty.
        assert_eq!(free(&REQUESTER), before - paid);
        assert_eq!(provider(&BOB).bond, bond - penalty);
        let all = [ALICE, BOB, CHARLIE].map(|who| settled_and_failed(&who));
        assert_eq!(all, [(1, 0), (0, 1), (1, 0)]);
        assert_eq!(provider(&BOB).exposure, 0);
    });
}

#[test]
fn without_a_majority_nobody_is_paid_and_nobody_has_failed() {
    for outputs in [&[8, 9, 10][..], &[8, 8, 9, 9]] {
        let who = [ALICE, BOB, CHARLIE, DAVE];
        three().execute_with(|| {
            with_dave();
            let (before, bonds) = (free(&REQUESTER), who.each_ref().map(|w| provider(w).bond));
            let jobs = submitted_gang(outputs.len() as u8);
            let discarded = judged(&jobs, outputs);
            assert_eq!(discarded.len(), outputs.len());
            assert!(discarded.iter().all(|(_, outvoted, _)| !outvoted));
            let costs = outputs.iter().map(|output| cost(4 * KGR, *output)).sum();
            let burned: Balance = discarded.iter().map(|(.., burned)| burned).sum();
            assert_eq!((burned, free(&REQUESTER)), (costs, before - costs));
            for (who, bond) in who.iter().zip(bonds) {
                assert_eq!(settled_and_failed(who), (0, 0));
                assert_eq!((provider(who).exposure, provider(who).bond), (0, bond));
            }
        });
    }
}

#[test]
fn a_replica_can_not_be_cancelled() {
    three().execute_with(|| {
        let jobs = submitted_gang(3);
        let cancel = |id| Market::cancel_job(signed(&REQUESTER), id).map_err(|e| e.error);
        assert_noop!(cancel(jobs[0]), Error::<Test>::IsReplica);
        judged(&jobs, &[10; 3]);
        let single = submitted(spec());
        assert_ok!(cancel(single));
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
fn whoever_does_not_reveal_pays_and_the_others_are_paid() {
    three().execute_with(|| {
        with_dave();
        let jobs = submitted_gang(3);
        commit_all(&jobs);
        run_to(2);
        attest_all(&jobs[..2]);
        run_to(2 + WINDOW);
        assert!(Market::is_open(jobs[0]), "it waits for the other");
        run_to(1 + REVEAL_PERIOD);
        assert!(Market::is_open(jobs[2]), "the last block itself counts");
        run_to(1 + REVEAL_PERIOD + 2);
        assert_eq!(Jobs::<Test>::iter().count(), 0);
        let all = [ALICE, BOB, CHARLIE, DAVE].map(|who| settled_and_failed(&who));
        // What others have revealed is passed on to nobody.
        assert_eq!(all, [(1, 0), (1, 0), (0, 1), (0, 0)]);
    });
}

#[test]
fn one_that_reveals_alone_is_paid() {
    three().execute_with(|| {
        let jobs = submitted_gang(3);
        commit_all(&jobs);
        assert_ok!(attest(jobs[1], 10));
        run_to(1 + REVEAL_PERIOD + 2);
        let all = [ALICE, BOB, CHARLIE].map(|who| settled_and_failed(&who));
        assert_eq!(all, [(0, 1), (1, 0), (0, 1)]);
        assert_eq!(Gangs::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_replica_attested_in_the_block_it_was_due_before_has_its_whole_window() {
    three().execute_with(|| {
        let jobs = submitted_gang(3);
        let due = job(jobs[0]).due;
        run_to(due - 2);
        commit_all(&jobs);
        // The first two places in the queue are not served when the attestation comes.
        System::set_block_number(due);
        attest_all(&jobs);
        let mut meter = frame_support::weights::WeightMeter::new();
        Market::serve_queue(&mut meter);
        assert_eq!(Jobs::<Test>::iter().count(), 3, "they are not judged yet");
        run_to(due + WINDOW);
        assert_eq!(Jobs::<Test>::iter().count(), 0);
    });
}

#[test]
fn what_was_committed_to_is_declined_at_a_price() {
    three().execute_with(|| {
        with_dave();
        let jobs = submitted_gang(3);
        assert_ok!(commit(jobs[0]));
        assert_ok!(Market::decline_job(signed(&ALICE), jobs[0]));
        assert_eq!(provider(&ALICE).failed, 1);
        assert!(!Market::is_open(jobs[0]), "it is passed on to nobody");
        commit_all(&jobs[1..]);
        for (who, id) in [(BOB, jobs[1]), (CHARLIE, jobs[2])] {
            assert_ok!(Market::decline_job(signed(&who), id));
            assert_eq!(provider(&who).failed, 1);
        }
        assert_eq!(Gangs::<Test>::iter().count(), 0);
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
