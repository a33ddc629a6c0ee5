//! Which commitments of replicas are let in, and which attestations after them.

use super::mock::*;
use crate::{rejection::Rejection, Call, Event};
use frame_support::{assert_err, assert_noop, assert_ok, pallet_prelude::Authorize};
use kagari_primitives::{
    attestation::{commitment, commitment_message},
    worker_key::{WorkerPair, WorkerSignature},
    Hash, NextStep,
};
use sp_core::{Pair, H256};
use sp_runtime::{
    transaction_validity::{
        InvalidTransaction, TransactionSource, TransactionValidityError as E, UnknownTransaction,
        ValidTransaction,
    },
    DispatchError,
};

fn attestation() -> Draft {
    Draft::new(&[1, 2, 3, 4])
}

fn good() -> CommitDraft {
    CommitDraft::new(H256::repeat_byte(3))
}

/// Runs a test in which `job(1)` is a replica.
fn execute_with_replica(test: impl FnOnce()) {
    execute(|| {
        make_replica(id(1));
        test();
    });
}

fn authorize(draft: &Draft, signature: &WorkerSignature) -> Result<ValidTransaction, E> {
    let source = TransactionSource::External;
    let checked = Proof::authorize_attest(source, &draft.attestation, signature, &draft.output);
    checked.map(|(valid, _)| valid)
}

/// Commits to an attestation under one signature, which is given.
fn commit_to(draft: &Draft) -> WorkerSignature {
    let signature = draft.signature();
    let hash = commitment(&draft.attestation, &signature);
    assert_ok!(CommitDraft::new(hash).authorize());
    assert_ok!(Proof::do_commit(id(1), hash));
    signature
}

#[test]
fn a_good_commitment_is_let_in_and_taken() {
    execute_with_replica(|| {
        let valid = good().authorize().unwrap();
        assert!(valid.propagate);
        assert_eq!(valid.longevity, u64::from(DEADLINE - ASSIGNED_AT - 1));
        assert_ne!(valid.provides, attestation_tags());
        let CommitDraft {
            job,
            assigned_at,
            commitment,
            ..
        } = good();
        let origin = frame_system::RawOrigin::Authorized;
        assert_ok!(Proof::commit(
            origin.into(),
            job,
            assigned_at,
            commitment,
            good().signature()
        ));
        System::assert_last_event(Event::Committed { job, commitment }.into());
        // It stays as it is.
        assert_err!(good().authorize(), E::from(InvalidTransaction::Stale));
    });
}

/// What an attestation of the same job provides.
fn attestation_tags() -> Vec<Vec<u8>> {
    change_replica(id(1), |replica| replica.may_reveal = true);
    let draft = attestation();
    let signature = draft.signature();
    let hash = commitment(&draft.attestation, &signature);
    change_replica(id(1), |replica| replica.commitment = Some(hash));
    let tags = authorize(&draft, &signature).unwrap().provides;
    make_replica(id(1));
    tags
}

#[test]
fn the_call_authorizes_through_its_attribute_and_by_nothing_else() {
    execute_with_replica(|| {
        let CommitDraft {
            job,
            assigned_at,
            commitment,
            ..
        } = good();
        let signature = good().signature();
        let call = Call::<Test>::commit {
            job,
            assigned_at,
            commitment,
            signature: signature.clone(),
        };
        let authorized = call.authorize(TransactionSource::External);
        assert!(matches!(authorized, Some(Ok(_))));
        for origin in [
            RuntimeOrigin::signed(PROVIDER),
            RuntimeOrigin::none(),
            RuntimeOrigin::root(),
        ] {
            let made = Proof::commit(origin, job, assigned_at, commitment, signature.clone());
            assert_noop!(made, DispatchError::BadOrigin);
        }
    });
}

#[test]
fn wrong_signatures_are_refused() {
    execute_with_replica(|| {
        let refused = |draft: CommitDraft| {
            assert_err!(draft.authorize(), E::from(InvalidTransaction::BadProof))
        };
        refused(good().with(|d| d.signer = OTHER));
        refused(good().with(|d| d.assignment_hash = H256::repeat_byte(1)));
        // The signature of an attestation signs no commitment.
        let signature = attestation().signature();
        let source = TransactionSource::External;
        let CommitDraft {
            job,
            assigned_at,
            commitment,
            ..
        } = good();
        let result = Proof::authorize_commit(source, &job, &assigned_at, &commitment, &signature);
        assert_err!(result, E::from(InvalidTransaction::BadProof));
        assert_ok!(good().authorize());
    });
}

#[test]
fn commitments_of_other_assignments_or_of_no_replica_are_refused() {
    execute(|| {
        assert_err!(good().authorize(), E::from(Rejection::NoReplica));
        make_replica(id(1));
        let earlier = good().with(|d| d.assigned_at = ASSIGNED_AT - 1);
        assert_err!(earlier.authorize(), E::from(Rejection::OtherAssignment));
        let later = good().with(|d| d.assigned_at = ASSIGNED_AT + 9);
        assert_err!(later.authorize(), E::from(UnknownTransaction::CannotLookup));
        let unknown = good().with(|d| d.job = id(9));
        assert_err!(
            unknown.authorize(),
            E::from(UnknownTransaction::CannotLookup)
        );
        assert_ok!(good().authorize());
        System::set_block_number(DEADLINE + 1);
        assert_err!(good().authorize(), E::from(InvalidTransaction::Stale));
    });
}

#[test]
fn nothing_is_revealed_before_all_have_committed() {
    execute_with_replica(|| {
        let too_early = E::from(UnknownTransaction::CannotLookup);
        assert_err!(attestation().authorize(), too_early);
        let signature = commit_to(&attestation());
        assert_err!(authorize(&attestation(), &signature), too_early);
        change_replica(id(1), |replica| replica.may_reveal = true);
        assert_ok!(authorize(&attestation(), &signature));
    });
}

#[test]
fn what_was_not_committed_to_is_refused() {
    execute_with_replica(|| {
        let signature = commit_to(&attestation());
        change_replica(id(1), |replica| replica.may_reveal = true);
        let not_committed = E::from(Rejection::NotCommitted);
        // Another result, or the same under another signature.
        let other = Draft::new(&[4, 3, 2, 1]);
        assert_err!(other.authorize(), not_committed);
        let again = attestation().signature();
        assert_ne!(again, signature, "signatures are drawn with chance");
        assert_err!(authorize(&attestation(), &again), not_committed);
        assert_ok!(authorize(&attestation(), &signature));
    });
}

#[test]
fn a_copied_commitment_is_good_for_nothing() {
    execute_with_replica(|| {
        // Somebody else's replica, with the same result.
        assign(crate::jobs::AssignedJob {
            worker: pair(&OTHER).public(),
            ..job(2, completion(4))
        });
        make_replica(id(2));
        let signature = commit_to(&attestation());
        let copied = commitment(&attestation().attestation, &signature);
        let copy = CommitDraft::new(copied).with(|d| {
            d.job = id(2);
            d.signer = OTHER;
            d.assignment_hash = H256::from_low_u64_be(1_002);
        });
        assert_ok!(copy.authorize());
        assert_ok!(Proof::do_commit(id(2), copied));
        change_replica(id(1), |replica| replica.may_reveal = true);
        change_replica(id(2), |replica| replica.may_reveal = true);
        // What it could attest has another job in it, and another signature.
        let own = attestation().with(|d| {
            d.attestation.job = id(2);
            d.signer = OTHER;
            d.assignment_hash = H256::from_low_u64_be(1_002);
        });
        let not_committed = E::from(Rejection::NotCommitted);
        assert_err!(own.authorize(), not_committed);
        assert_err!(authorize(&own, &signature), not_committed);
        assert_ok!(authorize(&attestation(), &signature));
    });
}

#[test]
fn the_runtime_says_what_comes_next() {
    execute(|| {
        let draft = attestation();
        let signature = draft.signature();
        let next = || Proof::next_step(&draft.attestation, &signature);
        assert_eq!(next(), Some(NextStep::Attest));
        make_replica(id(1));
        let hash = commitment(&draft.attestation, &signature);
        let Some(NextStep::Commit {
            worker,
            commitment,
            message,
        }) = next()
        else {
            panic!("a commitment comes first");
        };
        assert_eq!((worker, commitment), (pair(&PROVIDER).public(), hash));
        let genesis: Hash = draft.genesis;
        assert_eq!(
            message,
            commitment_message(genesis, draft.assignment_hash, hash)
        );
        let signed = CommitDraft::new(hash).signature();
        assert!(WorkerPair::verify(
            &signed,
            message,
            &pair(&PROVIDER).public()
        ));
        assert_ok!(Proof::do_commit(id(1), hash));
        assert_eq!(next(), Some(NextStep::Wait));
        change_replica(id(1), |replica| replica.may_reveal = true);
        let until = DEADLINE;
        assert_eq!(next(), Some(NextStep::Reveal { until }));
        // Under another signature, it is not what was committed to.
        let other = Proof::next_step(&draft.attestation, &draft.signature());
        assert_eq!(other, Some(NextStep::Lost));
        forget_jobs();
        assert_eq!(next(), None);
    });
}
