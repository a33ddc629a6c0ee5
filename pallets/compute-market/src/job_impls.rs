//! Jobs from their submission to their attestation.

use crate::{
    match_impls::{chance_of, Match},
    types::*,
    Config, Error, Event, HoldReason, Jobs, Models, Pallet, PrepaidFee, WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{
    ensure,
    traits::{
        fungible::{hold::Mutate as _, Mutate as _},
        tokens::{Fortitude, Precision, Preservation},
    },
    weights::Weight,
};
use kagari_primitives::{job::job_id, AccountId, Attestation, Balance, JobSpec, ModelShape, Word};
use sp_runtime::{traits::BlockNumberProvider, DispatchError, DispatchResult, SaturatedConversion};

impl<T: Config> Pallet<T> {
    /// Gives what it weighed.
    pub(crate) fn do_submit_job(
        who: AccountId,
        spec: JobSpec,
        input: Vec<Word>,
    ) -> Result<Weight, DispatchError> {
        let shape = Self::shape_of(&spec)?;
        Self::check_job(&spec, &shape, &input)?;
        let payload = Self::ensure_trailing(&input)?;
        let now = T::BlockNumberProvider::current_block_number();
        let nonce = frame_system::Pallet::<T>::account_nonce(&who).saturated_into();
        let id = job_id(&who, nonce, now, payload.hash);
        ensure!(!Jobs::<T>::contains_key(id), Error::<T>::DuplicateJob);

        let input_len = input.len() as u32;
        let found = Self::first_match(&spec, &shape, input_len, chance_of(&id))?;
        let Match {
            cleared,
            work,
            escrow,
        } = found;
        let prepaid = T::PrepaidFee::fee(spec.task.most_output());
        Self::take_payment(&who, escrow, prepaid).map_err(|_| Error::<T>::CannotPayEscrow)?;

        Self::deposit_event(Event::JobSubmitted {
            job: id,
            requester: who.clone(),
            model: spec.model,
            escrow,
            prepaid,
        });
        let job = Job {
            requester: who,
            provider: cleared.winner.clone(),
            spec,
            shape,
            price: cleared.price,
            escrow,
            exposure: 0,
            input_hash: payload.hash,
            input_len,
            input_block: now,
            input_extrinsic: payload.extrinsic,
            assignment_hash: Default::default(),
            assigned_at: now,
            failers: Failers::default(),
            due: now,
            stage: Stage::Assigned,
        };
        let examined = cleared.examined;
        let relisted = Self::assign(id, job, cleared, work)?;
        Self::index_payload(&payload);
        let weight = T::WeightInfo::submit_job(input_len, examined);
        Ok(weight.saturating_add(relisted.weight::<T>()))
    }

    /// Burns what a job's requester prepays, and holds the escrow.
    fn take_payment(who: &AccountId, escrow: Balance, prepaid: Balance) -> DispatchResult {
        T::Currency::burn_from(
            who,
            prepaid,
            Preservation::Preserve,
            Precision::Exact,
            Fortitude::Polite,
        )?;
        T::Currency::hold(&HoldReason::Escrow.into(), who, escrow)
    }

    /// Takes the attestation of an assigned job, which has been checked. The output is what the extrinsic ends
    /// with. Gives what moving offers has weighed.
    pub fn attest(attestation: &Attestation, output: &[Word]) -> Result<Weight, DispatchError> {
        let id = attestation.job;
        let mut job = Jobs::<T>::get(id).ok_or(DispatchError::CannotLookup)?;
        ensure!(job.stage == Stage::Assigned, DispatchError::CannotLookup);
        let payload = Self::ensure_trailing(output)?;
        let relisted = Self::free_place(id, &job, |_| ())?;
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
        let model = Models::<T>::get(spec.model).ok_or(Error::<T>::UnknownModel)?;
        Ok(model.manifest.shape)
    }
}
