//! Gangs: the replicas of one job, each a job of its own with another provider, and what is known of them together.
//!
//! Each provider commits to its result before anybody reveals one, so that none can copy another's. Once all have
//! committed, the reveals are open: what is not attested by their end counts as failed. Of those that attest, more than
//! half must have attested the same: those are paid. What the others would have been paid is burned and not given back,
//! so that a requester gains nothing by being one of its own providers and answering wrongly.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use kagari_primitives::{attestation::AttestationRecord, BlockNumber, Hash, JobId, MAX_REPLICAS};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::{
    traits::{BlakeTwo256, Hash as _},
    BoundedVec,
};

/// The jobs of a gang.
pub type GangJobs = BoundedVec<JobId, ConstU32<{ MAX_REPLICAS as u32 }>>;

/// Hashes of the results of a gang's jobs.
pub type GangResults = BoundedVec<Hash, ConstU32<{ MAX_REPLICAS as u32 }>>;

/// Hash of a result, as far as those of one gang must agree: of the output, why it ended, and the whole computation.
pub fn result_hash(record: &AttestationRecord) -> Hash {
    let AttestationRecord {
        output_hash,
        output_len,
        stop,
        trace_root,
        ..
    } = record;
    BlakeTwo256::hash_of(&(output_hash, output_len, stop, trace_root))
}

/// The open replicas of one job.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Gang {
    /// Those that are open.
    pub jobs: GangJobs,
    /// How many of them lack a commitment.
    pub uncommitted: u8,
    /// How many of them lack an attestation.
    pub unrevealed: u8,
    /// Once none lacks a commitment: the last block in which they can be attested.
    pub reveal_until: BlockNumber,
    /// What has been attested, by those that are open and those that have ended since.
    pub results: GangResults,
}

impl Gang {
    /// A gang of which nobody has committed yet.
    pub fn new(jobs: GangJobs) -> Self {
        let count = jobs.len() as u8;
        Self {
            jobs,
            uncommitted: count,
            unrevealed: count,
            reveal_until: 0,
            results: GangResults::default(),
        }
    }

    /// Notes a commitment; says whether none is lacking any more.
    #[must_use]
    pub fn commit(&mut self) -> bool {
        self.uncommitted = self.uncommitted.saturating_sub(1);
        self.uncommitted == 0
    }

    /// Notes what was attested.
    pub fn reveal(&mut self, result: Hash) {
        self.unrevealed = self.unrevealed.saturating_sub(1);
        // There is room for the results of all jobs, each of which is attested once.
        let _ = self.results.try_push(result);
    }

    /// What more than half of those that have attested anything have attested.
    pub fn agreed(&self) -> Option<Hash> {
        let votes = |result: &Hash| self.results.iter().filter(|other| *other == result).count();
        let is_agreed = |result: &&Hash| votes(result) > self.results.len() / 2;
        self.results.iter().find(is_agreed).copied()
    }

    /// Takes a job out of it that has, or has not, committed and been attested; says whether the reveals are to be
    /// opened by that, as it was the last that lacked a commitment.
    #[must_use]
    pub fn leave(&mut self, job: JobId, committed: bool, revealed: bool) -> bool {
        self.jobs.retain(|other| *other != job);
        if !revealed {
            self.unrevealed = self.unrevealed.saturating_sub(1);
        }
        !committed && self.commit() && !self.jobs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn id(of: u8) -> JobId {
        JobId::repeat_byte(of)
    }

    fn result(of: u8) -> Hash {
        Hash::repeat_byte(of)
    }

    fn gang(size: u8) -> Gang {
        Gang::new((0..size).map(id).collect::<Vec<_>>().try_into().unwrap())
    }

    proptest! {
        /// Whoever commits or leaves in whatever order, the last one opens the reveals, and no other.
        #[test]
        fn the_last_opens_the_reveals(size in 2..5u8, leaves: [bool; 4]) {
            let mut gang = gang(size);
            for job in 0..size {
                let last = job + 1 == size;
                let opens = match leaves[usize::from(job)] {
                    true => gang.leave(id(job), false, false),
                    false => gang.commit(),
                };
                prop_assert_eq!(opens, last && !gang.jobs.is_empty());
                prop_assert_eq!(gang.uncommitted, size - job - 1);
            }
            prop_assert_eq!(usize::from(gang.unrevealed), gang.jobs.len());
        }

        /// At most one result is agreed on, and exactly if more than half have given it, in whatever order they come.
        #[test]
        fn more_than_half_agree(results in prop::collection::vec(0..3u8, 1..5)) {
            let mut gang = gang(results.len() as u8);
            for of in &results {
                gang.reveal(result(*of));
            }
            let most = (0..3).find(|of| {
                2 * results.iter().filter(|other| *other == of).count() > results.len()
            });
            prop_assert_eq!(gang.agreed(), most.map(result));
            prop_assert_eq!(gang.unrevealed, 0);
        }

        /// A requester that is some of its own providers never pays less by having those answer wrongly than by having
        /// them answer as the others do. Prices are equal; a tenth of what is paid is burned.
        #[test]
        fn answering_ones_own_job_wrongly_never_pays(
            size in 2..5u8, own in 1..5u8, lies in prop::collection::vec(0..3u8, 4)
        ) {
            prop_assume!(own < size);
            let cost = |lies: &[u8]| {
                let mut gang = gang(size);
                let own: Vec<_> = lies[..usize::from(own)].iter().map(|of| result(*of)).collect();
                own.iter().for_each(|of| gang.reveal(*of));
                (own.len()..usize::from(size)).for_each(|_| gang.reveal(result(0)));
                let agreed = gang.agreed();
                let earned = own.iter().filter(|of| Some(**of) == agreed).count();
                10 * i32::from(size) - 9 * earned as i32
            };
            prop_assert!(cost(&lies) >= cost(&[0; 4]));
        }
    }

    #[test]
    fn who_leaves_after_its_reveal_changes_no_count() {
        let mut gang = gang(2);
        assert!(!gang.commit());
        assert!(gang.commit());
        gang.reveal(result(1));
        assert!(!gang.leave(id(0), true, true));
        assert_eq!(
            (gang.uncommitted, gang.unrevealed, gang.jobs.len()),
            (0, 1, 1)
        );
    }
}
