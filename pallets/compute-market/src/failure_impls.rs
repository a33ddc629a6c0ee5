//! Jobs that are not done: declined, late, or cancelled.

use crate::{
    index_impls::Relisted, types::*, Config, Error, Event, HoldReason, Jobs, Pallet, WeightInfo,
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

impl<T: Config> Pallet<T> {
    /// The provider of an assigned job gives it back: for nothing once in a while, else as if it had missed
    /// the deadline. Gives what it weighed.
    pub(crate) fn do_decline_job(who: AccountId, id: JobId) -> Result<Weight, DispatchError> {
        let job = Self::assigned_job(id)?;
        ensure!(job.provider == who, Error::<T>::NotYours);
        let now = T::BlockNumberProvider::current_block_number();
        let mut is_free = false;
        let freed = Self::take_off(id, &job, |provider| {
            is_free = provider.free_decline <= now;
            if is_free {
                provider.free_decline = now.saturating_add(T::DeclinePeriod::get());
            }
        })?;
        Self::deposit_event(Event::JobDeclined {
            job: id,
            provider: who,
        });
        let mut weight = T::WeightInfo::decline_job().saturating_add(freed.weight::<T>());
        if !is_free {
            weight = weight.saturating_add(Self::penalise(id, &job).weight::<T>());
        }
        Ok(weight.saturating_add(Self::pass_on(id, job).weight::<T>()))
    }

    /// The requester of an assigned job wants it no more, and pays for the time that it took up. Gives what
    /// it weighed.
    pub(crate) fn do_cancel_job(who: AccountId, id: JobId) -> Result<Weight, DispatchError> {
        let job = Self::assigned_job(id)?;
        ensure!(job.requester == who, Error::<T>::NotYours);
        let now = T::BlockNumberProvider::current_block_number();
        let blocks = now.saturating_sub(job.assigned_at).saturating_add(1);
        let share = Perbill::from_rational(blocks, job.spec.deadline.saturating_add(1));
        let payment = Self::pay(&job, share.mul_ceil(job.escrow))?;
        let freed = Self::take_off(id, &job, |_| ())?;
        Self::close_cancelled(id, job, payment);
        Ok(T::WeightInfo::cancel_job().saturating_add(freed.weight::<T>()))
    }

    /// An assigned job was not attested in time. Gives what it weighed.
    pub(crate) fn time_out_job(id: JobId, job: Job) -> Weight {
        let freed = Self::take_off(id, &job, |_| ()).defensive_unwrap_or_default();
        Self::deposit_event(Event::JobTimedOut {
            job: id,
            provider: job.provider.clone(),
        });
        let penalised = Self::penalise(id, &job);
        let passed_on = Self::pass_on(id, job);
        [freed, penalised, passed_on]
            .into_iter()
            .map(Relisted::weight::<T>)
            .fold(T::WeightInfo::time_out_job(), Weight::saturating_add)
    }

    /// Most that offers can move about when a job fails: its provider's come into the index and leave it, and
    /// the next one's leave it.
    pub(crate) fn most_relisting() -> Weight {
        let left = T::WeightInfo::delist_offers(MAX_OFFERS);
        T::WeightInfo::list_offers(MAX_OFFERS).saturating_add(left.saturating_mul(2))
    }

    fn assigned_job(id: JobId) -> Result<Job, Error<T>> {
        let job = Jobs::<T>::get(id).ok_or(Error::<T>::NoSuchJob)?;
        ensure!(job.stage == Stage::Assigned, Error::<T>::NotAssigned);
        Ok(job)
    }

    /// The next offer takes a job over within the same escrow, or its requester is refunded.
    fn pass_on(id: JobId, job: Job) -> Relisted {
        Self::assign_anew(id, &job).unwrap_or_else(|| {
            Self::refund_job(id, job);
            Relisted::default()
        })
    }

    /// Notes a failure, and pays the requester for it out of the provider's bond.
    fn penalise(id: JobId, job: &Job) -> Relisted {
        let due = T::FailurePenalty::get().mul_ceil(job.exposure);
        let now = T::BlockNumberProvider::current_block_number();
        let paid = Self::pay_out_of_bond(&job.provider, &job.requester, due);
        let changed = Self::change_provider(&job.provider, |provider| {
            provider.bond = provider.bond.saturating_sub(paid);
            provider.failed = provider.failed.saturating_add(1);
            provider.reputation.failed(job.exposure, now);
            if provider.bond < T::MinBond::get() {
                provider.withdraw_offers();
            }
            Ok(())
        });
        Self::deposit_event(Event::PenaltyPaid {
            job: id,
            provider: job.provider.clone(),
            requester: job.requester.clone(),
            amount: paid,
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
