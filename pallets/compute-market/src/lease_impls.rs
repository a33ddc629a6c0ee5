//! Leases: jobs are sent to their machines without a match, a machine that fails a job is out, and the others are
//! paid when the time is over.

use crate::{
    failure_impls::Penalty, index_impls::Retier, lease_types::*, settlement_impls::Payment,
    types::*, Config, Error, Event, Jobs, Leases, Pallet, WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{ensure, traits::Defensive, weights::Weight};
use kagari_primitives::{AccountId, Balance, BlockNumber, JobId, JobSpec, LeaseId, Word};
use sp_runtime::{traits::BlockNumberProvider, DispatchError};

impl<T: Config> Pallet<T> {
    /// Sends a job to a machine of a lease. It costs nothing besides what is prepaid: the lease is paid for. Gives
    /// what it weighed.
    pub(crate) fn do_submit_leased_job(
        who: AccountId,
        lease_id: LeaseId,
        machine: AccountId,
        spec: JobSpec,
        input: Vec<Word>,
    ) -> Result<Weight, DispatchError> {
        let mut lease = Leases::<T>::get(lease_id).ok_or(Error::<T>::NoSuchLease)?;
        ensure!(lease.requester == who, Error::<T>::NotYours);
        ensure!(spec.model == lease.terms.model, Error::<T>::OtherModel);
        ensure!(spec.replicas <= 1, Error::<T>::ReplicasOnLease);
        let input_len = input.len() as u32;
        let (id, mut job, payload) = Self::new_job(&who, spec, &input)?;
        let now = T::BlockNumberProvider::current_block_number();
        let deadline = now.saturating_add(job.spec.deadline);
        ensure!(deadline <= lease.until, Error::<T>::PastLease);
        let slot = lease.machines.iter_mut().find(|m| m.provider == machine);
        let slot = slot.ok_or(Error::<T>::NotLeased)?;
        ensure!(!is_working::<T>(slot), Error::<T>::MachineBusy);
        if slot.job.replace(id).is_some() {
            slot.proved_until = now;
        }

        let prepaid = Self::prepaid_for(&job.spec);
        Self::burn_fee(&who, prepaid).map_err(|_| Error::<T>::CannotPayEscrow)?;
        Self::deposit_event(Event::JobSubmitted {
            job: id,
            requester: who,
            model: job.spec.model,
            escrow: 0,
            prepaid,
        });
        job.lease = Some(lease_id);
        let ((), relisted) = Self::change_provider(&machine, Retier::Later, |provider| {
            ensure!(provider.add_assigned(&id), Error::<T>::MachineBusy);
            Ok(())
        })?;
        Self::put_assigned(id, job, machine, 0);
        Leases::<T>::insert(lease_id, lease);
        Self::index_payload(&payload);
        let weight = T::WeightInfo::submit_leased_job(input_len);
        Ok(weight.saturating_add(relisted.weight::<T>()))
    }

    /// A machine has failed a job: it is paid for the time in which it is known to have worked, which ends with the
    /// job before, pays the penalty, and leaves the lease. The rest goes back. Gives what it weighed.
    pub(crate) fn break_lease(
        lease_id: LeaseId,
        job_id: JobId,
        job: &Job,
        late_fee: Balance,
    ) -> Weight {
        let Some(mut lease) = Leases::<T>::get(lease_id).defensive() else {
            return Weight::zero();
        };
        let at = lease
            .machines
            .iter()
            .position(|m| m.provider == job.provider);
        let Some(at) = at.defensive() else {
            return Weight::zero();
        };
        let machine = lease.machines.remove(at);
        let blocks = machine.proved_until.saturating_sub(lease.from);
        let paid = Self::pay_machine(lease_id, &lease, &machine, blocks);
        let worth = machine.exposure;
        let penalised = Self::penalise(
            job_id,
            &job.provider,
            &job.requester,
            Penalty::for_lateness::<T>(worth, late_fee),
        );
        Self::deposit_event(Event::LeaseBroken {
            lease: lease_id,
            provider: machine.provider,
            job: job_id,
        });
        match lease.machines.is_empty() {
            true => Leases::<T>::remove(lease_id),
            false => Leases::<T>::insert(lease_id, lease),
        }
        T::WeightInfo::end_lease(1)
            .saturating_add(paid)
            .saturating_add(penalised.weight::<T>())
    }

    /// Serves a lease whose time is over. Gives what it weighed.
    pub(crate) fn serve_lease(id: LeaseId, mut lease: Lease) -> Weight {
        match Self::missed().saturating_sub(lease.missed) {
            0 => Self::end_lease(id, lease),
            missed => {
                lease.extend(missed);
                Self::enqueue_lease(id, lease.due);
                Leases::<T>::insert(id, lease);
                T::WeightInfo::end_lease(1)
            }
        }
    }

    /// The time of a lease is over: its machines are paid and free again. Gives what it weighed.
    pub(crate) fn end_lease(id: LeaseId, lease: Lease) -> Weight {
        Leases::<T>::remove(id);
        let machines = lease.machines.len() as u32;
        let pay = |machine| Self::pay_machine(id, &lease, machine, lease.terms.blocks);
        let besides = lease.machines.iter().map(pay);
        let weight = besides.fold(T::WeightInfo::end_lease(machines), Weight::saturating_add);
        Self::deposit_event(Event::LeaseEnded { lease: id });
        weight
    }

    /// Most that ending a lease can weigh.
    pub(crate) fn most_for_ending() -> Weight {
        let moving = Self::relisting_of_one().saturating_mul(MAX_MACHINES.into());
        T::WeightInfo::end_lease(MAX_MACHINES).saturating_add(moving)
    }

    /// Pays a machine for so many blocks of a lease, gives the rest of what was held for it back, and takes the
    /// lease off its provider. Gives what moving offers weighed.
    fn pay_machine(id: LeaseId, lease: &Lease, machine: &Machine, blocks: BlockNumber) -> Weight {
        let (held, due) = (lease.cost(lease.terms.blocks), lease.cost(blocks));
        let who = &machine.provider;
        let payment = Self::pay_out_of_escrow(&lease.requester, who, held, due);
        let now = T::BlockNumberProvider::current_block_number();
        let freed = Self::give_leased_room_back(
            who,
            &lease.terms,
            machine.exposure,
            Retier::Now,
            |provider| provider.reputation.settled(payment.paid, now),
        );
        let Payment {
            paid,
            burned,
            refunded,
        } = payment;
        Self::deposit_event(Event::LeasePaid {
            lease: id,
            provider: who.clone(),
            requester: lease.requester.clone(),
            paid,
            burned,
            refunded,
        });
        freed.weight::<T>()
    }
}

/// Whether a machine's latest job is still to be attested.
fn is_working<T: Config>(machine: &Machine) -> bool {
    let job = machine.job.and_then(Jobs::<T>::get);
    job.is_some_and(|job| job.stage == Stage::Assigned)
}
