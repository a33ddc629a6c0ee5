//! Replicas: jobs that compute the same, each at another provider. All of them are assigned, or none; each provider
//! commits to its result before any is revealed.

use crate::{
    clearing::Cleared,
    gang::{result_hash, Gang, GangJobs, REVEAL_PERIOD},
    match_impls::Match,
    types::*,
    Config, Error, Event, Gangs, Jobs, Pallet, Providers, WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{
    ensure,
    traits::{Defensive, Get},
    weights::Weight,
};
use kagari_primitives::{
    attestation::AttestationRecord,
    job::{gang_id, replica_id},
    AccountId, BlockNumber, Hash, JobId,
};
use sp_runtime::{traits::BlockNumberProvider, DispatchError, DispatchResult};

/// How an attested job stands to the results of the others of its gang.
pub(crate) enum Agreement {
    /// Some may still come up to this block.
    Awaited(BlockNumber),
    /// More than half are the same, and it is one of them.
    Agrees,
    /// It is not.
    Differs {
        /// The gang.
        gang: JobId,
        /// If more than half are the same, words of the longest output of all.
        outvoted: Option<u32>,
    },
}

impl<T: Config> Pallet<T> {
    /// Accepts and assigns the replicas of a job for which providers were found. Gives what it weighed.
    pub(crate) fn submit_replicas(
        single: JobId,
        job: Job,
        found: Match,
    ) -> Result<Weight, DispatchError> {
        let gang = gang_id(single);
        ensure!(!Gangs::<T>::contains_key(gang), Error::<T>::DuplicateJob);
        let Cleared { winners, price, .. } = found.cleared;
        let count = winners.len() as u8;
        let jobs: Vec<_> = (0..count).map(|index| replica_id(gang, index)).collect();
        let jobs = GangJobs::try_from(jobs).map_err(|_| Error::<T>::WrongReplicas)?;
        Self::deposit_event(Event::ReplicasSubmitted {
            gang,
            jobs: jobs.to_vec(),
        });
        Gangs::<T>::insert(gang, Gang::new(jobs.clone()));
        let mut weight = Self::weight_of_replicas(job.input_len, count, found.turned);
        for (id, (_, winner)) in jobs.into_iter().zip(winners) {
            let mut job = job.clone();
            job.replica = Some(Replica {
                gang,
                commitment: None,
                may_reveal: false,
            });
            Self::accept(id, &mut job, found.escrow)?;
            let relisted = Self::assign(id, job, winner, price, found.work)?;
            weight = weight.saturating_add(relisted.weight::<T>());
        }
        Ok(weight)
    }

    /// Takes the commitment of a replica's provider, which has been checked.
    pub fn commit(id: JobId, hash: Hash) -> DispatchResult {
        let mut job = Jobs::<T>::get(id).ok_or(DispatchError::CannotLookup)?;
        ensure!(
            job.stage == Stage::Assigned && !job.has_committed(),
            DispatchError::CannotLookup
        );
        let replica = job.replica.as_mut().ok_or(DispatchError::CannotLookup)?;
        let gang_id = replica.gang;
        let mut gang = Gangs::<T>::get(gang_id).ok_or(DispatchError::CannotLookup)?;
        let provider = Providers::<T>::get(&job.provider).ok_or(DispatchError::CannotLookup)?;
        let worker = provider.worker;
        replica.commitment = Some(Commitment { hash, worker });
        Jobs::<T>::insert(id, job);
        if gang.commit() {
            Self::open_reveals(gang_id, &mut gang);
        }
        Gangs::<T>::insert(gang_id, gang);
        Ok(())
    }

    /// All of a gang have committed: they are to reveal what they have committed to.
    fn open_reveals(id: JobId, gang: &mut Gang) {
        let now = T::BlockNumberProvider::current_block_number();
        gang.reveal_until = now.saturating_add(REVEAL_PERIOD);
        // An attestation still counts in the block of the deadline. Where they were due before is passed over.
        let due = gang.reveal_until.saturating_add(1);
        for job_id in &gang.jobs {
            Jobs::<T>::mutate(job_id, |job| {
                if let Some(job) = job {
                    job.due = due;
                    job.missed = Self::missed();
                    if let Some(replica) = job.replica.as_mut() {
                        replica.may_reveal = true;
                    }
                }
            });
            Self::enqueue(*job_id, due);
        }
        Self::deposit_event(Event::RevealsOpened {
            gang: id,
            until: gang.reveal_until,
        });
    }

    /// Compares what is attested with what others of the gang have attested, if it is a replica that may be. Gives
    /// what that weighed.
    pub(crate) fn reveal(job: &Job, record: &AttestationRecord) -> Result<Weight, DispatchError> {
        let Some(replica) = &job.replica else {
            return Ok(Weight::zero());
        };
        ensure!(replica.may_reveal, DispatchError::CannotLookup);
        Gangs::<T>::mutate(replica.gang, |gang| {
            let gang = gang.as_mut().ok_or(DispatchError::CannotLookup)?;
            gang.reveal(result_hash(record), record.output_len);
            Ok(Self::weight_of_revealing())
        })
    }

    /// What attesting a replica weighs more than attesting another job.
    pub fn weight_of_revealing() -> Weight {
        T::DbWeight::get().reads_writes(1, 1)
    }

    /// How an attested job stands to the others of its gang. Alone it agrees with itself.
    pub(crate) fn agreement(job: &Job, record: &AttestationRecord) -> Agreement {
        let Some(replica) = &job.replica else {
            return Agreement::Agrees;
        };
        let Some(gang) = Gangs::<T>::get(replica.gang).defensive() else {
            return Agreement::Agrees;
        };
        if gang.unrevealed > 0 {
            return Agreement::Awaited(gang.reveal_until);
        }
        match gang.agreed() {
            Some(result) if result == result_hash(record) => Agreement::Agrees,
            other => Agreement::Differs {
                gang: replica.gang,
                outvoted: other.map(|_| gang.longest),
            },
        }
    }

    /// A job has ended, and leaves the gang that it is in, if it is.
    pub(crate) fn leave_gang(id: JobId, job: &Job) {
        let Some(replica) = &job.replica else {
            return;
        };
        let Some(mut gang) = Gangs::<T>::get(replica.gang).defensive() else {
            return;
        };
        let is_attested = job.stage != Stage::Assigned;
        if gang.leave(id, job.has_committed(), is_attested) {
            Self::open_reveals(replica.gang, &mut gang);
        }
        match gang.jobs.is_empty() {
            true => Gangs::<T>::remove(replica.gang),
            false => Gangs::<T>::insert(replica.gang, gang),
        }
    }

    /// What the end of a job, or another match for it, weighs by the gang that it is in, if it is.
    pub(crate) fn weight_of_leaving(job: &Job) -> Weight {
        match job.replica {
            Some(_) => T::WeightInfo::leave_gang(),
            None => Weight::zero(),
        }
    }

    /// Whom a job can't go to as they have another replica of its gang; `None` if it can go to nobody, as some of the
    /// gang have committed: they are not to wait for yet another attempt.
    pub(crate) fn providers_in_gang(job: &Job) -> Option<Vec<AccountId>> {
        let gang = job.replica.as_ref().map(|replica| replica.gang);
        let jobs = gang.and_then(Gangs::<T>::get).map(|gang| gang.jobs);
        let jobs = jobs.into_iter().flatten().filter_map(Jobs::<T>::get);
        jobs.map(|job| (!job.has_committed()).then_some(job.provider))
            .collect()
    }

    /// A replica that is committed to is not late because others are not: it is due again later. Gives what it
    /// weighed.
    pub(crate) fn wait_for_commitments(id: JobId, mut job: Job) -> Weight {
        let now = T::BlockNumberProvider::current_block_number();
        let due = now.saturating_add(job.spec.deadline).saturating_add(1);
        job.missed = Self::missed();
        Self::put_off(id, job, due);
        T::WeightInfo::serve_queue_passed().saturating_add(T::DbWeight::get().reads_writes(1, 2))
    }
}
