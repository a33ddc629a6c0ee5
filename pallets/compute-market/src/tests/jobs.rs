//! The life of a job that goes well.

use super::mock::*;
use crate::{judge::Verdict, types::Stage, Burned, Event, Jobs, Queue};
use kagari_primitives::{known_models, price_of, JobState, Outcome, KGR};

fn work(input: u32, output: u32) -> u64 {
    known_models::smollm2_135m_instruct()
        .shape
        .work(input, output)
}

#[test]
fn the_cheapest_offer_wins_and_is_paid_the_next_price() {
    TestExt::new()
        .offer(ALICE, 3, 1)
        .offer(BOB, 1, 1)
        .offer(CHARLIE, 2, 1)
        .execute_with(|| {
            let id = submitted(spec());
            let job = Jobs::<Test>::get(id).unwrap();
            assert_eq!((job.provider, job.price), (BOB, 2 * KGR));
            assert_eq!(job.escrow, price_of(2 * KGR, work(4, 10)));
            assert_eq!(Market::escrowed(&REQUESTER), job.escrow);
            // What counts against the bond is what is paid for the job.
            assert_eq!(provider(&BOB).exposure, job.escrow);
        });
}

#[test]
fn an_offer_alone_is_paid_its_own_price_whatever_the_max() {
    TestExt::new().offer(ALICE, 3, 1).execute_with(|| {
        let id = submitted(spec());
        assert_eq!(Jobs::<Test>::get(id).unwrap().price, 3 * KGR);
    });
}

#[test]
fn settlement_pays_for_the_work_done_and_gives_the_rest_back() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .execute_with(|| {
            let before = (free(&REQUESTER), free(&ALICE));
            let id = submitted(spec());
            let escrow = Jobs::<Test>::get(id).unwrap().escrow;
            frame_support::assert_ok!(attest(id, 6));
            run_to(1 + WINDOW);

            let paid = price_of(2 * KGR, work(4, 6));
            let burned = paid / 10;
            let reward = burned / 100;
            assert!(paid < escrow);
            assert_eq!(free(&REQUESTER), before.0 - paid);
            assert_eq!(free(&ALICE), before.1 + paid - burned + reward);
            assert_eq!(Burned::<Test>::get(), burned);
            assert_eq!(
                (provider(&ALICE).settled, provider(&ALICE).exposure),
                (1, 0)
            );
            assert_eq!(provider(&ALICE).era_work.work, work(4, 6));
            System::assert_has_event(
                Event::JobSettled {
                    job: id,
                    provider: ALICE,
                    requester: REQUESTER,
                    work: work(4, 6),
                    paid,
                    burned,
                    refunded: escrow - paid,
                    era: 0,
                    reward,
                }
                .into(),
            );
            let ended = Market::ended_jobs();
            assert!(matches!(
                ended[0].state,
                JobState::Ended(Outcome::Settled { .. })
            ));
        });
}

#[test]
fn a_settled_job_leaves_nothing_but_counters() {
    TestExt::new().offer(ALICE, 1, 2).execute_with(|| {
        let id = submitted(spec());
        frame_support::assert_ok!(attest(id, 10));
        run_to(1 + WINDOW);
        assert_eq!(Jobs::<Test>::iter().count(), 0);
        // The place at the deadline is left behind until its block comes.
        run_to(30);
        assert_eq!(Queue::<Test>::iter().count(), 0);
        assert_eq!(Market::escrowed(&REQUESTER), 0);
    });
}

#[test]
fn nothing_is_paid_before_the_window_is_over() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let before = free(&ALICE);
        let id = submitted(spec());
        frame_support::assert_ok!(attest(id, 10));
        run_to(WINDOW);
        assert!(matches!(
            Jobs::<Test>::get(id).unwrap().stage,
            Stage::Attested(_)
        ));
        assert_eq!(free(&ALICE), before);
        run_to(1 + WINDOW);
        assert!(free(&ALICE) > before);
    });
}

#[test]
fn the_judge_can_keep_a_job_open() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let id = submitted(spec());
        frame_support::assert_ok!(attest(id, 10));
        set_verdict(Verdict::Wait(20));
        run_to(19);
        assert!(Market::is_open(id));
        set_verdict(Verdict::Settle);
        run_to(20);
        assert!(!Market::is_open(id));
    });
}

#[test]
fn an_attestation_frees_the_place_for_the_next_job() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let id = submitted(spec());
        assert!(Market::offers(llm()).is_empty());
        frame_support::assert_ok!(attest(id, 10));
        assert_eq!(Market::offers(llm()).len(), 1);
        submitted(spec());
    });
}

#[test]
fn a_second_attestation_is_refused() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let id = submitted(spec());
        frame_support::assert_ok!(attest(id, 10));
        let state = sp_io::storage::root(sp_core::storage::StateVersion::V1);
        let again = frame_support::storage::with_storage_layer(|| attest(id, 10));
        frame_support::assert_err!(again, sp_runtime::DispatchError::CannotLookup);
        assert_eq!(
            state,
            sp_io::storage::root(sp_core::storage::StateVersion::V1)
        );
    });
}

#[test]
fn an_embedding_is_paid_by_its_input() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        frame_support::assert_ok!(Market::set_offer(signed(&ALICE), embedder(), 5 * KGR, 1));
        let spec = kagari_primitives::JobSpec {
            model: embedder(),
            task: kagari_primitives::Task::Embedding,
            ..spec()
        };
        let id = submitted(spec);
        let escrow = Jobs::<Test>::get(id).unwrap().escrow;
        let before = free(&REQUESTER);
        frame_support::assert_ok!(attest(id, 384));
        run_to(1 + WINDOW);
        assert_eq!(free(&REQUESTER), before, "the whole escrow is the price");
        assert_eq!(
            escrow,
            price_of(5 * KGR, known_models::all_minilm_l6_v2().shape.work(4, 0))
        );
    });
}
