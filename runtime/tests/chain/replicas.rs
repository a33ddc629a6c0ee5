//! Replicas in the real runtime, with real extrinsics: two providers commit, reveal, and are paid, or not.

use crate::chain::Chain;
use kagari_primitives::{JobState, Outcome, KGR};
use kagari_runtime::{ComputeMarket, Runtime};
use pallet_compute_market::Gangs;
use pallet_proof_of_work_done::rejection::Rejection;
use sp_keyring::Sr25519Keyring::{Bob, Charlie, Dave};
use sp_runtime::transaction_validity::{
    InvalidTransaction, TransactionValidityError as Refusal, UnknownTransaction,
};

#[test]
fn two_providers_commit_reveal_and_are_paid_the_same() {
    Chain::new().run(|chain| {
        chain.bond(Bob, KGR);
        chain.bond(Charlie, 2 * KGR);
        let jobs = chain.submit_replicas(Dave, 2);
        let first = chain.signed_attestation(jobs[0], Bob, &[1, 2, 3, 4]);
        let second = chain.signed_attestation(jobs[1], Charlie, &[1, 2, 3, 4]);

        let too_early = Refusal::Unknown(UnknownTransaction::CannotLookup);
        assert_eq!(chain.apply(first.extrinsic()).unwrap_err(), too_early);
        let commitment = chain.commitment(&first, Bob);
        chain.apply(commitment.clone()).unwrap();
        let stale = Refusal::Invalid(InvalidTransaction::Stale);
        assert_eq!(chain.apply(commitment).unwrap_err(), stale);
        assert_eq!(chain.apply(first.extrinsic()).unwrap_err(), too_early);
        let foreign = chain.commitment(&second, Bob);
        let bad_proof = Refusal::Invalid(InvalidTransaction::BadProof);
        assert_eq!(chain.apply(foreign).unwrap_err(), bad_proof);
        let committed = chain.commitment(&second, Charlie);
        chain.apply(committed).unwrap();

        let anew = chain.attestation(jobs[0], Bob, &[1, 2, 3, 4]);
        let not_committed = Refusal::from(Rejection::NotCommitted);
        assert_eq!(chain.apply(anew).unwrap_err(), not_committed);
        chain.apply(first.extrinsic()).unwrap();
        chain.apply(second.extrinsic()).unwrap();
        chain.go_on(4);

        let ended = ComputeMarket::ended_jobs();
        let paid = ended.iter().map(|job| match job.state {
            JobState::Ended(Outcome::Settled { paid, .. }) => paid,
            _ => panic!("both are settled: {ended:?}"),
        });
        let paid: Vec<_> = paid.collect();
        assert!(paid.len() == 2 && paid[0] > 0 && paid[0] == paid[1]);
        assert_eq!(Gangs::<Runtime>::iter().count(), 0);
    });
}

#[test]
fn where_they_differ_nobody_is_paid_and_the_requester_gains_nothing() {
    Chain::new().run(|chain| {
        chain.bond(Bob, KGR);
        chain.bond(Charlie, 2 * KGR);
        let (before, fees) = (chain.total(Dave), chain.fees());
        let earlier = [Bob, Charlie].map(|who| chain.total(who));
        let jobs = chain.submit_replicas(Dave, 2);
        let first = chain.signed_attestation(jobs[0], Bob, &[1, 2, 3, 4]);
        let second = chain.signed_attestation(jobs[1], Charlie, &[1, 2, 3, 5]);
        let committed = chain.commitment(&first, Bob);
        chain.apply(committed).unwrap();
        let committed = chain.commitment(&second, Charlie);
        chain.apply(committed).unwrap();
        chain.apply(first.extrinsic()).unwrap();
        chain.apply(second.extrinsic()).unwrap();
        chain.go_on(4);
        let ended = ComputeMarket::ended_jobs();
        let burned = ended.iter().map(|job| match job.state {
            JobState::Ended(Outcome::Discarded { burned, .. }) => burned,
            _ => panic!("neither is paid: {ended:?}"),
        });
        let burned: Vec<_> = burned.collect();
        assert!(burned.len() == 2 && burned[0] > 0 && burned[0] == burned[1]);
        let spent = before - chain.total(Dave) - (chain.fees() - fees);
        assert_eq!(spent, 2 * burned[0]);
        let later = [Bob, Charlie].map(|who| chain.total(who));
        assert_eq!(later, earlier, "nobody is to blame yet");
        assert_eq!(Gangs::<Runtime>::iter().count(), 0);
    });
}
