//! The queue of open jobs by the block at which each is due: to be attested, or to be judged.
//!
//! What is put in during one block stands in one list, so that it costs one write and no list is longer
//! than a block can make it. Attested jobs stand at the block of their attestation, and are due when the
//! window after it is over. Auctions and leases stand in lists of their own. What has moved on leaves its old
//! place behind, which is passed over when its block comes. The queue is served in order, within the weight that a
//! block leaves for it; what a block has no weight for is served in the next.

use crate::{
    judge::Judge, types::*, Auctions, Config, Jobs, Judged, Leases, Pallet, Polled, Queue, Served,
    WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{
    storage::StorageValue,
    traits::Get,
    weights::{Weight, WeightMeter},
};
use kagari_primitives::{BlockNumber, JobId, LeaseId};
use sp_runtime::{traits::BlockNumberProvider, Perbill};

/// What the queue may take of a block before its extrinsics; what is left over at the block's end is for
/// it too.
const POLL_SHARE: Perbill = Perbill::from_percent(25);

/// Auctions and leases stand in the queue under this less the block in which they were put there: beyond all
/// blocks that there will be.
const LEASES: BlockNumber = BlockNumber::MAX;

impl<T: Config> Pallet<T> {
    /// Notes that a block may carry transactions. The blocks of a migration carry none, nor does one that a session
    /// begins with, so that nobody could attest in them: they are counted, and what is due is due so much later.
    pub(crate) fn note_poll(now: BlockNumber) {
        Polled::<T>::mutate(|clock| {
            let missed = now.saturating_sub(clock.block).saturating_sub(1);
            // Before the first, there was nothing to be late with.
            if clock.block > 0 {
                clock.missed = clock.missed.saturating_add(missed);
            }
            clock.block = now;
        });
    }

    /// Blocks so far that could carry no transactions.
    pub(crate) fn missed() -> BlockNumber {
        Polled::<T>::get().missed
    }

    /// Whether a list of the queue holds auctions and leases.
    pub(crate) fn is_of_leases(since: BlockNumber) -> bool {
        since > LEASES / 2
    }

    /// Puts an auction or a lease into the queue.
    pub(crate) fn enqueue_lease(id: LeaseId, due: BlockNumber) {
        let now = T::BlockNumberProvider::current_block_number();
        Queue::<T>::append(due, LEASES.saturating_sub(now), id);
    }

    /// Puts a job into the queue.
    pub(crate) fn enqueue(job: JobId, due: BlockNumber) {
        let now = T::BlockNumberProvider::current_block_number();
        Queue::<T>::append(due, now, job);
    }

    /// Has an open job be served at another block. What it stands at is passed over.
    pub(crate) fn put_off(id: JobId, mut job: Job, due: BlockNumber) {
        job.due = due;
        Self::enqueue(id, due);
        Jobs::<T>::insert(id, job);
    }

    /// Most that the queue takes of a block before its extrinsics.
    pub(crate) fn most_of_polling() -> Weight {
        let block = T::BlockWeights::get().max_block;
        Weight::from_parts(
            POLL_SHARE.mul_floor(block.ref_time()),
            POLL_SHARE.mul_floor(block.proof_size()),
        )
    }

    /// Serves what is due up to now, within a share of what a block holds.
    pub(crate) fn serve_queue_within(meter: &mut WeightMeter, most: Weight) {
        let mut part = WeightMeter::with_limit(meter.remaining().min(most));
        Self::serve_queue(&mut part);
        meter.consume(part.consumed());
    }

    /// Serves what is due up to now, if the present block could carry transactions. The last block of a migration
    /// could not, and comes here all the same.
    pub(crate) fn serve_queue_of_polled(meter: &mut WeightMeter) {
        let looking = T::DbWeight::get().reads(1);
        let now = T::BlockNumberProvider::current_block_number();
        if meter.try_consume(looking).is_ok() && Polled::<T>::get().block == now {
            Self::serve_queue(meter);
        }
    }

    /// Serves what is due up to now.
    pub(crate) fn serve_queue(meter: &mut WeightMeter) {
        if meter
            .try_consume(T::WeightInfo::serve_queue_base())
            .is_err()
        {
            return;
        }
        let now = T::BlockNumberProvider::current_block_number();
        // Half of the weight is for settlements first, so that nobody keeps them from being served.
        let mut half = WeightMeter::with_limit(meter.remaining().div(2));
        Self::serve_attested(now, &mut half);
        meter.consume(half.consumed());
        Self::serve_up_to::<Served<T>, _>(now, meter, |due| {
            Queue::<T>::iter_key_prefix(due).filter(move |since| *since != due)
        });
        Self::serve_attested(now, meter);
    }

    /// Serves the jobs whose windows are over: those that were attested in one block at one block.
    fn serve_attested(now: BlockNumber, meter: &mut WeightMeter) {
        let Some(attested_at) = now.checked_sub(T::Judge::window()) else {
            return;
        };
        Self::serve_up_to::<Judged<T>, _>(attested_at, meter, |due| {
            let list = Queue::<T>::contains_key(due, due).then_some(due);
            list.into_iter()
        });
    }

    /// Serves block by block from where `Progress` says on; `lists` names the lists that are left at a block.
    fn serve_up_to<Progress, Lists>(
        last: BlockNumber,
        meter: &mut WeightMeter,
        lists: impl Fn(BlockNumber) -> Lists,
    ) where
        Progress: StorageValue<BlockNumber, Query = BlockNumber>,
        Lists: Iterator<Item = BlockNumber>,
    {
        let start = Progress::get();
        let mut next = start;
        while next <= last && Self::serve_block(next, lists(next), meter) {
            next = next.saturating_add(1);
        }
        if next != start {
            Progress::put(next);
        }
    }

    /// Serves all lists of a block; false if the weight did not suffice.
    fn serve_block(
        block: BlockNumber,
        mut lists: impl Iterator<Item = BlockNumber>,
        meter: &mut WeightMeter,
    ) -> bool {
        loop {
            if meter
                .try_consume(T::WeightInfo::serve_queue_list())
                .is_err()
            {
                return false;
            }
            let Some(since) = lists.next() else {
                return true;
            };
            let jobs = Queue::<T>::take(block, since);
            let rest = match Self::is_of_leases(since) {
                true => Self::serve_list(jobs, Self::most_for_one_lease(), meter, |id| {
                    Self::serve_one_lease(block, id)
                }),
                false => Self::serve_list(jobs, Self::most_for_one(), meter, |id| {
                    Self::serve_one(block, id)
                }),
            };
            if !rest.is_empty() {
                Queue::<T>::insert(block, since, rest);
                return false;
            }
        }
    }

    /// Serves a list, of which one place costs no more than `most`, and gives what the weight did not suffice for.
    fn serve_list(
        list: Vec<JobId>,
        most: Weight,
        meter: &mut WeightMeter,
        serve_one: impl Fn(JobId) -> Weight,
    ) -> Vec<JobId> {
        let mut list = list.into_iter();
        while meter.can_consume(most) {
            let Some(id) = list.next() else {
                break;
            };
            meter.consume(serve_one(id));
        }
        list.collect()
    }

    /// Most that a job's place in the queue can cost.
    pub(crate) fn most_for_one() -> Weight {
        let paying = T::WeightInfo::archive_era_work()
            .saturating_add(T::WeightInfo::share_reward())
            .saturating_add(Self::relisting_of_one());
        let judging = Self::weight_of_settling()
            .saturating_add(T::WeightInfo::leave_gang())
            .saturating_add(paying.max(Self::weight_of_discarding()));
        judging.max(Self::most_for_failing())
    }

    /// Most that a missed deadline can cost: the job moves on, or its lease is broken.
    fn most_for_failing() -> Weight {
        T::WeightInfo::time_out_job()
            .saturating_add(Self::turning_pages())
            .saturating_add(Self::most_relisting())
            .saturating_add(T::WeightInfo::end_lease(1).max(T::WeightInfo::leave_gang()))
    }

    /// Most that an auction's or a lease's place in the queue can cost.
    pub(crate) fn most_for_one_lease() -> Weight {
        Self::most_for_clearing().max(Self::most_for_ending())
    }

    /// Serves the place of an auction or a lease and says what it cost.
    fn serve_one_lease(block: BlockNumber, id: JobId) -> Weight {
        if let Some(auction) = Auctions::<T>::get(id).filter(|auction| auction.due() == block) {
            return Self::serve_auction(id, auction);
        }
        match Leases::<T>::get(id).filter(|lease| lease.due == block) {
            Some(lease) => Self::serve_lease(id, lease),
            None => T::WeightInfo::serve_queue_passed().saturating_mul(2),
        }
    }

    /// Serves one place of the queue and says what it cost.
    fn serve_one(block: BlockNumber, id: JobId) -> Weight {
        let Some(job) = Jobs::<T>::get(id).filter(|job| job.due == block) else {
            return T::WeightInfo::serve_queue_passed();
        };
        match job.stage {
            Stage::Assigned => match Self::missed().saturating_sub(job.missed) {
                0 if job.waits_for_commitments() => Self::wait_for_commitments(id, job),
                0 => Self::time_out_job(id, job),
                missed => Self::extend_deadline(id, job, missed),
            },
            Stage::Attested(attestation) => Self::judge_job(id, job, attestation),
        }
    }

    /// A job is late only because blocks could carry no attestation: it gets as many more.
    fn extend_deadline(id: JobId, mut job: Job, missed: BlockNumber) -> Weight {
        let next = T::BlockNumberProvider::current_block_number().saturating_add(1);
        let due = job.due.saturating_add(missed).max(next);
        job.missed = job.missed.saturating_add(missed);
        Self::put_off(id, job, due);
        T::WeightInfo::time_out_job()
    }
}
