//! Jobs that are not done: declined, late, or cancelled.

use crate::{
    index_impls::{Relisted, Retier},
    types::*,
    Config, Error, Event, HoldReason, Jobs, Pallet, PrepaidFee, WeightInfo,
};
use frame_support::{
    ensure,
    traits::{
        fungible::hold::Mutate as _,
        tokens::{Fortitude, Precision, Restriction},
        Defensive, Get,
    },
    weights::Weight,
};
use kagari_primitives::{AccountId, Balance, JobId};
use sp_runtime::{traits::BlockNumberProvider, DispatchError, Perbill};

/// What a failure costs its provider.
pub(crate) struct Penalty {
    /// Worth of what it failed at: no more than this is lost.
    worth: Balance,
    /// What the requester is paid.
    compensation: Balance,
    /// What is burned.
    burned: Balance,
}

impl Penalty {
    /// For not having done in time what is worth so much: a share of it is the requester's, and serving the missed
    /// deadline is paid for.
    pub fn for_lateness<T: Config>(worth: Balance, late_fee: Balance) -> Self {
        Self {
            worth,
            compensation: T::FailurePenalty::get().mul_ceil(worth),
            burned: late_fee,
        }
    }

    /// For having given another result than most of a gang did: the share is burned, as the requester could be most of
    /// its gang itself.
    pub fn for_being_outvoted<T: Config>(worth: Balance) -> Self {
        let share = T::FailurePenalty::get().mul_ceil(worth);
        Self {
            worth,
            compensation: 0,
            burned: share.saturating_add(T::PrepaidFee::late_fee()),
        }
    }
}

impl<T: Config> Pallet<T> {
    /// The provider of an assigned job gives it back: for nothing once in a while, else as if it had missed
    /// the deadline. Gives what it weighed.
    pub(crate) fn do_decline_job(who: AccountId, id: JobId) -> Result<Weight, DispatchError> {
        let job = Self::assigned_job(id)?;
        ensure!(job.provider == who, Error::<T>::NotYours);
        let now = T::BlockNumberProvider::current_block_number();
        let (is_free, freed) = Self::take_off(id, &job, Retier::Now, |provider| {
            let is_free =
                provider.free_decline <= now && job.lease.is_none() && !job.has_committed();
            if is_free {
                provider.free_decline = now.saturating_add(T::DeclinePeriod::get());
            }
            is_free
        })?;
        Self::deposit_event(Event::JobDeclined {
            job: id,
            provider: who,
        });
        let left = Self::weight_of_leaving(&job);
        let failed = match is_free {
            true => Self::pass_on(id, job).weight::<T>(),
            false => Self::fail_job(id, job, 0),
        };
        Ok([
            T::WeightInfo::decline_job(),
            Self::turning_pages(),
            freed.weight::<T>(),
            failed,
            left,
        ]
        .into_iter()
        .fold(Weight::zero(), Weight::saturating_add))
    }

    /// The requester of an assigned job wants it no more, and pays for the time that it took up. Gives what
    /// it weighed.
    pub(crate) fn do_cancel_job(who: AccountId, id: JobId) -> Result<Weight, DispatchError> {
        let job = Self::assigned_job(id)?;
        ensure!(job.requester == who, Error::<T>::NotYours);
        ensure!(job.replica.is_none(), Error::<T>::IsReplica);
        let now = T::BlockNumberProvider::current_block_number();
        let blocks = now.saturating_sub(job.assigned_at).saturating_add(1);
        let share = Perbill::from_rational(blocks, job.spec.deadline.saturating_add(1));
        let payment = Self::pay(&job, share.mul_ceil(job.escrow));
        let ((), freed) = Self::take_off(id, &job, Retier::Now, |_| ())?;
        Self::close_cancelled(id, job, payment);
        Ok(T::WeightInfo::cancel_job().saturating_add(freed.weight::<T>()))
    }

    /// An assigned job was not attested in time. Gives what it weighed.
    pub(crate) fn time_out_job(id: JobId, job: Job) -> Weight {
        let freed = Self::take_off(id, &job, Retier::Now, |_| ()).defensive_unwrap_or_default();
        Self::deposit_event(Event::JobTimedOut {
            job: id,
            provider: job.provider.clone(),
        });
        let left = Self::weight_of_leaving(&job);
        let failed = Self::fail_job(id, job, T::PrepaidFee::late_fee());
        [
            T::WeightInfo::time_out_job(),
            Self::turning_pages(),
            freed.1.weight::<T>(),
            failed,
            left,
        ]
        .into_iter()
        .fold(Weight::zero(), Weight::saturating_add)
    }

    /// Most that offers can move about when a job fails: those of its provider when the job is taken off it, when it
    /// pays the penalty, and when its lease is broken; or else those of the next provider.
    pub(crate) fn most_relisting() -> Weight {
        Self::relisting_of_one().saturating_mul(3)
    }

    /// What the match of a job anew can weigh besides: each offer may stand on a page of its own.
    pub(crate) fn turning_pages() -> Weight {
        T::WeightInfo::turn_page().saturating_mul(MAX_EXAMINED as u64)
    }

    /// Most that the offers of one provider can move about in one change.
    pub(crate) fn relisting_of_one() -> Weight {
        T::WeightInfo::list_offers(MAX_PLACES)
            .saturating_add(T::WeightInfo::delist_offers(MAX_PLACES))
    }

    fn assigned_job(id: JobId) -> Result<Job, Error<T>> {
        let job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        ensure!(job.stage == Stage::Assigned, Error::<T>::NotAssigned);
        Ok(job)
    }

    /// A job was taken off a provider that is to blame. Gives what it weighed besides.
    fn fail_job(id: JobId, job: Job, late_fee: Balance) -> Weight {
        if let Some(lease) = job.lease {
            let broken = Self::break_lease(lease, id, &job, late_fee);
            Self::refund_job(id, job);
            return broken;
        }
        let penalty = Penalty::for_lateness::<T>(job.exposure, late_fee);
        let penalised = Self::penalise(id, &job.provider, &job.requester, penalty);
        let passed_on = Self::pass_on(id, job);
        penalised
            .weight::<T>()
            .saturating_add(passed_on.weight::<T>())
    }

    /// The next offer takes a job over within the same escrow, or its requester is refunded.
    fn pass_on(id: JobId, job: Job) -> Relisted {
        Self::assign_anew(id, &job).unwrap_or_else(|| {
            Self::refund_job(id, job);
            Relisted::default()
        })
    }

    /// Notes a failure. The provider pays the requester, and the chain, out of its own bond. Its delegators lose the same
    /// share of what they covered, and the provider as much again, all of which is burned: a provider that is its own
    /// requester gains nothing by what others lose, and loses as much itself. All together lose no more than the worth
    /// of what it failed at.
    pub(crate) fn penalise(
        job: JobId,
        who: &AccountId,
        requester: &AccountId,
        penalty: Penalty,
    ) -> Relisted {
        let Penalty {
            worth,
            compensation,
            burned,
        } = penalty;
        let now = T::BlockNumberProvider::current_block_number();
        let changed = Self::change_provider(who, Retier::Now, |provider| {
            let covered = provider.delegated.part_of(worth, provider.bond);
            let paid = compensation.min(provider.bond);
            let paid = Self::pay_out_of_bond(who, requester, paid);
            provider.bond = provider.bond.saturating_sub(paid);

            let slashed = T::FailurePenalty::get().mul_floor(covered);
            let slashed = slashed.min(provider.delegated.stake).min(provider.bond);
            let both = Self::burn_held(HoldReason::Bond, who, slashed.saturating_mul(2));
            provider.delegated.stake = provider.delegated.stake.saturating_sub(slashed);
            provider.bond = provider.bond.saturating_sub(both.saturating_sub(slashed));

            let rest = worth.saturating_sub(paid).saturating_sub(both);
            let fee = Self::burn_held(HoldReason::Bond, who, burned.min(rest).min(provider.bond));
            provider.bond = provider.bond.saturating_sub(fee);

            provider.failed = provider.failed.saturating_add(1);
            provider.reputation.failed(worth, now);
            if provider.bond < T::MinBond::get() {
                provider.withdraw_offers();
            }
            Self::deposit_event(Event::PenaltyPaid {
                job,
                provider: who.clone(),
                requester: requester.clone(),
                amount: paid,
                fee,
                slashed,
            });
            Ok(())
        });
        changed.defensive_unwrap_or_default().1
    }

    /// As much of `amount` as is there goes from a bond to an account.
    fn pay_out_of_bond(from: &AccountId, to: &AccountId, amount: Balance) -> Balance {
        T::Currency::transfer_on_hold(
            &HoldReason::Bond.into(),
            from,
            to,
            amount,
            Precision::BestEffort,
            Restriction::Free,
            Fortitude::Force,
        )
        .unwrap_or_default()
    }
}
