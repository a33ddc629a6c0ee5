//! Jobs that providers fail: reassignment within the escrow, refunds.

use super::mock::*;
use crate::{types::MAX_ATTEMPTS, Error, Event, Jobs};
use frame_support::{assert_noop, assert_ok};
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
            assert_eq!((job.provider, job.price), (BOB, 2 * KGR));
            assert_eq!(job.failers.to_vec(), [ALICE]);
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
fn without_another_offer_the_requester_is_refunded_and_paid_for_the_failure() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let (before, bond) = (free(&REQUESTER), provider(&ALICE).bond);
        let id = submitted(spec());
        let worth = Jobs::<Test>::get(id).unwrap().exposure;
        run_to(12);
        assert!(!Market::is_open(id));
        let penalty = FailurePenalty::get().mul_ceil(worth);
        let fee = <OnlyLateFees as crate::PrepaidFee>::late_fee();
        assert_eq!(free(&REQUESTER), before + penalty);
        assert_eq!(provider(&ALICE).bond, bond - penalty - fee);
        assert_eq!(Market::bonded(&ALICE), bond - penalty - fee);
        assert_eq!(Market::escrowed(&REQUESTER), 0);
        assert_eq!(Market::ended_jobs().len(), 1);
        assert_eq!(Market::offers(llm()).len(), 1, "the place is free again");
        System::assert_has_event(
            Event::PenaltyPaid {
                job: id,
                provider: ALICE,
                requester: REQUESTER,
                amount: penalty,
                fee,
                slashed: 0,
            }
            .into(),
        );
    });
}

#[test]
fn who_asks_almost_nothing_answers_for_what_the_market_pays() {
    TestExt::new().offer(BOB, 2, 1).execute_with(|| {
        assert_ok!(register(&ALICE, 10_000 * KGR));
        assert_ok!(Market::set_offer(signed(&ALICE), llm(), 1, 1));
        let job = Jobs::<Test>::get(submitted(spec())).unwrap();
        assert_eq!((job.provider, job.price), (ALICE, 2 * KGR));
        assert_eq!(job.exposure, job.escrow);
    });
}

#[test]
fn what_the_bond_does_not_cover_of_the_price_is_not_answered_for() {
    TestExt::new().offer(BOB, 900, 1).execute_with(|| {
        assert_ok!(register(&ALICE, 200 * KGR));
        assert_ok!(Market::set_offer(signed(&ALICE), llm(), 1, 1));
        let job = Jobs::<Test>::get(submitted(spec())).unwrap();
        assert_eq!(job.provider, ALICE);
        assert_eq!(
            (job.exposure, provider(&ALICE).exposure),
            (200 * KGR, 200 * KGR)
        );
        assert!(job.escrow > job.exposure);
    });
}

#[test]
fn a_late_job_costs_no_more_than_it_is_worth() {
    TestExt::new().execute_with(|| {
        assert_ok!(register(&ALICE, 10_000 * KGR));
        assert_ok!(Market::set_offer(signed(&ALICE), llm(), 1, 1));
        let id = submitted(spec());
        let worth = Jobs::<Test>::get(id).unwrap().exposure;
        assert!(worth < <OnlyLateFees as crate::PrepaidFee>::late_fee());
        run_to(12);
        assert_eq!(provider(&ALICE).bond, 10_000 * KGR - worth);
    });
}

#[test]
fn a_bond_that_penalties_have_eaten_into_offers_nothing_until_it_is_filled_up() {
    TestExt::new().execute_with(|| {
        assert_ok!(register(&ALICE, MinBond::get()));
        let offer = || Market::set_offer(signed(&ALICE), llm(), KGR, 1);
        assert_ok!(offer());
        submitted(spec());
        run_to(12);
        assert!(Market::offers(llm()).is_empty());
        assert_noop!(offer(), Error::<Test>::BondTooSmall);
        refused(spec(), &[9], Error::NoOffer);
        assert_ok!(Market::bond_extra(signed(&ALICE), KGR));
        assert_ok!(offer());
        submitted(spec());
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
fn a_job_goes_to_nobody_twice() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 1, 1)
        .execute_with(|| {
            let id = submitted(spec());
            run_to(12);
            assert_eq!(Jobs::<Test>::get(id).unwrap().failers.len(), 1);
            run_to(23);
            assert!(!Market::is_open(id));
            assert_eq!((provider(&ALICE).failed, provider(&BOB).failed), (1, 1));
        });
}

#[test]
fn a_job_is_assigned_so_often_and_no_oftener() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 1, 1)
        .offer(CHARLIE, 1, 1)
        .offer(DAVE, 1, 1)
        .execute_with(|| {
            let id = submitted(spec());
            run_to(1 + 11 * u32::from(MAX_ATTEMPTS) - 1);
            assert!(Market::is_open(id));
            run_to(1 + 11 * u32::from(MAX_ATTEMPTS));
            assert!(!Market::is_open(id));
            let all = [ALICE, BOB, CHARLIE, DAVE];
            let failed: u32 = all.iter().map(|who| provider(who).failed).sum();
            assert_eq!(failed, u32::from(MAX_ATTEMPTS));
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

#[test]
fn a_job_is_declined_for_nothing_once_in_a_while() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 2)
        .execute_with(|| {
            let bond = provider(&ALICE).bond;
            let decline = |id| Market::decline_job(signed(&ALICE), id);
            let id = submitted(spec());
            assert_ok!(decline(id));
            assert_eq!(Jobs::<Test>::get(id).unwrap().provider, BOB);
            assert_eq!((provider(&ALICE).failed, provider(&ALICE).bond), (0, bond));
            assert_noop!(decline(id), Error::<Test>::NotYours);

            // Too soon: it counts as a failure.
            assert_ok!(decline(submitted(spec())));
            assert_eq!(provider(&ALICE).failed, 1);
            let bond_left = provider(&ALICE).bond;
            assert!(bond_left < bond);

            run_to(1 + 50);
            assert_ok!(decline(submitted(spec())));
            assert_eq!(
                (provider(&ALICE).failed, provider(&ALICE).bond),
                (1, bond_left)
            );
        });
}

#[test]
fn what_is_attested_or_unknown_can_be_neither_declined_nor_cancelled() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let id = submitted(spec());
        assert_noop!(
            Market::decline_job(signed(&BOB), id),
            Error::<Test>::NotYours
        );
        assert_noop!(
            Market::cancel_job(signed(&ALICE), id),
            Error::<Test>::NotYours
        );
        assert_ok!(attest(id, 10));
        assert_noop!(
            Market::decline_job(signed(&ALICE), id),
            Error::<Test>::NotAssigned
        );
        assert_noop!(
            Market::cancel_job(signed(&REQUESTER), id),
            Error::<Test>::NotAssigned
        );
        run_to(12);
        assert_noop!(
            Market::decline_job(signed(&ALICE), id),
            Error::<Test>::NoSuchJob
        );
        assert_noop!(
            Market::cancel_job(signed(&REQUESTER), id),
            Error::<Test>::NoSuchJob
        );
    });
}

#[test]
fn a_cancelled_job_pays_for_the_time_that_it_took_up() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let (before, earned) = (free(&REQUESTER), free(&ALICE));
        let id = submitted(spec());
        let escrow = Jobs::<Test>::get(id).unwrap().escrow;
        // The eleventh block would be the last; two and the present one are over.
        run_to(3);
        assert_ok!(Market::cancel_job(signed(&REQUESTER), id));
        let paid = before - free(&REQUESTER);
        let share = sp_runtime::Perbill::from_rational(3u32, 11);
        assert_eq!(paid, share.mul_ceil(escrow));
        let burned = BurnShare::get().mul_floor(paid);
        assert_eq!(free(&ALICE), earned + paid - burned);
        assert_eq!((provider(&ALICE).exposure, provider(&ALICE).failed), (0, 0));
        assert!(!Market::is_open(id));
        assert_eq!(Market::offers(llm())[0].in_use, 0);
        // Its place at the deadline is passed over.
        run_to(12);
    });
}
