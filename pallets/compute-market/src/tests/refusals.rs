//! Jobs that are refused at the door: each leaves the state as it was, and the same job is taken when the
//! cause is gone.

use super::mock::*;
use crate::Error;
use frame_support::{assert_noop, assert_ok};
use kagari_primitives::{known_models, price_of, JobSpec, Sampling, Task, KGR, MAX_INPUT};

fn with(change: impl FnOnce(&mut JobSpec)) -> JobSpec {
    let mut spec = spec();
    change(&mut spec);
    spec
}

#[test]
fn unknown_model() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        refused(
            with(|s| s.model = Default::default()),
            &[1],
            Error::UnknownModel,
        );
        assert_ok!(submit(&REQUESTER, spec(), &[1]));
    });
}

#[test]
fn empty_and_oversized_inputs() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        refused(spec(), &[], Error::EmptyInput);
        refused(
            spec(),
            &vec![1; MAX_INPUT as usize + 1],
            Error::InputTooLong,
        );
        // The context of 8,192 has to hold the output too.
        refused(spec(), &vec![1; 8_183], Error::InputTooLong);
        let slowly = with(|s| s.deadline = 100);
        assert_ok!(submit(&REQUESTER, slowly, &vec![1; 8_182]));
    });
}

#[test]
fn unknown_tokens() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        refused(spec(), &[1, 49_152], Error::UnknownToken);
        assert_ok!(submit(&REQUESTER, spec(), &[1, 49_151]));
    });
}

#[test]
fn tasks_that_cannot_be() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        refused(
            with(|s| s.task = Task::Embedding),
            &[1],
            Error::TaskUnsupported,
        );
        refused(
            with(|s| s.task = completion(0)),
            &[1],
            Error::InvalidOutputLength,
        );
        refused(
            with(|s| s.task = completion(8_193)),
            &[1],
            Error::InvalidOutputLength,
        );
        let sampled = |temperature, top_p| {
            with(|s| {
                let sampling = Sampling {
                    temperature,
                    top_p,
                    seed: 0,
                };
                s.task = Task::Completion {
                    max_new_tokens: 1,
                    sampling,
                };
            })
        };
        refused(sampled(10_001, 1_000), &[1], Error::InvalidSampling);
        refused(sampled(0, 0), &[1], Error::InvalidSampling);
        refused(sampled(0, 1_001), &[1], Error::InvalidSampling);
        assert_ok!(submit(&REQUESTER, sampled(10_000, 1), &[1]));
    });
}

#[test]
fn deadlines_out_of_bounds() {
    TestExt::new().offer(ALICE, 1, 2).execute_with(|| {
        refused(with(|s| s.deadline = 1), &[1], Error::DeadlineOutOfBounds);
        refused(with(|s| s.deadline = 101), &[1], Error::DeadlineOutOfBounds);
        assert_ok!(submit(&REQUESTER, with(|s| s.deadline = 2), &[1]));
        assert_ok!(submit(&REQUESTER, with(|s| s.deadline = 100), &[2]));
    });
}

/// Nobody could do it in time, and providers would pay the requester for that.
#[test]
fn a_deadline_too_short_for_the_work() {
    TestExt::new().offer(ALICE, 1, 2).execute_with(|| {
        // A thousand tokens are some 180 work units, of which 20 are done in a block.
        let long = |deadline| {
            with(|s| {
                s.task = completion(1_000);
                s.deadline = deadline;
            })
        };
        let work = known_models::smollm2_135m_instruct().shape.work(1, 1_000);
        let shortest = Market::shortest_deadline(work);
        assert!((8..16).contains(&shortest), "{shortest}");
        refused(long(shortest - 1), &[1], Error::DeadlineOutOfBounds);
        assert_ok!(submit(&REQUESTER, long(shortest), &[1]));
        assert_eq!(
            Market::shortest_deadline(u64::MAX),
            100,
            "never beyond the longest"
        );
    });
}

#[test]
fn a_max_price_below_every_offer() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let work = Market::model(llm()).unwrap().shape.work(1, 10);
        let price = price_of(KGR, work);
        refused(
            with(|s| s.max_price = price - 1),
            &[1],
            Error::MaxPriceTooLow,
        );
        assert_ok!(submit(&REQUESTER, with(|s| s.max_price = price), &[1]));
    });
}

#[test]
fn no_free_capacity() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let id = submitted(spec());
        refused(spec(), &[1], Error::NoOffer);
        assert_ok!(attest(id, 10));
        assert_ok!(submit(&REQUESTER, spec(), &[1]));
    });
}

#[test]
fn an_escrow_that_cannot_be_paid() {
    TestExt::new().offer(ALICE, 100, 1).execute_with(|| {
        bring(&[1]);
        assert_noop!(
            submit_brought(&POOR, spec(), &[1]),
            Error::<Test>::CannotPayEscrow
        );
        assert_ok!(submit(&REQUESTER, spec(), &[1]));
    });
}

#[test]
fn the_same_job_twice_in_a_block() {
    TestExt::new().offer(ALICE, 1, 2).execute_with(|| {
        assert_ok!(submit(&REQUESTER, spec(), &[1]));
        refused(spec(), &[1], Error::DuplicateJob);
        run_to(2);
        assert_ok!(submit(&REQUESTER, spec(), &[1]));
    });
}

#[test]
fn a_payload_that_the_extrinsic_does_not_end_with() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        bring(&[1, 2, 3, 4]);
        let submit = |input: Vec<u32>| submit_brought(&REQUESTER, spec(), &input);
        assert_noop!(submit(vec![1, 2, 3]), Error::<Test>::NotTrailing);
        // A scheduled call has no extrinsic at all.
        sp_io::storage::clear(b":extrinsic_index");
        assert_noop!(submit(vec![1, 2, 3, 4]), Error::<Test>::NotTrailing);
        bring(&[1, 2, 3, 4]);
        assert_ok!(submit(vec![1, 2, 3, 4]));
    });
}

#[test]
fn a_refused_job_pays_for_no_attestation_and_no_settlement() {
    TestExt::new().execute_with(|| {
        bring(&[1]);
        let refused = Market::submit_job(signed(&REQUESTER), spec(), vec![1]).unwrap_err();
        assert_eq!(refused.error, Error::<Test>::NoOffer.into());
        let weight = Market::weight_of_trying(&spec(), 1);
        assert_eq!(refused.post_info.actual_weight, Some(weight));
    });
}
