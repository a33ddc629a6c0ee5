//! Replicas in the real runtime, with real extrinsics: providers commit, reveal, and are paid, or not.

use crate::chain::Chain;
use kagari_primitives::{JobId, JobState, Outcome, KGR};
use kagari_runtime::{ComputeMarket, Runtime};
use pallet_compute_market::Gangs;
use pallet_proof_of_work_done::rejection::Rejection;
use sp_keyring::Sr25519Keyring::{self, Bob, Charlie, Dave, Eve};
use sp_runtime::transaction_validity::{
    InvalidTransaction, TransactionValidityError as Refusal, UnknownTransaction,
};

/// The providers of the replicas.
const WHO: [Sr25519Keyring; 3] = [Bob, Charlie, Eve];

/// Submits a job with three replicas, at Bob, Charlie and Eve.
fn submitted(chain: &mut Chain) -> Vec<JobId> {
    for (who, price) in WHO.into_iter().zip(1..) {
        chain.bond(who, price * KGR);
    }
    chain.submit_replicas(Dave, 3)
}

#[test]
fn providers_commit_reveal_and_are_paid_the_same() {
    Chain::new().run(|chain| {
        let jobs = submitted(chain);
        let signed: Vec<_> = jobs
            .iter()
            .zip(WHO)
            .map(|(job, who)| chain.signed_attestation(*job, who, &[1, 2, 3, 4]))
            .collect();

        let too_early = Refusal::Unknown(UnknownTransaction::CannotLookup);
        assert_eq!(chain.apply(signed[0].extrinsic()).unwrap_err(), too_early);
        let commitment = chain.commitment(&signed[0], Bob);
        chain.apply(commitment.clone()).unwrap();
        let stale = Refusal::Invalid(InvalidTransaction::Stale);
        assert_eq!(chain.apply(commitment).unwrap_err(), stale);
        assert_eq!(chain.apply(signed[0].extrinsic()).unwrap_err(), too_early);
        let foreign = chain.commitment(&signed[1], Bob);
        let bad_proof = Refusal::Invalid(InvalidTransaction::BadProof);
        assert_eq!(chain.apply(foreign).unwrap_err(), bad_proof);
        for (signed, who) in signed.iter().zip(WHO).skip(1) {
            let committed = chain.commitment(signed, who);
            chain.apply(committed).unwrap();
        }

        let anew = chain.attestation(jobs[0], Bob, &[1, 2, 3, 4]);
        let not_committed = Refusal::from(Rejection::NotCommitted);
        assert_eq!(chain.apply(anew).unwrap_err(), not_committed);
        for signed in &signed {
            chain.apply(signed.extrinsic()).unwrap();
        }
        chain.go_on(4);

        let ended = ComputeMarket::ended_jobs();
        let paid = ended.iter().map(|job| match job.state {
            JobState::Ended(Outcome::Settled { paid, .. }) => paid,
            _ => panic!("all are settled: {ended:?}"),
        });
        let paid: Vec<_> = paid.collect();
        assert!(paid[0] > 0 && paid == [paid[0]; 3]);
        assert_eq!(Gangs::<Runtime>::iter().count(), 0);
    });
}

#[test]
fn where_all_differ_nobody_is_paid_and_the_requester_gains_nothing() {
    Chain::new().run(|chain| {
        let (before, fees) = (chain.total(Dave), chain.fees());
        let jobs = submitted(chain);
        let earlier = WHO.map(|who| chain.total(who));
        let signed: Vec<_> = (0..)
            .zip(jobs)
            .zip(WHO)
            .map(|((last, job), who)| chain.signed_attestation(job, who, &[1, 2, 3, last]))
            .collect();
        for (signed, who) in signed.iter().zip(WHO) {
            let committed = chain.commitment(signed, who);
            chain.apply(committed).unwrap();
        }
        for signed in &signed {
            chain.apply(signed.extrinsic()).unwrap();
        }
        chain.go_on(4);
        let ended = ComputeMarket::ended_jobs();
        let burned = ended.iter().map(|job| match job.state {
            JobState::Ended(Outcome::Discarded { burned, .. }) => burned,
            _ => panic!("none is paid: {ended:?}"),
        });
        let burned: Vec<_> = burned.collect();
        assert!(burned[0] > 0 && burned == [burned[0]; 3]);
        let spent = before - chain.total(Dave);
        assert!(
            spent >= 3 * burned[0],
            "{spent} of which {} are fees",
            chain.fees() - fees
        );
        let later = WHO.map(|who| chain.total(who));
        assert_eq!(later, earlier, "nobody is to blame yet");
        assert_eq!(Gangs::<Runtime>::iter().count(), 0);
    });
}
