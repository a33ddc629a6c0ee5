//! Gangs: the replicas of one job, each a job of its own with another provider, and what is known of them together.
//!
//! Each provider commits to its result before anybody reveals one, so that none can copy another's. Once all have
//! committed, the reveals are open: what is not attested by their end counts as failed. Of those that attest, more than
//! half must have attested the same: those are paid. What the others would have been paid is burned and not given back,
//! so that a requester gains nothing by being one of its own providers and answering wrongly. For the same reason the penalty
//! of who is outvoted is burned. It is a share of what the longest result that was attested costs: so a requester that
//! has others outvoted, by being more than half of its gang itself, harms them by less than it pays for their results.
//! That their work goes unpaid then can't be helped before results are judged by themselves.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use kagari_primitives::{attestation::AttestationRecord, BlockNumber, Hash, JobId, MAX_REPLICAS};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::{
    traits::{BlakeTwo256, Hash as _},
    BoundedVec,
};

/// Blocks from the last commitment of a gang on in which its jobs can be attested. All has been computed by then; what
/// is left is to see that the last commitment is final, and to send what was committed to, if need be after a restart.
pub const REVEAL_PERIOD: BlockNumber = 30;

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
    /// Words of the longest output of these.
    pub longest: u32,
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
            longest: 0,
        }
    }

    /// Notes a commitment; says whether none is lacking any more.
    #[must_use]
    pub fn commit(&mut self) -> bool {
        self.uncommitted = self.uncommitted.saturating_sub(1);
        self.uncommitted == 0
    }

    /// Notes what was attested: the hash of a result, with an output of so many words.
    pub fn reveal(&mut self, result: Hash, output_len: u32) {
        self.longest = self.longest.max(output_len);
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
        fn the_last_opens_the_reveals(size in 2..6u8, leaves: [bool; 5]) {
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
                gang.reveal(result(*of), 1);
            }
            let most = (0..3).find(|of| {
                2 * results.iter().filter(|other| *other == of).count() > results.len()
            });
            prop_assert_eq!(gang.agreed(), most.map(result));
            prop_assert_eq!(gang.unrevealed, 0);
        }

        /// A requester that is some of its own providers never pays less by having those answer wrongly than if the
        /// gang agreed, and never makes others lose more by the penalty than it pays. Whatever is paid
        /// costs a word's price for each word; a tenth of it is burned, and a tenth is the penalty.
        #[test]
        fn answering_ones_own_jobs_wrongly_never_pays(
            size in 3..6u8,
            own in 1..5u8,
            lies in prop::collection::vec((0..3u8, 1..90u32), 4),
            honest in 1..90u32,
        ) {
            prop_assume!(own < size);
            let own = &lies[..usize::from(own)];
            let others = u32::from(size) - own.len() as u32;
            let mut gang = gang(size);
            // A result of another length is another result.
            let hash = |(of, len): (u8, u32)| Hash::from_low_u64_be(u64::from(of) << 32 | u64::from(len));
            own.iter().for_each(|lie| gang.reveal(hash(*lie), lie.1));
            (0..others).for_each(|_| gang.reveal(hash((0, honest)), honest));
            let agreed = gang.agreed();
            let penalty = |result| match agreed {
                Some(most) if most != result => gang.longest,
                _ => 0,
            };
            // In tenths of a word's price.
            let earned: u32 = own.iter().filter(|lie| Some(hash(**lie)) == agreed).map(|lie| 9 * lie.1).sum();
            let paid: u32 = 10 * (others * honest + own.iter().map(|lie| lie.1).sum::<u32>());
            let penalties: u32 = own.iter().map(|lie| penalty(hash(*lie))).sum();
            let cost = paid - earned + penalties;
            // The others' words alone, if all its own answers are right.
            let right = 10 * others * honest + own.len() as u32 * honest;
            let same_length = own.iter().all(|lie| lie.1 >= honest);
            let least = if same_length { right } else { 10 * others * honest };
            prop_assert!(cost >= least, "{} of {}", cost, least);
            prop_assert!(penalty(hash((0, honest))) * others <= cost);
        }
    }

    #[test]
    fn who_leaves_after_its_reveal_changes_no_count() {
        let mut gang = gang(2);
        assert!(!gang.commit());
        assert!(gang.commit());
        gang.reveal(result(1), 1);
        assert!(!gang.leave(id(0), true, true));
        assert_eq!(
            (gang.uncommitted, gang.unrevealed, gang.jobs.len()),
            (0, 1, 1)
        );
    }
}
