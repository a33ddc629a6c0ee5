//! Jobs from their submission to their attestation.

use crate::{
    index_impls::Retier,
    match_impls::{chance_of, Match},
    payload_impls::Trailing,
    types::*,
    Config, Error, Event, HoldReason, Jobs, Pallet, PrepaidFee, Shapes, WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{ensure, traits::fungible::hold::Mutate as _, weights::Weight};
use kagari_primitives::{job::job_id, AccountId, Attestation, JobId, JobSpec, ModelShape, Word};
use sp_runtime::{traits::BlockNumberProvider, DispatchError, SaturatedConversion};

impl<T: Config> Pallet<T> {
    /// Gives what it weighed.
    pub(crate) fn do_submit_job(
        who: AccountId,
        spec: JobSpec,
        input: Vec<Word>,
    ) -> Result<Weight, DispatchError> {
        let (id, mut job, payload) = Self::new_job(&who, spec, &input)?;
        let found = Self::first_match(&job.spec, &job.shape, job.input_len, chance_of(&id))?;
        let Match {
            cleared,
            work,
            escrow,
            turned,
        } = found;
        let cannot_pay = |_| Error::<T>::CannotPayEscrow;
        let prepaid = T::PrepaidFee::fee(job.spec.task.most_output());
        Self::burn_fee(&who, prepaid).map_err(cannot_pay)?;
        T::Currency::hold(&HoldReason::Escrow.into(), &who, escrow).map_err(cannot_pay)?;
        job.escrow = escrow;
        Self::deposit_event(Event::JobSubmitted {
            job: id,
            requester: who,
            model: job.spec.model,
            escrow,
            prepaid,
        });
        let (input_len, examined) = (job.input_len, cleared.examined);
        let relisted = Self::assign(id, job, cleared, work)?;
        Self::index_payload(&payload);
        let weight = Self::weight_of_submitting(input_len, examined, turned);
        Ok(weight.saturating_add(relisted.weight::<T>()))
    }

    /// What a job weighs whose match examines so many offers, and turns so many pages for that. Two are examined as a
    /// rule: the winner, and the one that sets its price.
    pub(crate) fn weight_of_submitting(input_len: u32, examined: u32, turned: u32) -> Weight {
        let beyond = T::WeightInfo::examine_offers(examined.max(2))
            .saturating_sub(T::WeightInfo::examine_offers(2));
        T::WeightInfo::submit_job(input_len)
            .saturating_add(beyond)
            .saturating_add(T::WeightInfo::turn_page().saturating_mul(turned.into()))
    }

    /// Most that a job with so many words of input weighs, but for what its winner's offers then move about.
    pub(crate) fn most_for_submitting(input_len: u32) -> Weight {
        let examined = MAX_EXAMINED as u32;
        Self::weight_of_submitting(input_len, examined, examined)
    }

    /// A job that is well formed, and not assigned yet; with its id, and where its input stands.
    pub(crate) fn new_job(
        who: &AccountId,
        spec: JobSpec,
        input: &[Word],
    ) -> Result<(JobId, Job, Trailing), DispatchError> {
        let shape = Self::shape_of(&spec)?;
        Self::check_job(&spec, &shape, input)?;
        let payload = Self::ensure_trailing(input)?;
        let now = T::BlockNumberProvider::current_block_number();
        let nonce = frame_system::Pallet::<T>::account_nonce(who).saturated_into();
        let id = job_id(who, nonce, now, payload.hash);
        ensure!(!Jobs::<T>::contains_key(id), Error::<T>::DuplicateJob);
        let job = Job {
            requester: who.clone(),
            // Nobody's yet.
            provider: who.clone(),
            spec,
            shape,
            price: 0,
            escrow: 0,
            exposure: 0,
            input_hash: payload.hash,
            input_len: input.len() as u32,
            input_block: now,
            input_extrinsic: payload.extrinsic,
            assignment_hash: Default::default(),
            assigned_at: now,
            failers: Failers::default(),
            due: now,
            missed: 0,
            lease: None,
            stage: Stage::Assigned,
        };
        Ok((id, job, payload))
    }

    /// Takes the attestation of an assigned job, which has been checked. The output is what the extrinsic ends
    /// with. Gives what moving offers has weighed.
    pub fn attest(attestation: &Attestation, output: &[Word]) -> Result<Weight, DispatchError> {
        let id = attestation.job;
        let mut job = Jobs::<T>::get(id).ok_or(DispatchError::CannotLookup)?;
        ensure!(job.stage == Stage::Assigned, DispatchError::CannotLookup);
        let payload = Self::ensure_trailing(output)?;
        let ((), relisted) = Self::free_place(id, &job, Retier::Later, |_| ())?;
        let now = T::BlockNumberProvider::current_block_number();
        job.due = now;
        Self::enqueue(id, job.due);
        job.stage = Stage::Attested(kagari_primitives::attestation::AttestationRecord {
            output_hash: payload.hash,
            output_len: output.len() as u32,
            stop: attestation.stop,
            trace_root: attestation.trace_root,
            block: now,
            extrinsic: payload.extrinsic,
        });
        Self::deposit_event(Event::JobAttested {
            job: id,
            provider: job.provider.clone(),
            output_hash: payload.hash,
        });
        Jobs::<T>::insert(id, job);
        Self::index_payload(&payload);
        Ok(relisted.weight::<T>())
    }

    /// Shape of the model that a job is for.
    pub(crate) fn shape_of(spec: &JobSpec) -> Result<ModelShape, Error<T>> {
        Shapes::<T>::get(spec.model).ok_or(Error::<T>::UnknownModel)
    }
}
