//! The real pair of pallets in the real runtime, driven by real extrinsics: a job's life, and that
//! money is conserved over it.

use crate::chain::Chain;
use kagari_primitives::{Balance, JobState, Outcome, KGR};
use kagari_runtime::{ComputeMarket, ProofOfWorkDone, RuntimeCall, RuntimeEvent, System};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Dave};
use sp_runtime::transaction_validity::{
    InvalidTransaction, TransactionValidityError as Refusal, UnknownTransaction,
};

#[test]
fn a_job_is_two_transactions_and_conserves_money() {
    Chain::new().run(|chain| {
        chain.bond(Bob, KGR);
        chain.bond(Charlie, 2 * KGR);
        let issued = chain.issuance();
        let fees = chain.fees();
        let job = chain.submit(Dave);
        let attestation = chain.attestation(job, Bob, &[1, 2, 3, 4]);
        chain.apply(attestation).unwrap();
        chain.go_on(4);

        let ended = ComputeMarket::ended_jobs();
        let JobState::Ended(Outcome::Settled {
            paid,
            burned,
            reward,
            ..
        }) = ended[0].state
        else {
            panic!("the job is settled: {ended:?}");
        };
        assert_eq!(
            ended[0].price,
            2 * KGR,
            "the price of the cheapest offer that lost"
        );
        assert!(paid > 0 && burned == paid / 10);
        assert!(reward > 0 && reward * 10 <= burned * 9);
        let fees = chain.fees() - fees;
        assert_eq!(chain.issuance() + burned + fees, issued + reward);
    });
}

#[test]
fn an_attestation_signed_on_one_fork_is_refused_on_another() {
    let mut signed = None;
    Chain::new().run(|chain| {
        chain.bond(Bob, KGR);
        chain.go_on(1);
        let job = chain.submit(Dave);
        signed = Some((job, chain.attestation(job, Bob, &[1, 2, 3, 4])));
    });
    let (job, attestation) = signed.unwrap();
    // The same calls at the same heights, on top of another parent.
    Chain::forked().run(|chain| {
        chain.bond(Bob, KGR);
        chain.go_on(1);
        assert_eq!(chain.submit(Dave), job, "the job itself is the same");
        let refused = chain.apply(attestation).unwrap_err();
        assert_eq!(refused, Refusal::Invalid(InvalidTransaction::BadProof));
        let own = chain.attestation(job, Bob, &[1, 2, 3, 4]);
        chain.apply(own).unwrap();
    });
}

#[test]
fn a_node_that_lags_behind_does_not_ban_an_attestation() {
    let mut early = None;
    Chain::new().run(|chain| {
        chain.bond(Bob, KGR);
        chain.go_on(1);
        let job = chain.submit(Dave);
        early = Some(chain.attestation(job, Bob, &[1, 2, 3, 4]));
    });
    Chain::new().run(|chain| {
        chain.bond(Bob, KGR);
        let refused = chain.validate(early.clone().unwrap()).unwrap_err();
        assert_eq!(refused, Refusal::Unknown(UnknownTransaction::CannotLookup));
        chain.go_on(1);
        chain.submit(Dave);
        let valid = chain.validate(early.unwrap()).unwrap();
        assert!(valid.propagate);
    });
}

#[test]
fn attestations_that_must_not_count_do_not() {
    Chain::new().run(|chain| {
        chain.bond(Bob, KGR);
        chain.bond(Charlie, 2 * KGR);
        let job = chain.submit(Dave);
        // Somebody else's key.
        let foreign = chain.attestation(job, Charlie, &[1, 2, 3, 4]);
        let refused = chain.apply(foreign).unwrap_err();
        assert_eq!(refused, Refusal::Invalid(InvalidTransaction::BadProof));
        // Twice, and once it is settled.
        let good = chain.attestation(job, Bob, &[1, 2, 3, 4]);
        chain.apply(good.clone()).unwrap();
        let stale = Refusal::Invalid(InvalidTransaction::Stale);
        assert_eq!(chain.apply(good.clone()).unwrap_err(), stale);
        chain.go_on(4);
        assert_eq!(chain.apply(good).unwrap_err(), stale);
    });
}

#[test]
fn a_wrapped_job_is_served_only_if_it_stands_last() {
    Chain::new().run(|chain| {
        chain.bond(Bob, KGR);
        let job = RuntimeCall::ComputeMarket(chain.job_call());
        let remark = RuntimeCall::System(frame_system::Call::remark {
            remark: vec![7; 99],
        });
        let batch = |calls| RuntimeCall::Utility(pallet_utility::Call::batch_all { calls });
        let first = chain.sign_and_apply(Alice, batch(vec![job.clone(), remark.clone()]));
        let not_trailing = pallet_compute_market::Error::<kagari_runtime::Runtime>::NotTrailing;
        assert_eq!(first.unwrap_err(), not_trailing.into());
        assert_eq!(ComputeMarket::escrowed(&Alice.to_account_id()), 0);
        chain
            .sign_and_apply(Alice, batch(vec![remark, job]))
            .unwrap();
        assert!(ComputeMarket::escrowed(&Alice.to_account_id()) > 0);
    });
}

#[test]
fn a_missed_deadline_refunds_all_of_the_escrow_and_is_paid_for_out_of_the_bond() {
    Chain::new().run(|chain| {
        chain.bond(Bob, KGR);
        let before = chain.total(Dave);
        let fees = chain.fees();
        let bonded = || ComputeMarket::bonded(&Bob.to_account_id());
        let bond = bonded();
        chain.submit(Dave);
        chain.go_on(31);
        let (penalty, fee) = penalty_and_fee();
        assert_eq!(bond - bonded(), penalty + fee);
        assert!(penalty > 0 && fee > 0);
        assert_eq!(chain.total(Dave) + chain.fees() - fees, before + penalty);
        assert_eq!(ComputeMarket::ended_jobs().len(), 1);
        assert_eq!(ProofOfWorkDone::latest_era(), None, "nothing was minted");
    });
}

/// What the present block had a late provider pay to its requester, and burn for what that cost the chain.
fn penalty_and_fee() -> (Balance, Balance) {
    let paid = System::events()
        .into_iter()
        .find_map(|record| match record.event {
            RuntimeEvent::ComputeMarket(pallet_compute_market::Event::PenaltyPaid {
                amount,
                fee,
                ..
            }) => Some((amount, fee)),
            _ => None,
        });
    paid.unwrap()
}
