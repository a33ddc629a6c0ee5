//! Jobs from their submission to their attestation.

use crate::{
    clearing::Cleared,
    index_impls::Retier,
    match_impls::{chance_of, Match},
    payload_impls::Trailing,
    types::*,
    Config, Error, Event, HoldReason, Jobs, Pallet, PrepaidFee, Shapes, WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{ensure, traits::fungible::hold::Mutate as _, weights::Weight};
use kagari_primitives::{
    attestation::AttestationRecord, job::job_id, AccountId, Attestation, Balance, JobId, JobSpec,
    ModelShape, Word, MAX_REPLICAS,
};
use sp_runtime::{traits::BlockNumberProvider, DispatchError, SaturatedConversion};

impl<T: Config> Pallet<T> {
    /// Gives what it weighed.
    pub(crate) fn do_submit_job(
        who: AccountId,
        spec: JobSpec,
        input: Vec<Word>,
    ) -> Result<Weight, DispatchError> {
        let (id, job, payload) = Self::new_job(&who, spec, &input)?;
        let found = Self::first_match(&job.spec, &job.shape, job.input_len, chance_of(&id))?;
        let weight = match job.spec.replicas {
            0 | 1 => Self::submit_single(id, job, found)?,
            _ => Self::submit_replicas(id, job, found)?,
        };
        Self::index_payload(&payload);
        Ok(weight)
    }

    /// Accepts and assigns a job for which a provider was found. Gives what it weighed.
    fn submit_single(id: JobId, mut job: Job, found: Match) -> Result<Weight, DispatchError> {
        let Cleared {
            winners,
            price,
            examined,
        } = found.cleared;
        let (_, winner) = winners.into_iter().next().ok_or(Error::<T>::NoOffer)?;
        Self::accept(id, &mut job, found.escrow)?;
        let weight = Self::weight_of_submitting(job.input_len, examined, found.turned);
        let relisted = Self::assign(id, job, winner, price, found.work)?;
        Ok(weight.saturating_add(relisted.weight::<T>()))
    }

    /// Burns what is prepaid for a job, holds its escrow, and tells that it is accepted.
    pub(crate) fn accept(id: JobId, job: &mut Job, escrow: Balance) -> Result<(), Error<T>> {
        let cannot_pay = |_| Error::<T>::CannotPayEscrow;
        let who = &job.requester;
        let prepaid = Self::prepaid_for(&job.spec);
        Self::burn_fee(who, prepaid).map_err(cannot_pay)?;
        T::Currency::hold(&HoldReason::Escrow.into(), who, escrow).map_err(cannot_pay)?;
        job.escrow = escrow;
        Self::deposit_event(Event::JobSubmitted {
            job: id,
            requester: job.requester.clone(),
            model: job.spec.model,
            escrow,
            prepaid,
        });
        Ok(())
    }

    /// What the requester of a job prepays: the fees of what others send for it.
    pub(crate) fn prepaid_for(spec: &JobSpec) -> Balance {
        let fee = T::PrepaidFee::fee(spec.task.most_output());
        match spec.replicas {
            0 | 1 => fee,
            _ => fee.saturating_add(T::PrepaidFee::commit_fee()),
        }
    }

    /// What a job weighs at most that is refused: its match examines as many offers as it can, each on a page of its
    /// own. The last of several replicas can be refused when the others are assigned already.
    pub(crate) fn weight_of_trying(spec: &JobSpec, input_len: u32) -> Weight {
        let examined = MAX_EXAMINED as u32;
        match spec.replicas {
            0 | 1 => Self::weight_of_submitting(input_len, examined, examined),
            _ => Self::most_for_submitting(spec, input_len),
        }
    }

    /// What so many replicas weigh whose match turns so many pages, but for what their winners' offers then move about.
    pub(crate) fn weight_of_replicas(input_len: u32, replicas: u8, turned: u32) -> Weight {
        T::WeightInfo::submit_replicas(input_len, replicas.into())
            .saturating_add(T::WeightInfo::turn_page().saturating_mul(turned.into()))
    }

    /// What a job weighs at most: every provider that it goes to leaves the index with all its offers.
    pub(crate) fn most_for_submitting(spec: &JobSpec, input_len: u32) -> Weight {
        let examined = MAX_EXAMINED as u32;
        let providers = spec.replicas.clamp(1, MAX_REPLICAS);
        let submitted = match providers {
            1 => Self::weight_of_submitting(input_len, examined, examined),
            replicas => Self::weight_of_replicas(input_len, replicas, examined),
        };
        let delisted = T::WeightInfo::delist_offers(MAX_PLACES).saturating_mul(providers.into());
        submitted.saturating_add(delisted)
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
            replica: None,
            stage: Stage::Assigned,
        };
        Ok((id, job, payload))
    }

    /// Takes the attestation of an assigned job, which has been checked. The output is what the extrinsic ends
    /// with. Gives what moving offers, and the gang of a replica, have weighed.
    pub fn attest(attestation: &Attestation, output: &[Word]) -> Result<Weight, DispatchError> {
        let id = attestation.job;
        let mut job = Jobs::<T>::get(id).ok_or(DispatchError::CannotLookup)?;
        ensure!(job.stage == Stage::Assigned, DispatchError::CannotLookup);
        let payload = Self::ensure_trailing(output)?;
        let now = T::BlockNumberProvider::current_block_number();
        let record = AttestationRecord {
            output_hash: payload.hash,
            output_len: output.len() as u32,
            stop: attestation.stop,
            trace_root: attestation.trace_root,
            block: now,
            extrinsic: payload.extrinsic,
        };
        let revealed = Self::reveal(&job, &record)?;
        let ((), relisted) = Self::free_place(id, &job, Retier::Later, |_| ())?;
        job.due = now;
        Self::enqueue(id, job.due);
        job.stage = Stage::Attested(record);
        Self::deposit_event(Event::JobAttested {
            job: id,
            provider: job.provider.clone(),
            output_hash: payload.hash,
        });
        Jobs::<T>::insert(id, job);
        Self::index_payload(&payload);
        Ok(relisted.weight::<T>().saturating_add(revealed))
    }

    /// Shape of the model that a job is for.
    pub(crate) fn shape_of(spec: &JobSpec) -> Result<ModelShape, Error<T>> {
        Shapes::<T>::get(spec.model).ok_or(Error::<T>::UnknownModel)
    }
}
