//! How ended jobs lie in the client's auxiliary store: a ring of the newest, and a marker of how far the
//! chain has been read.

use codec::{Decode, Encode};
use kagari_primitives::{Hash, JobId, JobInfo};
use sc_client_api::AuxStore;
use sp_blockchain::Result;
use std::collections::BTreeMap;

/// Ended jobs that are kept; the oldest gives way to the newest.
pub const CAPACITY: u64 = 100_000;

const JOB: &[u8] = b"kagari:job:";
const SLOT: &[u8] = b"kagari:job-slot:";
const MARKER: &[u8] = b"kagari:job-marker";

/// An ended job, with the turn in which it was written: its slot in the ring is the turn modulo the
/// ring's size.
#[derive(Encode, Decode)]
struct Record {
    turn: u64,
    info: JobInfo,
}

/// How far the chain has been read.
#[derive(Clone, Copy, Debug, Encode, Decode, PartialEq, Eq)]
struct Marker {
    block: Hash,
    next_turn: u64,
}

/// What one block changes.
#[derive(Debug)]
pub enum Change {
    /// The block became part of the best chain: these jobs ended in it.
    Enacted(Vec<JobInfo>),
    /// The block is no longer part of the best chain: these jobs did not end in it after all.
    Retracted(Vec<JobId>),
}

/// The ring of ended jobs in an auxiliary store.
pub struct Store<'a, A> {
    aux: &'a A,
    capacity: u64,
}

impl<'a, A: AuxStore> Store<'a, A> {
    /// The ring in `aux`.
    pub fn new(aux: &'a A) -> Self {
        Self {
            aux,
            capacity: CAPACITY,
        }
    }

    /// The ended job with this id.
    pub fn job(&self, id: JobId) -> Result<Option<JobInfo>> {
        let record: Option<Record> = self.batch().get(&job_key(id))?;
        Ok(record.map(|record| record.info))
    }

    /// The last block that was read.
    pub fn last_read(&self) -> Result<Option<Hash>> {
        let marker: Option<Marker> = self.batch().get(MARKER)?;
        Ok(marker.map(|marker| marker.block))
    }

    /// Writes what a block changes and, with it, that the chain has been read up to `read_up_to`.
    /// It is one transaction: a node that is killed finds all of it or nothing.
    pub fn apply(&self, change: Change, read_up_to: Hash) -> Result<()> {
        let mut batch = self.batch();
        let mut next_turn = batch
            .get::<Marker>(MARKER)?
            .map_or(0, |marker| marker.next_turn);
        match change {
            Change::Enacted(jobs) => {
                for info in jobs {
                    next_turn = self.insert(&mut batch, info, next_turn)?;
                }
            }
            Change::Retracted(ids) => ids.into_iter().for_each(|id| batch.delete(job_key(id))),
        }
        batch.put(
            MARKER.to_vec(),
            &Marker {
                block: read_up_to,
                next_turn,
            },
        );
        batch.commit()
    }

    /// Writes a job in this turn and gives the next one.
    fn insert(&self, batch: &mut Batch<'_, A>, info: JobInfo, turn: u64) -> Result<u64> {
        let key = job_key(info.job);
        if batch
            .get::<Record>(&key)?
            .is_some_and(|record| record.info == info)
        {
            return Ok(turn);
        }
        let slot = slot_key(turn % self.capacity);
        self.evict(batch, &slot, turn)?;
        batch.put(slot, &info.job);
        batch.put(key, &Record { turn, info });
        Ok(turn.saturating_add(1))
    }

    /// Removes the job in a slot that is to be used again, unless it has been written to another slot
    /// since.
    fn evict(&self, batch: &mut Batch<'_, A>, slot: &[u8], turn: u64) -> Result<()> {
        let Some(old) = batch.get::<JobId>(slot)? else {
            return Ok(());
        };
        let expired = |record: Record| record.turn.saturating_add(self.capacity) <= turn;
        if batch.get(&job_key(old))?.is_some_and(expired) {
            batch.delete(job_key(old));
        }
        Ok(())
    }

    fn batch(&self) -> Batch<'a, A> {
        Batch {
            aux: self.aux,
            writes: BTreeMap::new(),
        }
    }
}

/// Writes on their way, and what they would make of the store.
struct Batch<'a, A> {
    aux: &'a A,
    /// `None` deletes.
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl<A: AuxStore> Batch<'_, A> {
    fn get<T: Decode>(&self, key: &[u8]) -> Result<Option<T>> {
        let bytes = match self.writes.get(key) {
            Some(written) => written.clone(),
            None => self.aux.get_aux(key)?,
        };
        // What an older node wrote in another form is as good as absent.
        Ok(bytes.and_then(|bytes| T::decode(&mut &bytes[..]).ok()))
    }

    fn put(&mut self, key: Vec<u8>, value: &impl Encode) {
        self.writes.insert(key, Some(value.encode()));
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
    }

    fn commit(self) -> Result<()> {
        let inserts: Vec<(&[u8], &[u8])> = self
            .writes
            .iter()
            .filter_map(|(key, value)| Some((key.as_slice(), value.as_deref()?)))
            .collect();
        let deletes: Vec<&[u8]> = self
            .writes
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(key, _)| key.as_slice())
            .collect();
        self.aux.insert_aux(&inserts, &deletes)
    }
}

fn job_key(id: JobId) -> Vec<u8> {
    [JOB, id.as_bytes()].concat()
}

fn slot_key(slot: u64) -> Vec<u8> {
    [SLOT, &slot.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests;
