//! The match: which offer gets a job, and at what price.

use crate::{
    clearing::{clear, Cleared, NoMatch},
    index_impls::{Relisted, Retier},
    types::*,
    Config, Error, Event, Jobs, Pallet, Providers,
};
use frame_support::ensure;
use kagari_primitives::{
    job::assignment_hash, price_of, AccountId, Balance, JobId, JobSpec, ModelShape, Quote, Work,
};
use sp_runtime::{traits::BlockNumberProvider, DispatchError};

/// The match of a job.
pub(crate) struct Match {
    /// Who won, and at what price: one provider, or as many as there are to be replicas.
    pub cleared: Cleared<AccountId>,
    /// The most work that the job can turn out to be.
    pub work: Work,
    /// Most that it can cost at each of them.
    pub escrow: Balance,
    /// Pages of the index that were read besides the first one at each price.
    pub turned: u32,
}

impl<T: Config> Pallet<T> {
    /// The match that a job with so many words of input would find now.
    pub fn quote(spec: &JobSpec, input_len: u32) -> Result<Quote, Error<T>> {
        let shape = Self::shape_of(spec)?;
        Self::check_spec(spec, &shape, input_len)?;
        let found = Self::first_match(spec, &shape, input_len, 0)?;
        let Cleared { winners, price, .. } = found.cleared;
        let count = winners.len() as Balance;
        let (asked, provider) = winners.into_iter().next().ok_or(Error::<T>::NoOffer)?;
        Ok(Quote {
            provider,
            asked,
            price,
            work: found.work,
            escrow: found.escrow.saturating_mul(count),
        })
    }

    /// Finds the match of a job that nobody has failed yet, if it may cost so much, with all its replicas.
    pub(crate) fn first_match(
        spec: &JobSpec,
        shape: &ModelShape,
        input_len: u32,
        chance: u64,
    ) -> Result<Match, Error<T>> {
        let work = spec.task.most_work(shape, input_len);
        let wanted = spec.replicas.max(1);
        let (cleared, turned) = Self::find_match(spec, work, &[], chance, wanted)?;
        let escrow = price_of(cleared.price, work);
        let together = escrow.saturating_mul(wanted.into());
        ensure!(together <= spec.max_price, Error::<T>::MaxPriceTooLow);
        Ok(Match {
            cleared,
            work,
            escrow,
            turned,
        })
    }

    /// Finds as many providers for a job as are `wanted` among the offers that have room, but none of `excluded`. Also
    /// says how many pages it took besides the first one at each price.
    fn find_match(
        spec: &JobSpec,
        work: Work,
        excluded: &[AccountId],
        chance: u64,
        wanted: u8,
    ) -> Result<(Cleared<AccountId>, u32), Error<T>> {
        let is_eligible = |price, who: &AccountId| {
            let value = price_of(price, work);
            let can_take = |provider| Self::can_take(&provider, value, spec.min_tier);
            !excluded.contains(who) && Providers::<T>::get(who).is_some_and(can_take)
        };
        let mut offers = Self::standing(segment_of(spec), spec.min_tier, chance);
        let cleared = clear(offers.by_ref(), MAX_EXAMINED, wanted.into(), is_eligible);
        cleared
            .map(|cleared| (cleared, offers.turned))
            .map_err(|no_match| match no_match {
                _ if wanted > 1 => Error::<T>::TooFewOffers,
                NoMatch::NoOffer => Error::<T>::NoOffer,
                NoMatch::NoneEligible | NoMatch::TooFew => Error::<T>::NoOfferInReach,
            })
    }

    /// Assigns a job to a winner of a clearing, and keeps it.
    pub(crate) fn assign(
        id: JobId,
        mut job: Job,
        winner: AccountId,
        price: Balance,
        work: Work,
    ) -> Result<Relisted, DispatchError> {
        let worth = price_of(price, work);
        let (exposure, relisted) = Self::take_place(id, &winner, &job, worth)?;
        job.price = price;
        Self::put_assigned(id, job, winner, exposure);
        Ok(relisted)
    }

    /// Keeps a job that has been assigned, and its place in the queue.
    pub(crate) fn put_assigned(id: JobId, mut job: Job, provider: AccountId, exposure: Balance) {
        let now = T::BlockNumberProvider::current_block_number();
        let deadline = now.saturating_add(job.spec.deadline);
        job.provider = provider;
        job.exposure = exposure;
        job.assigned_at = now;
        job.assignment_hash = assignment_hash(
            id,
            &job.spec,
            job.input_hash,
            &job.provider,
            now,
            frame_system::Pallet::<T>::parent_hash(),
        );
        // An attestation still counts in the block of the deadline.
        job.due = deadline.saturating_add(1);
        job.missed = Self::missed();
        job.stage = Stage::Assigned;
        Self::enqueue(id, job.due);
        Self::deposit_event(Event::JobAssigned {
            job: id,
            provider: job.provider.clone(),
            price: job.price,
            deadline,
        });
        Jobs::<T>::insert(id, job);
    }

    /// Assigns a job anew within its escrow, after its provider has failed; `None` if nobody is there for it. Of a
    /// gang, no provider gets a second replica, nor any one once some have committed.
    pub(crate) fn assign_anew(id: JobId, job: &Job) -> Option<Relisted> {
        let mut job = job.clone();
        job.failers.try_push(job.provider.clone()).ok()?;
        let work = job.spec.task.most_work(&job.shape, job.input_len);
        let chance = chance_of(&id).wrapping_add(job.failers.len() as u64);
        let mut excluded = Self::providers_in_gang(&job)?;
        excluded.extend(job.failers.iter().cloned());
        let (cleared, _) = Self::find_match(&job.spec, work, &excluded, chance, 1).ok()?;
        let (asked, winner) = cleared.winners.into_iter().next()?;
        // The escrow holds the price that was matched first: whoever asks no more is paid no more.
        if asked > job.price {
            return None;
        }
        let price = cleared.price.min(job.price);
        let assign = || Self::assign(id, job, winner, price, work);
        frame_support::storage::with_storage_layer(assign).ok()
    }

    /// Takes up room for a job of so much worth, and gives what it adds to the provider's exposure. That follows
    /// what the market pays for the job and not what the provider asks, so that nobody fails for almost nothing.
    /// It was seen to cover what it asks itself, and answers for more as far as it can.
    fn take_place(
        id: JobId,
        who: &AccountId,
        job: &Job,
        worth: Balance,
    ) -> Result<(Balance, Relisted), DispatchError> {
        Self::change_provider(who, Retier::Later, |provider| {
            let exposure = worth.min(provider.headroom());
            provider.exposure = provider.exposure.saturating_add(exposure);
            ensure!(provider.add_assigned(&id), Error::<T>::NoOffer);
            let offer = provider.offer_mut(&job.spec.model);
            let offer = offer.ok_or(Error::<T>::NoOffer)?;
            offer.in_use = offer.in_use.saturating_add(1);
            Ok(exposure)
        })
    }

    /// Takes a job off a provider that does not do it, and makes another change to its provider.
    pub(crate) fn take_off<R>(
        id: JobId,
        job: &Job,
        retier: Retier,
        change: impl FnOnce(&mut Provider) -> R,
    ) -> Result<(R, Relisted), DispatchError> {
        Self::free_place(id, job, retier, |provider| {
            provider.exposure = provider.exposure.saturating_sub(job.exposure);
            change(provider)
        })
    }

    /// Frees the room that an assigned job takes up, and makes another change to its provider.
    pub(crate) fn free_place<R>(
        id: JobId,
        job: &Job,
        retier: Retier,
        change: impl FnOnce(&mut Provider) -> R,
    ) -> Result<(R, Relisted), DispatchError> {
        Self::change_provider(&job.provider, retier, |provider| {
            provider.remove_assigned(&id);
            let offer = provider.offer_mut(&job.spec.model);
            // A job on a lease takes up the lease's room.
            if let Some(offer) = offer.filter(|_| job.lease.is_none()) {
                offer.in_use = offer.in_use.saturating_sub(1);
            }
            let result = change(provider);
            provider.drop_idle_offers();
            Ok(result)
        })
    }
}

/// The offers that a job is matched with.
fn segment_of(spec: &JobSpec) -> Segment {
    Segment {
        model: spec.model,
        class: spec.class,
        region: spec.region,
    }
}

/// What decides between offers at one price. A job's id is nobody's choice alone, and who wins such a tie
/// matters to nobody else.
pub(crate) fn chance_of(id: &JobId) -> u64 {
    id.0.first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
