//! Settlement: an attested job is judged and paid, or a failed one refunded, and leaves the state.

use alloc::boxed::Box;

use crate::{
    failure_impls::Penalty,
    gang_impls::Agreement,
    index_impls::Retier,
    judge::{Judge, Reward, Verdict},
    types::*,
    view_impls::info_of,
    Config, Event, HoldReason, Jobs, Pallet, WeightInfo,
};
use frame_support::{
    traits::{fungible::hold::Inspect as _, Defensive, Get},
    weights::Weight,
};
use kagari_primitives::{
    attestation::AttestationRecord, price_of, AccountId, Balance, BlockNumber, JobId, JobState,
    Outcome, Work,
};
use sp_runtime::traits::BlockNumberProvider;

/// What became of an escrow.
#[derive(Default)]
pub(crate) struct Payment {
    /// Paid in all, the burned part included.
    pub paid: Balance,
    /// Burned.
    pub burned: Balance,
    /// Given back.
    pub refunded: Balance,
}

impl<T: Config> Pallet<T> {
    /// Asks for the verdict on an attested job, and carries it out. A replica waits for the others of its gang.
    pub(crate) fn judge_job(id: JobId, job: Job, attestation: AttestationRecord) -> Weight {
        let weight = Self::weight_of_settling().saturating_add(Self::weight_of_leaving(&job));
        // A replica that was attested in the block in which it was due already stands in two places of the queue.
        let window_end = attestation.block.saturating_add(T::Judge::window());
        if T::BlockNumberProvider::current_block_number() < window_end {
            Self::judge_later(id, job, window_end);
            return weight;
        }
        let agreement = Self::agreement(&job, &attestation);
        let besides = match (agreement, T::Judge::verdict(id)) {
            (Agreement::Awaited(last), _) => {
                Self::judge_later(id, job, last.saturating_add(1));
                Weight::zero()
            }
            (_, Verdict::Wait(until)) => {
                Self::judge_later(id, job, until);
                Weight::zero()
            }
            (Agreement::Agrees, Verdict::Settle) => Self::settle_job(id, job, attestation),
            (Agreement::Differs { gang, outvoted }, Verdict::Settle) => {
                Self::discard_job(gang, id, job, attestation, outvoted)
            }
        };
        weight.saturating_add(besides)
    }

    /// Has a job be judged at another block, or at the next if that is over.
    fn judge_later(id: JobId, job: Job, at: BlockNumber) {
        let next = T::BlockNumberProvider::current_block_number().saturating_add(1);
        Self::put_off(id, job, at.max(next));
    }

    /// A replica's result is not what more than half of its gang gave. What it would have been paid is burned: if its
    /// requester had it back, it could be that provider itself, and read the others' results for less. One that is
    /// outvoted has failed; where there is no majority, nobody is to blame. Gives what it weighed besides.
    fn discard_job(
        gang: JobId,
        id: JobId,
        job: Job,
        attestation: AttestationRecord,
        outvoted: Option<u32>,
    ) -> Weight {
        let freed = Self::change_provider(&job.provider, Retier::Now, |provider| {
            provider.exposure = provider.exposure.saturating_sub(job.exposure);
            Ok(())
        });
        let ((), freed) = freed.defensive_unwrap_or_default();
        let mut weight = freed.weight::<T>();
        if let Some(longest) = outvoted {
            let worth = price_of(job.price, job.shape.work(job.input_len, longest));
            let penalty = Penalty::for_being_outvoted::<T>(worth.min(job.exposure));
            let penalised = Self::penalise(id, &job.provider, &job.requester, penalty);
            let late = T::WeightInfo::time_out_job();
            weight = weight
                .saturating_add(late)
                .saturating_add(penalised.weight::<T>());
        }
        let work = job.shape.work(job.input_len, attestation.output_len);
        let price = price_of(job.price, work).min(job.escrow);
        let burned = Self::burn_held(HoldReason::Escrow, &job.requester, price);
        let rest = job.escrow.saturating_sub(burned);
        let refunded = Self::give_back(HoldReason::Escrow, &job.requester, rest);
        Self::deposit_event(Event::ReplicaDiscarded {
            gang,
            job: id,
            provider: job.provider.clone(),
            outvoted: outvoted.is_some(),
            burned,
            refunded,
        });
        let at = T::BlockNumberProvider::current_block_number();
        let outcome = Outcome::Discarded {
            at,
            attestation,
            burned,
            refunded,
        };
        Self::close_job(id, job, outcome);
        weight
    }

    /// Most that discarding a replica's result weighs more than settling it: its provider pays as for being late.
    pub(crate) fn weight_of_discarding() -> Weight {
        T::WeightInfo::time_out_job().saturating_add(Self::relisting_of_one().saturating_mul(2))
    }

    /// What one more settlement weighs that moves no offer and ends no era for its provider.
    pub(crate) fn weight_of_settling() -> Weight {
        T::WeightInfo::settle_jobs(2).saturating_sub(T::WeightInfo::settle_jobs(1))
    }

    /// Gives what it weighed besides.
    fn settle_job(id: JobId, job: Job, attestation: AttestationRecord) -> Weight {
        let work = job.shape.work(job.input_len, attestation.output_len);
        let payment = Self::pay(&job, price_of(job.price, work));
        // A lease pays for its time and not for work: what its jobs compute must not thin out the emission for
        // work that is paid for.
        let paid_work = if job.lease.is_some() { 0 } else { work };
        let reward = T::Judge::reward(&job.provider, paid_work, payment.burned);
        let besides = Self::credit_provider(&job, paid_work, &payment, reward);
        let Payment {
            paid,
            burned,
            refunded,
        } = payment;
        let Reward {
            era,
            amount: reward,
        } = reward;
        Self::deposit_event(Event::JobSettled {
            job: id,
            provider: job.provider.clone(),
            requester: job.requester.clone(),
            work,
            paid,
            burned,
            refunded,
            era,
            reward,
        });
        let at = T::BlockNumberProvider::current_block_number();
        let outcome = Outcome::Settled {
            at,
            attestation,
            work,
            paid,
            burned,
            refunded,
            era,
            reward,
        };
        Self::close_job(id, job, outcome);
        besides
    }

    /// Pays `amount` out of a job's escrow.
    pub(crate) fn pay(job: &Job, amount: Balance) -> Payment {
        Self::pay_out_of_escrow(&job.requester, &job.provider, job.escrow, amount)
    }

    /// Pays `amount` out of what is held on a requester: a share is burned, the provider gets the rest of it, and the
    /// requester what is left.
    pub(crate) fn pay_out_of_escrow(
        requester: &AccountId,
        provider: &AccountId,
        escrow: Balance,
        amount: Balance,
    ) -> Payment {
        let paid = amount.min(escrow);
        let share = T::BurnShare::get().mul_floor(paid);
        let burned = Self::burn_held(HoldReason::Escrow, requester, share);
        let earned = paid.saturating_sub(burned);
        Self::pay_held(HoldReason::Escrow, requester, provider, earned);
        let rest = escrow.saturating_sub(paid);
        let refunded = Self::give_back(HoldReason::Escrow, requester, rest);
        Payment {
            paid,
            burned,
            refunded,
        }
    }

    /// Gives what it weighed besides a settlement.
    fn credit_provider(job: &Job, work: Work, payment: &Payment, reward: Reward) -> Weight {
        let now = T::BlockNumberProvider::current_block_number();
        let mut besides = Weight::zero();
        let changed = Self::change_provider(&job.provider, Retier::Now, |provider| {
            provider.exposure = provider.exposure.saturating_sub(job.exposure);
            provider.settled = provider.settled.saturating_add(1);
            provider.reputation.settled(payment.paid, now);
            if provider.delegated.shares > 0 {
                Self::share_reward(&job.provider, provider, reward.amount);
                besides = besides.saturating_add(T::WeightInfo::share_reward());
            }
            if provider.era_work.era != reward.era {
                Self::archive_era_work(&job.provider, &provider.era_work);
                besides = besides.saturating_add(T::WeightInfo::archive_era_work());
                provider.era_work = EraWork {
                    era: reward.era,
                    ..Default::default()
                };
            }
            let era_work = &mut provider.era_work;
            era_work.work = era_work.work.saturating_add(work);
            era_work.burned = era_work.burned.saturating_add(payment.burned);
            era_work.reward = era_work.reward.saturating_add(reward.amount);
            Ok(())
        });
        let ((), relisted) = changed.defensive_unwrap_or_default();
        besides.saturating_add(relisted.weight::<T>())
    }

    /// Hands the work of an era that is over to the part that keeps the history.
    pub(crate) fn archive_era_work(who: &AccountId, era_work: &EraWork) {
        if era_work.work > 0 {
            T::Judge::archive(who, *era_work);
        }
    }

    /// Gives the whole escrow back and closes the job. Its provider's record is done with already.
    pub(crate) fn refund_job(id: JobId, job: Job) {
        let refunded = Self::give_back(HoldReason::Escrow, &job.requester, job.escrow);
        Self::deposit_event(Event::JobRefunded {
            job: id,
            requester: job.requester.clone(),
            refunded,
        });
        let at = T::BlockNumberProvider::current_block_number();
        Self::close_job(id, job, Outcome::Refunded { at, refunded });
    }

    /// Closes a job that its requester has cancelled.
    pub(crate) fn close_cancelled(id: JobId, job: Job, payment: Payment) {
        let Payment {
            paid,
            burned,
            refunded,
        } = payment;
        Self::deposit_event(Event::JobCancelled {
            job: id,
            provider: job.provider.clone(),
            requester: job.requester.clone(),
            paid,
            burned,
            refunded,
        });
        let at = T::BlockNumberProvider::current_block_number();
        let outcome = Outcome::Cancelled {
            at,
            paid,
            burned,
            refunded,
        };
        Self::close_job(id, job, outcome);
    }

    fn close_job(id: JobId, job: Job, outcome: Outcome) {
        Jobs::<T>::remove(id);
        Self::leave_gang(id, &job);
        let info = info_of(id, job, |_| JobState::Ended(outcome));
        Self::deposit_event(Event::JobClosed {
            info: Box::new(info),
        });
    }

    /// What is held on an account for its open jobs.
    pub fn escrowed(who: &AccountId) -> Balance {
        T::Currency::balance_on_hold(&HoldReason::Escrow.into(), who)
    }
}
