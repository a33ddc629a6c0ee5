//! Jobs that providers fail: reassignment within the escrow, refunds.

use super::mock::*;
use crate::{types::MAX_ATTEMPTS, Event, Jobs};
use frame_support::assert_ok;
use kagari_primitives::KGR;

#[test]
fn a_missed_deadline_sends_the_job_to_the_next_offer() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .execute_with(|| {
            let id = submitted(spec());
            run_to(11);
            assert_eq!(
                Jobs::<Test>::get(id).unwrap().provider,
                ALICE,
                "the deadline itself counts"
            );
            run_to(12);
            let job = Jobs::<Test>::get(id).unwrap();
            assert_eq!((job.provider, job.price, job.attempts), (BOB, 2 * KGR, 2));
            assert_eq!((provider(&ALICE).failed, provider(&ALICE).exposure), (1, 0));
            System::assert_has_event(
                Event::JobTimedOut {
                    job: id,
                    provider: ALICE,
                }
                .into(),
            );
            assert_ok!(attest(id, 10));
        });
}

#[test]
fn without_another_offer_the_requester_is_refunded() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let before = free(&REQUESTER);
        let id = submitted(spec());
        run_to(12);
        assert!(!Market::is_open(id));
        assert_eq!(free(&REQUESTER), before);
        assert_eq!(Market::escrowed(&REQUESTER), 0);
        assert_eq!(Market::ended_jobs().len(), 1);
        assert_eq!(Market::offers(llm()).len(), 1, "the place is free again");
    });
}

#[test]
fn a_dearer_offer_than_the_escrow_does_not_take_the_job_over() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let id = submitted(spec());
        assert_ok!(register(&BOB, 10_000 * KGR));
        assert_ok!(Market::set_offer(signed(&BOB), llm(), 2 * KGR, 1));
        run_to(12);
        assert!(!Market::is_open(id), "the escrow was for 1 KGR a work unit");
    });
}

#[test]
fn the_next_offer_is_paid_no_more_than_the_escrow_holds() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .offer(CHARLIE, 3, 1)
        .execute_with(|| {
            let id = submitted(spec());
            run_to(12);
            let job = Jobs::<Test>::get(id).unwrap();
            assert_eq!((job.provider, job.price), (BOB, 2 * KGR));
            assert_ok!(attest(id, 10));
        });
}

#[test]
fn a_job_is_assigned_so_often_and_no_oftener() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 1, 1)
        .execute_with(|| {
            let id = submitted(spec());
            run_to(1 + 11 * u32::from(MAX_ATTEMPTS) - 1);
            assert_eq!(Jobs::<Test>::get(id).unwrap().attempts, MAX_ATTEMPTS);
            run_to(1 + 11 * u32::from(MAX_ATTEMPTS));
            assert!(!Market::is_open(id));
            assert_eq!(provider(&ALICE).failed + provider(&BOB).failed, 3);
        });
}

#[test]
fn an_assignment_anew_has_another_hash() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .execute_with(|| {
            let id = submitted(spec());
            let first = Jobs::<Test>::get(id).unwrap().assignment_hash;
            run_to(12);
            assert_ne!(Jobs::<Test>::get(id).unwrap().assignment_hash, first);
        });
}
