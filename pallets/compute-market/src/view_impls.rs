//! What the runtime API, the view functions and the other pallet read.

use crate::{judge::Judge, types::*, Config, Event, Jobs, Models, Pallet, Providers, Workers};
use alloc::{collections::BTreeSet, vec::Vec};
use frame_support::storage::StoragePrefixedMap;
use kagari_primitives::{
    worker_key::WorkerId, AccountId, Assignment, BlockNumber, HardwareClass, JobId, JobInfo,
    JobState, Manifest, ModelId, ModelShape, OfferInfo, ProviderInfo, Tier,
};
use sp_runtime::traits::BlockNumberProvider;

/// Most offers that are shown.
const MAX_SHOWN: usize = 256;

impl<T: Config> Pallet<T> {
    /// The jobs that are assigned to the provider of a worker key and lack an attestation.
    pub fn assignments(worker: &WorkerId) -> Vec<(WorkerId, Assignment)> {
        let Some(who) = Workers::<T>::get(worker) else {
            return Vec::new();
        };
        let Some(provider) = Providers::<T>::get(&who) else {
            return Vec::new();
        };
        Self::assigned_to(&who, &provider)
            .map(|(id, job)| (key_for(&job, worker), assignment_of::<T>(id, job)))
            .collect()
    }

    /// The jobs that are assigned to a provider and lack an attestation.
    pub(crate) fn assigned_to<'a>(
        who: &'a AccountId,
        provider: &Provider,
    ) -> impl Iterator<Item = (JobId, Job)> + 'a {
        let prefixes: BTreeSet<_> = provider.assigned.iter().copied().collect();
        let jobs = prefixes.into_iter().flat_map(jobs_that_begin::<T>);
        jobs.filter(move |(_, job)| job.provider == *who && job.stage == Stage::Assigned)
    }

    /// An assigned job, the shape of its model, the key that is to sign its attestation, and what it is a replica in,
    /// if it is one.
    pub fn assignment(job: JobId) -> Option<(Assignment, ModelShape, WorkerId, Option<Replica>)> {
        let record = Jobs::<T>::get(job).filter(|j| j.stage == Stage::Assigned)?;
        let worker = Providers::<T>::get(&record.provider)?.worker;
        let worker = key_for(&record, &worker);
        let (shape, replica) = (record.shape, record.replica.clone());
        Some((assignment_of::<T>(job, record), shape, worker, replica))
    }

    /// Whether a job is open, assigned or attested.
    pub fn is_open(job: JobId) -> bool {
        Jobs::<T>::contains_key(job)
    }

    /// An open job.
    pub fn job(id: JobId) -> Option<JobInfo> {
        Jobs::<T>::get(id).map(|job| info_of(id, job, state_of::<T>))
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

    /// The cheapest offers for a model that have room now, 256 at most, from the cheapest on; first those of the
    /// machines that compute exactly.
    pub fn offers(model: ModelId) -> Vec<OfferInfo> {
        let offer = |who: AccountId| {
            let provider = Providers::<T>::get(&who)?;
            provider
                .offer(&model)
                .map(|offer| offer_info(who.clone(), offer))
        };
        let classes = [HardwareClass::Exact, HardwareClass::Approximate];
        let standing = classes.into_iter().flat_map(|class| {
            let segment = Segment {
                model,
                class,
                region: None,
            };
            Self::standing(segment, Tier::New, 0)
        });
        let shown = standing.take(MAX_SHOWN);
        shown.filter_map(|(_, who)| offer(who)).collect()
    }

    /// A provider's work in the latest era in which a job of its was settled.
    pub fn era_work(who: &AccountId) -> Option<EraWork> {
        Providers::<T>::get(who).map(|provider| provider.era_work)
    }

    /// All providers.
    pub fn providers() -> Vec<ProviderInfo> {
        Providers::<T>::iter()
            .map(|(who, provider)| Self::provider_info(who, provider))
            .collect()
    }

    /// One provider.
    pub fn provider(who: AccountId) -> Option<ProviderInfo> {
        Providers::<T>::get(&who).map(|provider| Self::provider_info(who, provider))
    }

    fn provider_info(who: AccountId, provider: Provider) -> ProviderInfo {
        let now = T::BlockNumberProvider::current_block_number();
        let assigned = Self::assigned_to(&who, &provider).map(|(id, _)| id);
        ProviderInfo {
            assigned: assigned.collect(),
            offers: provider
                .offers
                .iter()
                .filter(|o| !o.is_withdrawn())
                .map(|o| offer_info(who.clone(), o))
                .collect(),
            provider: who,
            worker: provider.worker,
            bond: provider.bond,
            delegated: provider.delegated.stake,
            commission: provider.commission.map(|share| share.deconstruct()),
            exposure: provider.exposure,
            status: provider.status,
            hardware: provider.hardware,
            settled: provider.settled,
            failed: provider.failed,
            tier: provider.reputation.tier(now),
        }
    }
}

/// The open jobs whose ids begin so: one, but for whoever searched long for two. Their map has the ids
/// themselves for keys.
fn jobs_that_begin<T: Config>(prefix: JobPrefix) -> impl Iterator<Item = (JobId, Job)> {
    let map = Jobs::<T>::final_prefix();
    let begin: Vec<u8> = map.iter().chain(&prefix).copied().collect();
    let mut key = begin.clone();
    core::iter::from_fn(move || {
        key = sp_io::storage::next_key(&key).filter(|next| next.starts_with(&begin))?;
        let id = JobId::from_slice(key.get(map.len()..).filter(|id| id.len() == 32)?);
        Some((id, Jobs::<T>::get(id)?))
    })
}

fn assignment_of<T: Config>(id: JobId, job: Job) -> Assignment {
    Assignment {
        job: id,
        replica_of: gang_of(&job),
        deadline: deadline_of::<T>(&job),
        spec: job.spec,
        input_hash: job.input_hash,
        input_len: job.input_len,
        input_block: job.input_block,
        input_extrinsic: job.input_extrinsic,
        assignment_hash: job.assignment_hash,
        assigned_at: job.assigned_at,
    }
}

/// The key that is to attest a job: its provider's, or the one that has committed to it.
fn key_for(job: &Job, worker: &WorkerId) -> WorkerId {
    let replica = job.replica.as_ref();
    let committed = replica.and_then(|replica| replica.commitment.as_ref());
    committed
        .map_or(worker, |committed| &committed.worker)
        .clone()
}

/// The gang that a job is a replica in, if it is one.
fn gang_of(job: &Job) -> Option<JobId> {
    job.replica.as_ref().map(|replica| replica.gang)
}

/// Last block in which an attestation of an assigned job counts: extended by the blocks that could carry none.
fn deadline_of<T: Config>(job: &Job) -> BlockNumber {
    let missed = Pallet::<T>::missed().saturating_sub(job.missed);
    job.due.saturating_add(missed).saturating_sub(1)
}

fn state_of<T: Config>(job: &Job) -> JobState {
    let Stage::Attested(attestation) = job.stage else {
        return JobState::Assigned {
            deadline: deadline_of::<T>(job),
        };
    };
    // It stands at its attestation, or, if the verdict had to wait, where it is asked for again.
    let window_end = match job.due == attestation.block {
        true => job.due.saturating_add(T::Judge::window()),
        false => job.due,
    };
    JobState::Attested {
        window_end,
        attestation,
    }
}

/// A job as people and programs see it, in the state that `state` gives it.
pub(crate) fn info_of(id: JobId, job: Job, state: impl FnOnce(&Job) -> JobState) -> JobInfo {
    JobInfo {
        job: id,
        replica_of: gang_of(&job),
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
        attempts: (job.failers.len() as u8).saturating_add(1),
    }
}

fn offer_info(provider: AccountId, offer: &Offer) -> OfferInfo {
    OfferInfo {
        provider,
        model: offer.model,
        price: offer.price(),
        capacity: offer.capacity,
        in_use: offer.taken(),
    }
}
