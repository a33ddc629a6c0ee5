//! Leases: jobs on them, machines that fail, and the end.

use super::{auctions::*, mock::*};
use crate::{Error, Jobs, Leases};
use frame_support::assert_ok;
use kagari_primitives::{AccountId, AuctionId, JobId, JobSpec, KGR};
use sp_runtime::DispatchError;

/// Two machines leased at 4 KGR a block, those of Alice and Bob.
fn leased() -> AuctionId {
    let id = opened(terms(2));
    bid_and_clear(id, &[(ALICE, 2 * KGR), (BOB, 3 * KGR), (CHARLIE, 4 * KGR)]);
    assert!(Leases::<Test>::contains_key(id));
    id
}

fn job(deadline: u32) -> JobSpec {
    JobSpec { deadline, ..spec() }
}

fn send(id: AuctionId, machine: &AccountId, spec: JobSpec) -> Result<JobId, DispatchError> {
    let before: Vec<_> = Jobs::<Test>::iter_keys().collect();
    let input = [1, 2, 3, before.len() as u32, System::block_number()];
    bring(&input);
    let machine = machine.clone();
    let sent = Market::submit_leased_job(signed(&REQUESTER), id, machine, spec, input.to_vec());
    sent.map_err(|refused| refused.error)?;
    let is_new = |job: &JobId| !before.contains(job);
    Ok(Jobs::<Test>::iter_keys().find(is_new).unwrap())
}

/// A job is refused, and nothing is changed.
#[track_caller]
fn not_sent(id: AuctionId, machine: &AccountId, spec: JobSpec, error: Error<Test>) {
    bring(&[1, 2, 3, 4, System::block_number()]);
    let machine = machine.clone();
    let input = vec![1, 2, 3, 4, System::block_number()];
    let sent = || Market::submit_leased_job(signed(&REQUESTER), id, machine, spec, input);
    frame_support::assert_noop!(sent().map_err(|refused| refused.error), error);
}

#[test]
fn jobs_go_to_a_leased_machine_one_at_a_time_and_cost_nothing_more() {
    with_offers().execute_with(|| {
        let id = leased();
        let held = Market::escrowed(&REQUESTER);
        let before = free(&REQUESTER);
        not_sent(Default::default(), &ALICE, job(10), Error::NoSuchLease);
        not_sent(id, &CHARLIE, job(10), Error::NotLeased);
        let other = JobSpec {
            model: embedder(),
            ..job(10)
        };
        not_sent(id, &ALICE, other, Error::OtherModel);
        let replicated = JobSpec {
            replicas: 2,
            ..job(10)
        };
        not_sent(id, &ALICE, replicated, Error::ReplicasOnLease);
        not_sent(id, &ALICE, job(BLOCKS + 1), Error::PastLease);
        let strangers = Market::submit_leased_job(signed(&DAVE), id, ALICE, job(10), vec![1]);
        assert_eq!(strangers.unwrap_err().error, Error::<Test>::NotYours.into());

        let first = send(id, &ALICE, job(10)).unwrap();
        not_sent(id, &ALICE, job(10), Error::MachineBusy);
        send(id, &BOB, job(10)).unwrap();
        assert_eq!(Market::escrowed(&REQUESTER), held);
        assert_ok!(attest(first, 10));
        send(id, &ALICE, job(10)).unwrap();
        run_to(System::block_number() + WINDOW);
        assert_eq!(free(&REQUESTER), before);
        assert_eq!(
            (provider(&ALICE).settled, provider(&ALICE).era_work.work),
            (1, 0)
        );
        // The offers' other places are for other jobs.
        assert!(Market::offers(llm()).iter().any(|o| o.provider == ALICE));
    });
}

#[test]
fn a_machine_that_misses_a_deadline_is_out_and_pays_for_it() {
    with_offers().execute_with(|| {
        let id = leased();
        let from = System::block_number();
        let (asked, earned) = (free(&REQUESTER), free(&ALICE));
        assert_ok!(attest(send(id, &ALICE, job(10)).unwrap(), 10));
        run_to(from + 10);
        let late = send(id, &ALICE, job(10)).unwrap();
        let bond = provider(&ALICE).bond;
        run_to(from + 10 + 11);
        assert!(!Market::is_open(late));
        let lease = Leases::<Test>::get(id).unwrap();
        assert_eq!(lease.machines.len(), 1);
        // Ten of fifty blocks at 4 KGR are known to be good and paid for; the penalty is a tenth of what the machine was leased for.
        assert_eq!(free(&ALICE), earned + 40 * KGR * 9 / 10);
        let penalty = 20 * KGR;
        assert_eq!(free(&REQUESTER), asked + 160 * KGR + penalty);
        let fee = <OnlyLateFees as crate::PrepaidFee>::late_fee();
        assert_eq!(provider(&ALICE).bond, bond - penalty - fee);
        assert_eq!((provider(&ALICE).exposure, provider(&ALICE).failed), (0, 1));
        not_sent(id, &ALICE, job(10), Error::NotLeased);

        // The other declines, which nobody may on a lease for nothing, and the lease is over. It has done nothing.
        let earned = free(&BOB);
        let other = send(id, &BOB, job(10)).unwrap();
        assert_ok!(Market::decline_job(signed(&BOB), other));
        assert!(!Leases::<Test>::contains_key(id));
        assert_eq!((provider(&BOB).failed, free(&BOB)), (1, earned));
        assert_eq!(Market::escrowed(&REQUESTER), 0);
        run_to(lease.due + 1);
    });
}

#[test]
fn a_job_whose_deadline_is_the_end_of_the_lease_fails_before_the_lease_is_paid() {
    with_offers().execute_with(|| {
        let id = leased();
        let lease = Leases::<Test>::get(id).unwrap();
        let late = send(id, &ALICE, job(BLOCKS)).unwrap();
        run_to(lease.until + 1);
        assert!(!Market::is_open(late));
        assert_eq!(provider(&ALICE).failed, 1);
        run_to(lease.due);
        assert!(!Leases::<Test>::contains_key(id));
        assert_eq!(provider(&BOB).failed, 0);
    });
}

#[test]
fn a_leased_job_is_cancelled_for_nothing() {
    with_offers().execute_with(|| {
        let id = leased();
        let before = free(&REQUESTER);
        let sent = send(id, &ALICE, job(10)).unwrap();
        assert_ok!(Market::cancel_job(signed(&REQUESTER), sent));
        assert_eq!(free(&REQUESTER), before);
        send(id, &ALICE, job(10)).unwrap();
    });
}

#[test]
fn a_lease_and_the_jobs_on_it_are_extended_by_blocks_without_transactions() {
    with_offers().execute_with(|| {
        let id = leased();
        let lease = Leases::<Test>::get(id).unwrap();
        let last = send(id, &ALICE, job(BLOCKS)).unwrap();
        for _ in 0..20 {
            pass_without_transactions();
        }
        run_to(lease.until + 20);
        assert_ok!(attest(last, 10));
        assert!(Leases::<Test>::contains_key(id));
        let paid = free(&ALICE);
        run_to(lease.due + 20);
        assert!(!Leases::<Test>::contains_key(id));
        assert_eq!(free(&ALICE), paid + lease.cost(BLOCKS) * 9 / 10);
        assert_eq!((provider(&ALICE).settled, provider(&ALICE).failed), (1, 0));
    });
}
