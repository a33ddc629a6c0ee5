//! What the runtime API, the view functions and the other pallet read.

use crate::{types::*, Book, Config, Event, Jobs, Models, Pallet, Providers, Workers};
use alloc::vec::Vec;
use kagari_primitives::{
    worker_key::WorkerId, AccountId, Assignment, BlockNumber, JobId, JobInfo, JobState, Manifest,
    ModelId, OfferInfo, ProviderInfo,
};

impl<T: Config> Pallet<T> {
    /// The jobs that are assigned to the provider of a worker key and lack an attestation.
    pub fn assignments(worker: &WorkerId) -> Vec<Assignment> {
        let provider = Workers::<T>::get(worker).and_then(Providers::<T>::get);
        let ids = provider.into_iter().flat_map(|p| p.assigned);
        ids.filter_map(|id| Some(assignment_of(id, Jobs::<T>::get(id)?)))
            .collect()
    }

    /// An assigned job and the key that is to sign its attestation.
    pub fn assignment(job: JobId) -> Option<(Assignment, WorkerId)> {
        let record = Jobs::<T>::get(job).filter(|j| j.stage == Stage::Assigned)?;
        let worker = Providers::<T>::get(&record.provider)?.worker;
        Some((assignment_of(job, record), worker))
    }

    /// Whether a job is open, assigned or attested.
    pub fn is_open(job: JobId) -> bool {
        Jobs::<T>::contains_key(job)
    }

    /// An open job.
    pub fn job(id: JobId) -> Option<JobInfo> {
        Jobs::<T>::get(id).map(|job| info_of(id, job, state_of))
    }

    /// The jobs that ended in the present block.
    pub fn ended_jobs() -> Vec<JobInfo>
    where
        <T as frame_system::Config>::RuntimeEvent: TryInto<Event<T>>,
    {
        let events = frame_system::Pallet::<T>::read_events_no_consensus();
        events
            .filter_map(|record| match record.event.try_into() {
                Ok(Event::JobClosed { info }) => Some(*info),
                _ => None,
            })
            .collect()
    }

    /// The registered models.
    pub fn models() -> Vec<(ModelId, Manifest)> {
        Models::<T>::iter()
            .map(|(id, model)| (id, model.manifest))
            .collect()
    }

    /// One model's manifest.
    pub fn model(id: ModelId) -> Option<Manifest> {
        Models::<T>::get(id).map(|model| model.manifest)
    }

    /// The offers for a model that have room now, cheapest first.
    pub fn offers(model: ModelId) -> Vec<OfferInfo> {
        let listed = Book::<T>::get(model).into_iter();
        let offer = |who: AccountId| {
            let provider = Providers::<T>::get(&who)?;
            provider
                .offer(&model)
                .map(|offer| offer_info(who.clone(), offer))
        };
        listed
            .filter_map(|listing| offer(listing.provider))
            .collect()
    }

    /// All providers.
    pub fn providers() -> Vec<ProviderInfo> {
        Providers::<T>::iter()
            .map(|(who, provider)| provider_info(who, provider))
            .collect()
    }

    /// One provider.
    pub fn provider(who: AccountId) -> Option<ProviderInfo> {
        Providers::<T>::get(&who).map(|provider| provider_info(who, provider))
    }
}

fn assignment_of(id: JobId, job: Job) -> Assignment {
    Assignment {
        job: id,
        deadline: deadline_of(&job),
        spec: job.spec,
        input_hash: job.input_hash,
        input_len: job.input_len,
        input_block: job.input_block,
        input_extrinsic: job.input_extrinsic,
        assignment_hash: job.assignment_hash,
        assigned_at: job.assigned_at,
    }
}

/// Last block in which an attestation of an assigned job counts.
fn deadline_of(job: &Job) -> BlockNumber {
    job.due.block.saturating_sub(1)
}

fn state_of(job: &Job) -> JobState {
    match &job.stage {
        Stage::Assigned => JobState::Assigned {
            deadline: deadline_of(job),
        },
        Stage::Attested(attestation) => JobState::Attested {
            window_end: job.due.block,
            attestation: *attestation,
        },
    }
}

/// A job as people and programs see it, in the state that `state` gives it.
pub(crate) fn info_of(id: JobId, job: Job, state: impl FnOnce(&Job) -> JobState) -> JobInfo {
    JobInfo {
        job: id,
        state: state(&job),
        requester: job.requester,
        provider: job.provider,
        spec: job.spec,
        price: job.price,
        escrow: job.escrow,
        input_hash: job.input_hash,
        input_len: job.input_len,
        input_block: job.input_block,
        input_extrinsic: job.input_extrinsic,
        assigned_at: job.assigned_at,
        attempts: job.attempts,
    }
}

fn offer_info(provider: AccountId, offer: &Offer) -> OfferInfo {
    OfferInfo {
        provider,
        model: offer.model,
        price: offer.price,
        capacity: offer.capacity,
        in_use: offer.in_use,
    }
}

fn provider_info(who: AccountId, provider: Provider) -> ProviderInfo {
    ProviderInfo {
        offers: provider
            .offers
            .iter()
            .filter(|o| !o.is_withdrawn())
            .map(|o| offer_info(who.clone(), o))
            .collect(),
        provider: who,
        worker: provider.worker,
        bond: provider.bond,
        exposure: provider.exposure,
        status: provider.status,
        hardware: provider.hardware,
        assigned: provider.assigned.into_inner(),
        settled: provider.settled,
        failed: provider.failed,
    }
}
