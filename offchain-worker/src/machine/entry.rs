//! One piece of work, and how far it is.

use super::event::Command;
use crate::record::{Assigned, Record, WorkId};
use kagari_primitives::BlockNumber;

/// Blocks after which what the best chain still lacks is submitted again, and after which a
/// computation is stopped that nobody asks for any more.
pub(super) const PATIENCE: BlockNumber = 2;
/// Computations of one assignment, the first included, if the child fails.
const MAX_ATTEMPTS: u8 = 2;

/// How far a piece of work is.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// It waits for its turn; after a failure it rests until the next block.
    Waiting { rests: bool },
    /// It is being computed.
    Running,
    /// It failed for good.
    Failed {
        /// Whether another assignment would fail alike.
        whatever_assignment: bool,
    },
    /// It is done.
    Done(Box<Done>),
}

/// Work that is done.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub record: Record,
    /// Best block when the computation ended; unknown after a restart.
    pub finished: Option<BlockNumber>,
    pub sending: Sending,
}

/// Where the attestation of a finished piece of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// Not on its way.
    Idle,
    /// Being signed.
    Signing,
    /// Submitted at this best block, itself or the commitment to it.
    Submitted(BlockNumber),
    /// In the best chain.
    Attested,
}

/// A piece of work.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The assignment as it was last seen.
    pub assigned: Assigned,
    /// Whether it is ours at the best block, and can still be attested in time.
    pub ours: bool,
    /// The last best block at which it was ours.
    pub seen: BlockNumber,
    /// Failures of the child with this assignment.
    pub attempts: u8,
    pub phase: Phase,
}

impl Entry {
    pub fn waiting(assigned: Assigned, seen: BlockNumber) -> Self {
        let phase = Phase::Waiting { rests: false };
        Self {
            assigned,
            ours: true,
            seen,
            attempts: 0,
            phase,
        }
    }

    pub fn restored(record: Record) -> Self {
        Self {
            assigned: record.assigned.clone(),
            ours: false,
            seen: 0,
            attempts: 0,
            phase: Phase::Done(Box::new(Done {
                record,
                finished: None,
                sending: Sending::Idle,
            })),
        }
    }

    pub fn work(&self) -> WorkId {
        WorkId::of(&self.assigned.assignment)
    }

    pub fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running)
    }

    pub fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. })
    }

    /// Whether it can be started now.
    pub fn is_ready(&self) -> bool {
        self.ours && matches!(self.phase, Phase::Waiting { rests: false })
    }

    /// Takes note that it is assigned to us in the best block.
    pub fn reassign(&mut self, assigned: &Assigned, number: BlockNumber) {
        let changed = self.differs(assigned);
        self.assigned = assigned.clone();
        self.ours = true;
        self.seen = number;
        match &mut self.phase {
            Phase::Done(done) => done.reassign(assigned, changed),
            Phase::Waiting { rests } => *rests = false,
            Phase::Running | Phase::Failed { .. } => {}
        }
        if changed {
            self.attempts = 0;
        }
    }

    /// Whether it failed in a way that says nothing about this new assignment.
    pub fn deserves_another_try(&self, assigned: &Assigned) -> bool {
        matches!(
            self.phase,
            Phase::Failed {
                whatever_assignment: false
            }
        ) && self.differs(assigned)
    }

    fn differs(&self, assigned: &Assigned) -> bool {
        self.assigned.worker != assigned.worker
            || self.assigned.assignment.assignment_hash != assigned.assignment.assignment_hash
    }

    /// Takes note that the child failed, and says what is to follow.
    pub fn child_failed(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
        self.phase = match self.attempts < MAX_ATTEMPTS {
            true => Phase::Waiting { rests: true },
            false => Phase::Failed {
                whatever_assignment: false,
            },
        };
    }

    /// What brings the attestation on its way, if it is ours and not on its way.
    pub fn send(&mut self, best: BlockNumber) -> Option<Command> {
        let Phase::Done(done) = &mut self.phase else {
            return None;
        };
        if !self.ours || !done.sending.is_due(best) {
            return None;
        }
        done.sending = match done.record.valid_signature() {
            Some(_) => Sending::Submitted(best),
            None => Sending::Signing,
        };
        Some(done.record.next_command())
    }
}

impl Done {
    fn reassign(&mut self, assigned: &Assigned, changed: bool) {
        // Once all replicas are committed to, they have another deadline: they are to be revealed at once.
        let postponed = self.record.assigned.assignment.deadline != assigned.assignment.deadline;
        self.record.assigned = assigned.clone();
        // If it was attested, it lacks the attestation now that it is assigned: a fork took it back.
        if changed || postponed || self.sending == Sending::Attested {
            self.sending = Sending::Idle;
        }
    }
}

impl Sending {
    fn is_due(self, best: BlockNumber) -> bool {
        match self {
            Self::Idle => true,
            // A fork may have put the best block below the one of the submission.
            Self::Submitted(at) => best.abs_diff(at) >= PATIENCE,
            Self::Signing | Self::Attested => false,
        }
    }
}

impl Record {
    /// Submission, or the signature that must come before it.
    fn next_command(&self) -> Command {
        let work = self.work();
        let attestation = self.attestation();
        let assignment_hash = self.assigned.assignment.assignment_hash;
        match self.valid_signature() {
            Some(signature) => Command::Submit {
                work,
                assignment_hash,
                attestation,
                signature: signature.clone(),
                output: self.output.clone(),
            },
            None => Command::Sign {
                work,
                worker: self.assigned.worker.clone(),
                assignment_hash,
                attestation,
            },
        }
    }
}
