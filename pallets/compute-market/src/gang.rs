//! Gangs: the replicas of one job, each a job of its own with another provider, and what is known of them together.
//!
//! Each provider commits to its result before anybody reveals one, so that none can copy another's. Once all have
//! committed, the reveals are open: what is not attested by their end counts as failed. Those that attest are paid
//! only if all of them have attested the same.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use kagari_primitives::{
    attestation::AttestationRecord, BlockNumber, Hash, JobId, StopReason, MAX_REPLICAS,
};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

/// The jobs of a gang.
pub type GangJobs = BoundedVec<JobId, ConstU32<{ MAX_REPLICAS as u32 }>>;

/// A result, as far as those of one gang must agree.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Digest {
    /// Hash of the output's bytes.
    pub output_hash: Hash,
    /// Number of words of the output.
    pub output_len: u32,
    /// Why the computation ended.
    pub stop: StopReason,
    /// Commitment to the whole computation.
    pub trace_root: Hash,
}

impl From<&AttestationRecord> for Digest {
    fn from(record: &AttestationRecord) -> Self {
        Self {
            output_hash: record.output_hash,
            output_len: record.output_len,
            stop: record.stop,
            trace_root: record.trace_root,
        }
    }
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
    /// What was attested first.
    pub first: Option<Digest>,
    /// Whether something else was attested later.
    pub differ: bool,
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
            first: None,
            differ: false,
        }
    }

    /// Notes a commitment; says whether none is lacking any more.
    #[must_use]
    pub fn commit(&mut self) -> bool {
        self.uncommitted = self.uncommitted.saturating_sub(1);
        self.uncommitted == 0
    }

    /// Notes what was attested.
    pub fn reveal(&mut self, result: Digest) {
        self.unrevealed = self.unrevealed.saturating_sub(1);
        match &self.first {
            Some(first) => self.differ |= *first != result,
            None => self.first = Some(result),
        }
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

    fn result(of: u8) -> Digest {
        Digest {
            output_hash: Hash::repeat_byte(of),
            output_len: 1,
            stop: StopReason::Vector,
            trace_root: Hash::zero(),
        }
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

        /// Results differ if any two of them do, in whatever order they come.
        #[test]
        fn one_other_result_is_enough(results in prop::collection::vec(0..3u8, 2..5)) {
            let mut gang = gang(results.len() as u8);
            for of in &results {
                gang.reveal(result(*of));
            }
            prop_assert_eq!(gang.differ, results.iter().any(|of| *of != results[0]));
            prop_assert_eq!(gang.unrevealed, 0);
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
