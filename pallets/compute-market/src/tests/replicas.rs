//! Replicas: a job that several providers compute, all or none, each of whom commits before any reveals.

use super::mock::*;
use crate::{
    types::{Job, Stage},
    Error, Event, Gangs, Jobs,
};
use frame_support::{assert_err, assert_noop, assert_ok};
use kagari_primitives::{
    job::replica_id, price_of, AccountId, Balance, Hash, JobId, JobSpec, KGR, MAX_REPLICAS,
};
use sp_runtime::DispatchError;

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

fn commit(id: JobId) -> sp_runtime::DispatchResult {
    Market::commit(id, Hash::repeat_byte(1))
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
    TestExt::new()
        .offer(ALICE, 1, 2)
        .offer(BOB, 2, 2)
        .offer(CHARLIE, 5, 2)
        .execute_with(|| {
            let prices = |jobs: Vec<JobId>| jobs.into_iter().map(|id| job(id).price);
            assert!(prices(submitted_gang(2)).eq([5 * KGR, 5 * KGR]));
        });
    TestExt::new()
        .offer(ALICE, 1, 2)
        .offer(BOB, 2, 2)
        .execute_with(|| {
            let jobs = submitted_gang(2);
            assert_eq!(job(jobs[0]).price, 2 * KGR, "the dearest winner's own");
            assert_eq!(job(jobs[1]).price, 2 * KGR);
        });
}

#[test]
fn the_highest_price_is_for_all_together() {
    TestExt::new()
        .offer(ALICE, 1, 2)
        .offer(BOB, 2, 2)
        .execute_with(|| {
            let work = Market::model(llm()).unwrap().shape.work(1, 10);
            let together = 2 * price_of(2 * KGR, work);
            let with = |max_price| JobSpec {
                max_price,
                ..replicated(2)
            };
            assert_eq!(Market::quote(&with(together), 1).unwrap().escrow, together);
            refused(with(together - 1), &[1], Error::MaxPriceTooLow);
            assert_ok!(submit(&REQUESTER, with(together), &[1]));
            assert_eq!(Market::escrowed(&REQUESTER), together);
        });
}

#[test]
fn no_more_replicas_than_there_can_be() {
    TestExt::new()
        .offer(ALICE, 1, 2)
        .offer(BOB, 2, 2)
        .execute_with(|| {
            refused(replicated(MAX_REPLICAS + 1), &[1], Error::TooManyReplicas);
            assert_ok!(submit(&REQUESTER, replicated(0), &[1]));
            assert_ok!(submit(&REQUESTER, replicated(1), &[2]));
            assert_eq!(Gangs::<Test>::iter().count(), 0, "those are computed once");
            assert_eq!(Jobs::<Test>::iter().count(), 2);
        });
}

#[test]
fn escrows_that_cannot_all_be_paid_hold_nothing() {
    TestExt::new()
        .offer(ALICE, 1, 2)
        .offer(BOB, 1, 2)
        .execute_with(|| {
            let work = Market::model(llm()).unwrap().shape.work(1, 10);
            let one = price_of(KGR, work);
            let left = free(&POOR) - ExistentialDeposit::get();
            // One can be paid, and two cannot.
            for who in [ALICE, BOB] {
                let price = KGR * left / one * 3 / 4;
                assert_ok!(Market::set_offer(signed(&who), llm(), price, 2));
            }
            bring(&[1]);
            let submit = |spec| submit_brought(&POOR, spec, &[1]);
            assert_noop!(submit(replicated(2)), Error::<Test>::CannotPayEscrow);
            assert_ok!(submit(replicated(1)));
        });
}

#[test]
fn the_same_replicas_twice_in_a_block() {
    TestExt::new()
        .offer(ALICE, 1, 4)
        .offer(BOB, 2, 4)
        .execute_with(|| {
            assert_ok!(submit(&REQUESTER, replicated(2), &[1]));
            refused(replicated(2), &[1], Error::DuplicateJob);
            run_to(2);
            assert_ok!(submit(&REQUESTER, replicated(2), &[1]));
        });
}

#[test]
fn none_reveals_before_all_have_committed() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .execute_with(|| {
            let jobs = submitted_gang(2);
            assert_err!(attest(jobs[0], 10), DispatchError::CannotLookup);
            assert_ok!(commit(jobs[0]));
            assert_err!(attest(jobs[0], 10), DispatchError::CannotLookup);
            assert_eq!(job(jobs[0]).stage, Stage::Assigned);
            run_to(3);
            assert_ok!(commit(jobs[1]));
            let gang = job(jobs[0]).replica.unwrap().gang;
            System::assert_last_event(Event::RevealsOpened { gang, until: 13 }.into());
            let deadline = |id| Market::assignment(id).unwrap().0.deadline;
            assert_eq!((deadline(jobs[0]), deadline(jobs[1])), (13, 13));
            assert_ok!(attest(jobs[0], 10));
            assert_ok!(attest(jobs[1], 10));
        });
}

#[test]
fn a_commitment_stays_and_only_replicas_have_one() {
    TestExt::new()
        .offer(ALICE, 1, 2)
        .offer(BOB, 2, 2)
        .execute_with(|| {
            let single = submitted(spec());
            assert_noop!(commit(single), DispatchError::CannotLookup);
            assert_noop!(commit(JobId::zero()), DispatchError::CannotLookup);
            let jobs = submitted_gang(2);
            assert_ok!(commit(jobs[0]));
            assert_noop!(
                Market::commit(jobs[0], Hash::repeat_byte(2)),
                DispatchError::CannotLookup
            );
            assert_ok!(commit(jobs[1]));
            assert_ok!(attest(jobs[1], 10));
            assert_noop!(commit(jobs[1]), DispatchError::CannotLookup);
        });
}

#[test]
fn those_that_agree_are_paid() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .execute_with(|| {
            let before = (free(&ALICE), free(&BOB));
            let jobs = submitted_gang(2);
            commit_all(&jobs);
            run_to(2);
            attest_all(&jobs);
            run_to(2 + WINDOW);
            assert_eq!((provider(&ALICE).settled, provider(&BOB).settled), (1, 1));
            let earned = (free(&ALICE) - before.0, free(&BOB) - before.1);
            assert!(earned.0 > 0 && earned.0 == earned.1);
            assert_eq!(Market::escrowed(&REQUESTER), 0);
            assert_eq!(Gangs::<Test>::iter().count(), 0);
        });
}

#[test]
fn who_is_outvoted_is_not_paid_and_has_failed() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .offer(CHARLIE, 3, 1)
        .execute_with(|| {
            let (before, bond) = (free(&REQUESTER), provider(&BOB).bond);
            let jobs = submitted_gang(3);
            let exposure = job(jobs[1]).exposure;
            let discarded = judged(&jobs, &[10, 9, 10]);
            // It would have been paid for nine words, and gives nobody but the requester's penalty.
            assert_eq!(discarded, [(BOB, true, cost(3 * KGR, 9))]);
            let penalty = exposure.div_ceil(10);
            let paid = 2 * cost(3 * KGR, 10) + cost(3 * KGR, 9);
            assert_eq!(free(&REQUESTER), before - paid + penalty);
            assert_eq!(provider(&BOB).bond, bond - penalty);
            let counts = |who: &AccountId| {
                let provider = provider(who);
                (provider.settled, provider.failed, provider.exposure)
            };
            let all = [ALICE, BOB, CHARLIE].map(|who| counts(&who));
            assert_eq!(all, [(1, 0, 0), (0, 1, 0), (1, 0, 0)]);
        });
}

#[test]
fn without_a_majority_nobody_is_paid_and_nobody_has_failed() {
    for outputs in [&[10, 9][..], &[8, 9, 10], &[8, 8, 9, 9]] {
        let who = [ALICE, BOB, CHARLIE, DAVE];
        TestExt::new()
            .offer(ALICE, 3, 1)
            .offer(BOB, 3, 1)
            .offer(CHARLIE, 3, 1)
            .execute_with(|| {
                assert_ok!(register(&DAVE, 10_000 * KGR));
                assert_ok!(Market::set_offer(signed(&DAVE), llm(), 3 * KGR, 1));
                let (before, bonds) = (free(&REQUESTER), who.each_ref().map(|w| provider(w).bond));
                let jobs = submitted_gang(outputs.len() as u8);
                let discarded = judged(&jobs, outputs);
                assert_eq!(discarded.len(), outputs.len());
                assert!(discarded.iter().all(|(_, outvoted, _)| !outvoted));
                let costs = outputs.iter().map(|output| cost(3 * KGR, *output)).sum();
                let burned: Balance = discarded.iter().map(|(.., burned)| burned).sum();
                assert_eq!((burned, free(&REQUESTER)), (costs, before - costs));
                for (who, bond) in who.iter().zip(bonds) {
                    let provider = provider(who);
                    let counts = (provider.exposure, provider.settled, provider.failed);
                    assert_eq!((counts, provider.bond), ((0, 0, 0), bond));
                }
            });
    }
}

#[test]
fn what_is_committed_to_can_not_be_cancelled() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .execute_with(|| {
            let jobs = submitted_gang(2);
            let cancel = |id| Market::cancel_job(signed(&REQUESTER), id).map_err(|e| e.error);
            assert_ok!(commit(jobs[0]));
            assert_noop!(cancel(jobs[0]), Error::<Test>::IsCommitted);
            assert_ok!(cancel(jobs[1]));
            assert_ok!(attest(jobs[0], 10));
            run_to(1 + WINDOW);
            assert_eq!(provider(&ALICE).settled, 1);
        });
}

#[test]
fn whoever_is_late_to_commit_fails_and_another_takes_over() {
    TestExt::new()
        .offer(ALICE, 1, 2)
        .offer(BOB, 2, 1)
        .offer(CHARLIE, 3, 1)
        .execute_with(|| {
            let jobs = submitted_gang(2);
            assert_ok!(commit(jobs[0]));
            run_to(12);
            let taken = job(jobs[1]);
            assert_eq!(
                (taken.provider, taken.failers.to_vec()),
                (CHARLIE, vec![BOB])
            );
            assert_eq!((provider(&ALICE).failed, provider(&BOB).failed), (0, 1));
            assert_eq!(job(jobs[0]).due, 23, "who has committed is not late");
            run_to(13);
            assert_ok!(commit(jobs[1]));
            attest_all(&jobs);
            run_to(13 + WINDOW);
            assert_eq!(
                (provider(&ALICE).settled, provider(&CHARLIE).settled),
                (1, 1)
            );
        });
}

#[test]
fn who_has_committed_waits_as_long_as_others_are_tried() {
    TestExt::new()
        .offer(ALICE, 1, 2)
        .offer(BOB, 2, 1)
        .offer(CHARLIE, 3, 1)
        .execute_with(|| {
            let jobs = submitted_gang(2);
            assert_ok!(commit(jobs[0]));
            run_to(22);
            assert!(!may_reveal(jobs[0]));
            // The third could only be one that has failed, or has the other replica.
            run_to(23);
            assert!(!Market::is_open(jobs[1]));
            assert!(may_reveal(jobs[0]), "it is the last of its gang");
            assert_ok!(attest(jobs[0], 10));
            run_to(23 + WINDOW);
            assert_eq!((provider(&ALICE).settled, provider(&ALICE).failed), (1, 0));
        });
}

#[test]
fn no_provider_gets_two_replicas_of_a_gang() {
    TestExt::new()
        .offer(ALICE, 1, 4)
        .offer(BOB, 2, 1)
        .execute_with(|| {
            let jobs = submitted_gang(2);
            assert_ok!(commit(jobs[0]));
            run_to(12);
            assert_eq!(provider(&BOB).failed, 1);
            assert!(
                !Market::is_open(jobs[1]),
                "Alice has room, and has the other"
            );
            assert!(may_reveal(jobs[0]));
        });
}

#[test]
fn whoever_does_not_reveal_pays_and_the_others_are_paid() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .offer(CHARLIE, 3, 1)
        .execute_with(|| {
            let jobs = submitted_gang(2);
            commit_all(&jobs);
            run_to(2);
            assert_ok!(attest(jobs[0], 10));
            run_to(2 + WINDOW);
            assert!(Market::is_open(jobs[0]), "it waits for the other");
            run_to(11);
            assert!(Market::is_open(jobs[1]), "the deadline itself counts");
            run_to(13);
            assert_eq!(Jobs::<Test>::iter().count(), 0);
            assert_eq!((provider(&ALICE).settled, provider(&BOB).failed), (1, 1));
            let charlie = provider(&CHARLIE);
            assert_eq!(
                (charlie.settled, charlie.failed),
                (0, 0),
                "what is revealed is passed on to nobody"
            );
        });
}

#[test]
fn a_declined_replica_is_passed_on_outside_its_gang_or_leaves_it() {
    TestExt::new()
        .offer(ALICE, 1, 2)
        .offer(BOB, 2, 2)
        .offer(CHARLIE, 3, 1)
        .execute_with(|| {
            let jobs = submitted_gang(2);
            assert_ok!(Market::decline_job(signed(&ALICE), jobs[0]));
            assert_eq!(job(jobs[0]).provider, CHARLIE);
            assert_ok!(commit(jobs[0]));
            assert!(!may_reveal(jobs[0]));
            // Nobody is left but Alice, whom it does not go to as she is dearer now.
            assert_ok!(Market::set_offer(signed(&ALICE), llm(), 9 * KGR, 2));
            assert_ok!(Market::decline_job(signed(&BOB), jobs[1]));
            assert!(!Market::is_open(jobs[1]));
            assert!(may_reveal(jobs[0]));
            assert_eq!((provider(&ALICE).failed, provider(&BOB).failed), (0, 0));
            assert_ok!(attest(jobs[0], 10));
            run_to(1 + WINDOW);
            assert_eq!(provider(&CHARLIE).settled, 1);
        });
}

#[test]
fn what_was_committed_to_is_declined_at_a_price() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .offer(CHARLIE, 3, 1)
        .execute_with(|| {
            let jobs = submitted_gang(2);
            assert_ok!(commit(jobs[0]));
            assert_ok!(Market::decline_job(signed(&ALICE), jobs[0]));
            assert_eq!(provider(&ALICE).failed, 1);
            assert!(!Market::is_open(jobs[0]), "it is passed on to nobody");
            assert_ok!(commit(jobs[1]));
            assert_ok!(Market::decline_job(signed(&BOB), jobs[1]));
            assert_eq!(provider(&BOB).failed, 1);
            assert_eq!(Gangs::<Test>::iter().count(), 0);
        });
}

#[test]
fn a_cancelled_replica_leaves_its_gang() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .offer(CHARLIE, 3, 1)
        .execute_with(|| {
            let jobs = submitted_gang(3);
            assert_ok!(Market::cancel_job(signed(&REQUESTER), jobs[1]));
            assert_ok!(commit(jobs[0]));
            assert!(!may_reveal(jobs[0]));
            assert_ok!(Market::cancel_job(signed(&REQUESTER), jobs[2]));
            assert!(may_reveal(jobs[0]));
            assert_ok!(attest(jobs[0], 10));
            run_to(1 + WINDOW);
            assert_eq!(provider(&ALICE).settled, 1);
            assert_eq!(Gangs::<Test>::iter().count(), 0);
        });
}

#[test]
fn replicas_are_charged_for_what_they_weigh() {
    use frame_support::dispatch::GetDispatchInfo;
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .execute_with(|| {
            let call = |replicas| crate::Call::<Test>::submit_job {
                spec: replicated(replicas),
                input: vec![1],
            };
            let charged = |replicas| call(replicas).get_dispatch_info().call_weight;
            assert_eq!(charged(0), charged(1));
            assert!(charged(1).all_lt(charged(2)) && charged(2).all_lte(charged(4)));
            assert_eq!(charged(u8::MAX), charged(MAX_REPLICAS));
            bring(&[1]);
            let made = Market::submit_job(signed(&REQUESTER), replicated(2), vec![1]);
            assert!(made.unwrap().actual_weight.unwrap().all_lte(charged(2)));
            let refused = Market::submit_job(signed(&REQUESTER), replicated(2), vec![1]);
            let refused = refused.unwrap_err().post_info.actual_weight;
            assert!(refused.unwrap().all_lte(charged(2)));
        });
}
