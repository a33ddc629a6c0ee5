//! The queue under little weight.

use super::mock::*;
use crate::{types::Clock, Jobs, Judged, WeightInfo};
use frame_support::{assert_ok, traits::Hooks, weights::WeightMeter};
use kagari_primitives::JobSpec;

fn poll(weight: frame_support::weights::Weight) {
    Market::on_poll(System::block_number(), &mut WeightMeter::with_limit(weight));
}

#[test]
fn without_weight_it_waits_and_then_catches_up() {
    TestExt::new().offer(ALICE, 1, 3).execute_with(|| {
        for id in [submitted(spec()), submitted(spec()), submitted(spec())] {
            assert_ok!(attest(id, 10));
        }
        for block in 2..=1 + WINDOW {
            System::set_block_number(block);
            poll(Default::default());
        }
        assert_eq!(Jobs::<Test>::iter().count(), 3);

        let base = <() as WeightInfo>::serve_queue_base();
        let list = <() as WeightInfo>::serve_queue_list();
        let one = Market::most_for_one();
        // Nothing is due at the blocks up to now, nor was anything attested at block 0.
        let looked_at = u64::from(1 + WINDOW) + 1 + 2;
        poll(base + list * looked_at + one);
        assert_eq!(Jobs::<Test>::iter().count(), 2);
        assert_eq!(Judged::<Test>::get(), 1);
        run_to(3 + WINDOW);
        assert_eq!(Jobs::<Test>::iter().count(), 0);
    });
}

#[test]
fn an_attested_job_leaves_its_place_at_the_deadline_empty() {
    TestExt::new().offer(ALICE, 1, 2).execute_with(|| {
        let (first, second) = (submitted(spec()), submitted(spec()));
        assert_ok!(attest(first, 10));
        run_to(12);
        assert!(!Market::is_open(first) && !Market::is_open(second));
        assert_eq!((provider(&ALICE).settled, provider(&ALICE).failed), (1, 1));
    });
}

/// Jobs that are late cost more than settlements, and anybody can send them.
#[test]
fn late_jobs_do_not_keep_settlements_from_being_served() {
    TestExt::new().offer(ALICE, 1, 40).execute_with(|| {
        let attested = submitted(spec());
        let late: Vec<_> = (0..30).map(|_| submitted(spec())).collect();
        // The deadline of all of them has come, and so has the end of the one's window.
        System::set_block_number(12 - WINDOW);
        assert_ok!(attest(attested, 10));
        System::set_block_number(12);
        let clock = Clock {
            block: 11,
            missed: 0,
        };
        crate::Polled::<Test>::put(clock);
        poll(Market::most_for_one() * 10);
        assert!(!Market::is_open(attested), "it is settled first");
        assert!(late.iter().any(|job| Market::is_open(*job)));
        run_to(14);
    });
}

#[test]
fn deadlines_are_extended_by_the_blocks_of_a_migration() {
    TestExt::new().offer(ALICE, 1, 3).execute_with(|| {
        let (early, late) = (submitted(spec()), submitted(spec()));
        let long = submitted(JobSpec {
            deadline: 40,
            ..spec()
        });
        run_to(9);
        for _ in 0..6 {
            pass_without_transactions();
        }
        // No block of a migration serves the queue, not even the last, at whose end it is over.
        Market::on_idle(15, frame_support::weights::Weight::MAX);
        // The deadline was block 11 and is 17.
        run_to(17);
        assert_eq!(Market::assignments(&worker(&ALICE))[0].1.deadline, 17);
        assert_ok!(attest(early, 10));
        run_to(18);
        assert!(!Market::is_open(late));
        // It was 41 and is 47, with another block that is lost meanwhile 48.
        run_to(30);
        pass_without_transactions();
        run_to(48);
        assert!(Market::is_open(long));
        run_to(49);
        assert!(!Market::is_open(long));
        assert_eq!((provider(&ALICE).settled, provider(&ALICE).failed), (1, 2));
    });
}

#[test]
fn a_chain_that_gets_this_late_is_not_taken_for_one_that_stood_still() {
    TestExt::new().offer(ALICE, 1, 2).execute_with(|| {
        crate::Polled::<Test>::kill();
        System::set_block_number(1_000);
        poll(frame_support::weights::Weight::MAX);
        assert_eq!(Market::missed(), 0);
    });
}
