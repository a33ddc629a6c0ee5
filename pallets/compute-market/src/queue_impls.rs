//! The queue of open jobs by the block at which each is due: to be attested, or to be judged.
//!
//! It is served in order, block by block, within the weight that a block leaves; what a block has no
//! weight for is served in the next.

use crate::{types::*, Config, Jobs, Pallet, Queue, QueueLen, Served, WeightInfo};
use frame_support::weights::WeightMeter;
use kagari_primitives::{BlockNumber, JobId};
use sp_runtime::traits::BlockNumberProvider;

impl<T: Config> Pallet<T> {
    /// Puts a job into the queue.
    pub(crate) fn enqueue(job: JobId, block: BlockNumber) -> Due {
        let index = QueueLen::<T>::mutate(block, |len| {
            let index = *len;
            *len = len.saturating_add(1);
            index
        });
        Queue::<T>::insert(block, index, job);
        Due { block, index }
    }

    /// Takes a job out of the queue.
    pub(crate) fn dequeue(due: Due) {
        Queue::<T>::remove(due.block, due.index);
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
        let start = Served::<T>::get();
        let mut at = start;
        while at.block <= now && Self::serve_block(&mut at, meter) {
            at = Due {
                block: at.block.saturating_add(1),
                index: 0,
            };
        }
        if at != start {
            Served::<T>::put(at);
        }
    }

    /// Serves one block's queue; false if the weight did not suffice.
    fn serve_block(at: &mut Due, meter: &mut WeightMeter) -> bool {
        if meter
            .try_consume(T::WeightInfo::serve_queue_block())
            .is_err()
        {
            return false;
        }
        let len = QueueLen::<T>::get(at.block);
        while at.index < len {
            if !meter.can_consume(Self::weight_of_serving()) {
                return false;
            }
            meter.consume(Self::serve_one(*at));
            at.index = at.index.saturating_add(1);
        }
        if len > 0 {
            QueueLen::<T>::remove(at.block);
        }
        true
    }

    /// Most that one place of the queue can cost.
    fn weight_of_serving() -> frame_support::weights::Weight {
        T::WeightInfo::settle_job().max(T::WeightInfo::time_out_job())
    }

    /// Serves one place of the queue and says what it cost. A place is empty if its job has moved on.
    fn serve_one(at: Due) -> frame_support::weights::Weight {
        let Some(id) = Queue::<T>::take(at.block, at.index) else {
            return T::WeightInfo::serve_queue_block();
        };
        let Some(job) = Jobs::<T>::get(id) else {
            frame_support::defensive!("every job in the queue is open");
            return T::WeightInfo::serve_queue_block();
        };
        match job.stage {
            Stage::Assigned => {
                Self::time_out_job(id, job);
                T::WeightInfo::time_out_job()
            }
            Stage::Attested(attestation) => {
                Self::judge_job(id, job, attestation);
                T::WeightInfo::settle_job()
            }
        }
    }
}
