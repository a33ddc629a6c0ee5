//! Jobs up to their attestation: submission, the match, timing out and assignment anew.

use crate::{
    clearing::{clear, Cleared, NoMatch},
    types::*,
    Book, Config, Error, Event, HoldReason, Jobs, Models, Pallet, Providers,
};
use alloc::vec::Vec;
use frame_support::{
    ensure,
    traits::{fungible::hold::Mutate as _, Defensive},
};
use kagari_primitives::{
    job::{assignment_hash, job_id},
    price_of, AccountId, Attestation, Balance, BlockNumber, JobId, JobSpec, ModelShape, Task, Word,
    Work,
};
use sp_runtime::{traits::BlockNumberProvider, DispatchError, DispatchResult, SaturatedConversion};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_submit_job(who: AccountId, spec: JobSpec, input: Vec<Word>) -> DispatchResult {
        let shape = Models::<T>::get(spec.model)
            .ok_or(Error::<T>::UnknownModel)?
            .manifest
            .shape;
        Self::check_job(&spec, &shape, &input)?;
        let payload = Self::ensure_trailing(&input)?;
        let now = T::BlockNumberProvider::current_block_number();
        let nonce = frame_system::Pallet::<T>::account_nonce(&who).saturated_into();
        let id = job_id(&who, nonce, now, payload.hash);
        ensure!(!Jobs::<T>::contains_key(id), Error::<T>::DuplicateJob);

        let input_len = input.len() as u32;
        let work = most_work(&spec.task, &shape, input_len);
        let cleared = Self::find_match(&spec, work, None)?;
        let escrow = price_of(cleared.price, work);
        ensure!(escrow <= spec.max_price, Error::<T>::MaxPriceTooLow);
        T::Currency::hold(&HoldReason::Escrow.into(), &who, escrow)
            .map_err(|_| Error::<T>::CannotPayEscrow)?;

        Self::deposit_event(Event::JobSubmitted {
            job: id,
            requester: who.clone(),
            model: spec.model,
            escrow,
        });
        let job = Job {
            requester: who,
            provider: cleared.winner.clone(),
            spec,
            price: cleared.price,
            escrow,
            exposure: 0,
            input_hash: payload.hash,
            input_len,
            input_block: now,
            input_extrinsic: payload.extrinsic,
            assignment_hash: Default::default(),
            assigned_at: now,
            attempts: 0,
            due: Due::default(),
            stage: Stage::Assigned,
        };
        Self::assign(id, job, cleared, work)?;
        Self::index_payload(&payload);
        Ok(())
    }

    /// Finds the provider of a job among the offers that have room, but not `except`.
    fn find_match(
        spec: &JobSpec,
        work: Work,
        except: Option<&AccountId>,
    ) -> Result<Cleared<AccountId>, Error<T>> {
        let book = Book::<T>::get(spec.model);
        let offers = book
            .iter()
            .filter(|l| Some(&l.provider) != except)
            .map(|l| (l.price, &l.provider));
        let is_eligible = |price, provider: &AccountId| {
            let value = price_of(price, work);
            Providers::<T>::get(provider).is_some_and(|p| p.has_headroom(value))
        };
        clear(offers, MAX_EXAMINED, is_eligible).map_err(|no_match| match no_match {
            NoMatch::NoOffer => Error::<T>::NoOffer,
            NoMatch::NoneEligible => Error::<T>::NoOfferInReach,
        })
    }

    /// Assigns a job to the winner of a clearing, and keeps it.
    fn assign(id: JobId, mut job: Job, cleared: Cleared<AccountId>, work: Work) -> DispatchResult {
        let exposure = price_of(cleared.asked, work);
        Self::try_change_provider(&cleared.winner, |provider| {
            Self::take_place(id, &cleared.winner, provider, &job, exposure)
        })?;
        let now = T::BlockNumberProvider::current_block_number();
        let deadline = now.saturating_add(job.spec.deadline);
        job.provider = cleared.winner;
        job.price = cleared.price;
        job.exposure = exposure;
        job.assigned_at = now;
        job.attempts = job.attempts.saturating_add(1);
        job.assignment_hash = assignment_hash(
            id,
            &job.spec,
            job.input_hash,
            &job.provider,
            now,
            frame_system::Pallet::<T>::parent_hash(),
        );
        // An attestation still counts in the block of the deadline.
        job.due = Self::enqueue(id, deadline.saturating_add(1));
        job.stage = Stage::Assigned;
        Self::deposit_event(Event::JobAssigned {
            job: id,
            provider: job.provider.clone(),
            price: job.price,
            deadline,
        });
        Jobs::<T>::insert(id, job);
        Ok(())
    }

    fn take_place(
        id: JobId,
        who: &AccountId,
        provider: &mut Provider,
        job: &Job,
        exposure: Balance,
    ) -> DispatchResult {
        Self::relist(who, provider, &job.spec.model, |provider| {
            provider.exposure = provider.exposure.saturating_add(exposure);
            provider
                .assigned
                .try_push(id)
                .map_err(|_| Error::<T>::NoOffer)?;
            let offer = provider
                .offer_mut(&job.spec.model)
                .ok_or(Error::<T>::NoOffer)?;
            offer.in_use = offer.in_use.saturating_add(1);
            Ok(())
        })
    }

    /// Frees the place that an assigned job takes up; its exposure stays.
    fn free_place(id: JobId, job: &Job, change: impl FnOnce(&mut Provider)) -> DispatchResult {
        let model = &job.spec.model;
        Self::try_change_provider(&job.provider, |provider| {
            Self::relist(&job.provider, provider, model, |provider| {
                provider.assigned.retain(|j| *j != id);
                if let Some(offer) = provider.offer_mut(model) {
                    offer.in_use = offer.in_use.saturating_sub(1);
                }
                provider.drop_idle_offers();
                change(provider);
            });
            Ok(())
        })
    }

    /// Takes the attestation of an assigned job, which has been checked, and has it judged at
    /// `window_end`. The output is what the extrinsic ends with.
    pub fn attest(
        attestation: &Attestation,
        output: &[Word],
        window_end: BlockNumber,
    ) -> DispatchResult {
        let id = attestation.job;
        let mut job = Jobs::<T>::get(id).ok_or(DispatchError::CannotLookup)?;
        ensure!(job.stage == Stage::Assigned, DispatchError::CannotLookup);
        let payload = Self::ensure_trailing(output)?;
        Self::free_place(id, &job, |_| ())?;
        Self::dequeue(job.due);
        // What is due in this block or before has been served.
        let now = T::BlockNumberProvider::current_block_number();
        job.due = Self::enqueue(id, window_end.max(now.saturating_add(1)));
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
            window_end: job.due.block,
        });
        Jobs::<T>::insert(id, job);
        Self::index_payload(&payload);
        Ok(())
    }

    /// An assigned job was not attested in time: it goes to the next offer within the same escrow, or
    /// its requester is refunded.
    pub(crate) fn time_out_job(id: JobId, job: Job) {
        Self::free_place(id, &job, |provider| {
            provider.exposure = provider.exposure.saturating_sub(job.exposure);
            provider.failed = provider.failed.saturating_add(1);
        })
        .defensive_unwrap_or_default();
        Self::deposit_event(Event::JobTimedOut {
            job: id,
            provider: job.provider.clone(),
        });
        if !Self::assign_anew(id, &job) {
            Self::refund_job(id, job);
        }
    }

    fn assign_anew(id: JobId, job: &Job) -> bool {
        if job.attempts >= MAX_ATTEMPTS {
            return false;
        }
        let Some(model) = Models::<T>::get(job.spec.model) else {
            return false;
        };
        let work = most_work(&job.spec.task, &model.manifest.shape, job.input_len);
        let Ok(mut cleared) = Self::find_match(&job.spec, work, Some(&job.provider)) else {
            return false;
        };
        // The escrow holds the price that was matched first: whoever asks no more is paid no more.
        if cleared.asked > job.price {
            return false;
        }
        cleared.price = cleared.price.min(job.price);
        frame_support::storage::with_storage_layer(|| Self::assign(id, job.clone(), cleared, work))
            .is_ok()
    }
}

/// The most work that a job can turn out to be, for which the escrow is held.
pub(crate) fn most_work(task: &Task, shape: &ModelShape, input_len: u32) -> Work {
    match task {
        Task::Completion { max_new_tokens, .. } => shape.work(input_len, *max_new_tokens),
        Task::Embedding => shape.work(input_len, 0),
    }
}
