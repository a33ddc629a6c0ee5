//! Replicas from their reveals to their verdicts: who is paid, who is outvoted, and who does not reveal.

use super::{mock::*, replicas::*};
use crate::{gang::REVEAL_PERIOD, Error, Event, Gangs, Jobs};
use frame_support::{assert_noop, assert_ok};
use kagari_primitives::{price_of, AccountId, Balance, JobId, KGR};

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
