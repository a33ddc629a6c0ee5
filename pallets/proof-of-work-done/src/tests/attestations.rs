//! Which attestations are let in.

use super::mock::*;
use crate::{rejection::Rejection, Call};
use frame_support::{assert_err, assert_noop, assert_ok, pallet_prelude::Authorize};
use kagari_primitives::{payload_hash, worker_key::WorkerPair, StopReason, Task};
use sp_core::{Pair, H256};
use sp_runtime::{
    transaction_validity::{
        InvalidTransaction, TransactionSource, TransactionValidityError as E, UnknownTransaction,
    },
    DispatchError,
};

fn good() -> Draft {
    Draft::new(&[1, 2, 3, 4])
}

#[test]
fn a_good_attestation_is_let_in_and_taken() {
    execute(|| {
        let valid = good().authorize().unwrap();
        assert!(valid.propagate);
        assert_eq!(valid.longevity, u64::from(DEADLINE - ASSIGNED_AT - 1));
        let Draft {
            attestation,
            output,
            ..
        } = good();
        let origin = frame_system::RawOrigin::Authorized;
        assert_ok!(Proof::attest(
            origin.into(),
            attestation,
            good().signature(),
            output
        ));
        assert_eq!(attested(), vec![id(1)]);
    });
}

#[test]
fn the_call_authorizes_through_its_attribute() {
    execute(|| {
        let Draft {
            attestation,
            output,
            ..
        } = good();
        let call = Call::<Test>::attest {
            attestation,
            signature: good().signature(),
            output,
        };
        assert!(matches!(
            call.authorize(TransactionSource::External),
            Some(Ok(_))
        ));
    });
}

#[test]
fn nobody_can_attest_without_authorisation() {
    execute(|| {
        let Draft {
            attestation,
            output,
            ..
        } = good();
        let by = |origin| Proof::attest(origin, attestation, good().signature(), output.clone());
        assert_noop!(
            by(RuntimeOrigin::signed(PROVIDER)),
            DispatchError::BadOrigin
        );
        assert_noop!(by(RuntimeOrigin::none()), DispatchError::BadOrigin);
        assert_noop!(by(RuntimeOrigin::root()), DispatchError::BadOrigin);
    });
}

#[test]
fn wrong_signatures_are_refused() {
    execute(|| {
        let refused =
            |draft: Draft| assert_err!(draft.authorize(), E::from(InvalidTransaction::BadProof));
        // Another's key, another chain, another fork, another result than the one signed.
        refused(good().with(|d| d.signer = OTHER));
        refused(good().with(|d| d.genesis = H256::repeat_byte(1)));
        refused(good().with(|d| d.assignment_hash = H256::repeat_byte(1)));
        let signature = good().signature();
        let forged = good().with(|d| d.attestation.trace_root = H256::zero());
        let source = TransactionSource::External;
        let result =
            Proof::authorize_attest(source, &forged.attestation, &signature, &forged.output);
        assert_err!(result, E::from(InvalidTransaction::BadProof));
    });
}

#[test]
fn an_output_other_than_the_one_attested_is_refused() {
    execute(|| {
        let draft = good().with(|d| d.output = vec![1, 2, 3, 5]);
        assert_err!(draft.authorize(), E::from(Rejection::WrongOutputHash));
    });
}

#[test]
fn outputs_of_a_wrong_length_are_refused() {
    execute(|| {
        let with = |output: &[u32], stop| {
            Draft::new(output)
                .with(|d| d.attestation.stop = stop)
                .authorize()
        };
        assert_ok!(with(&[1, 2], StopReason::StopToken));
        assert_ok!(with(&[], StopReason::NonFinite));
        assert_err!(
            with(&[1, 2], StopReason::Length),
            E::from(Rejection::WrongLength)
        );
        assert_err!(
            with(&[], StopReason::StopToken),
            E::from(Rejection::WrongLength)
        );
        assert_err!(
            with(&[1; 5], StopReason::StopToken),
            E::from(Rejection::WrongLength)
        );
        assert_err!(
            with(&[1; 4], StopReason::NonFinite),
            E::from(Rejection::WrongLength)
        );
        assert_err!(
            with(&[1; 4], StopReason::Vector),
            E::from(Rejection::WrongStopReason)
        );
    });
}

#[test]
fn an_embedding_is_as_wide_as_its_model() {
    execute(|| {
        assign(job(2, Task::Embedding));
        let with = |len, stop| {
            let output = vec![0; len];
            Draft::new(&output).with(|d| {
                d.attestation.job = id(2);
                d.attestation.stop = stop;
                d.assignment_hash = H256::from_low_u64_be(1_002);
            })
        };
        assert_ok!(with(384, StopReason::Vector).authorize());
        assert_ok!(with(0, StopReason::NonFinite).authorize());
        let refused = with(383, StopReason::Vector).authorize();
        assert_err!(refused, E::from(Rejection::WrongLength));
        let refused = with(384, StopReason::Length).authorize();
        assert_err!(refused, E::from(Rejection::WrongStopReason));
    });
}

#[test]
fn an_attestation_counts_up_to_the_deadline() {
    execute(|| {
        System::set_block_number(DEADLINE);
        assert_ok!(good().authorize());
        System::set_block_number(DEADLINE + 1);
        assert_err!(good().authorize(), E::from(InvalidTransaction::Stale));
    });
}

#[test]
fn a_second_attestation_is_stale() {
    execute(|| {
        assert_ok!(Proof::do_attest(good().attestation, good().output));
        assert_err!(good().authorize(), E::from(InvalidTransaction::Stale));
    });
}

#[test]
fn a_job_that_is_not_known_yet_is_no_reason_for_a_ban() {
    execute(|| {
        forget_jobs();
        System::set_block_number(ASSIGNED_AT - 1);
        assert_err!(
            good().authorize(),
            E::from(UnknownTransaction::CannotLookup)
        );
        System::set_block_number(ASSIGNED_AT + 3);
        assert_err!(
            good().authorize(),
            E::from(UnknownTransaction::CannotLookup)
        );
        // By now it would be known; so it has ended.
        System::set_block_number(ASSIGNED_AT + 4);
        assert_err!(good().authorize(), E::from(InvalidTransaction::Stale));
    });
}

#[test]
fn attestations_of_another_assignment_are_refused() {
    execute(|| {
        let earlier = good().with(|d| d.attestation.assigned_at = ASSIGNED_AT - 1);
        assert_err!(earlier.authorize(), E::from(Rejection::OtherAssignment));
        // Reassigned in a block that this node has not seen.
        let later = good().with(|d| d.attestation.assigned_at = ASSIGNED_AT + 9);
        assert_err!(later.authorize(), E::from(UnknownTransaction::CannotLookup));
    });
}

#[test]
fn attestations_of_the_same_assignment_exclude_each_other() {
    execute(|| {
        let other = Draft::new(&[4, 3, 2, 1]);
        assert_ne!(payload_hash(&other.output), good().attestation.output_hash);
        assert_eq!(
            good().authorize().unwrap().provides,
            other.authorize().unwrap().provides
        );
    });
}

#[test]
fn the_message_to_sign_is_that_of_the_assignment() {
    execute(|| {
        let message = Proof::attestation_message(&good().attestation).unwrap();
        assert!(WorkerPair::verify(
            &good().signature(),
            message,
            &pair(&PROVIDER).public()
        ));
        let unknown = good().with(|d| d.attestation.job = id(9));
        assert_eq!(Proof::attestation_message(&unknown.attestation), None);
    });
}
