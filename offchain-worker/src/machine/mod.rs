//! The worker as a state machine without input or output of its own: events go in, commands come out.
//!
//! What it sees to:
//! - it attests only for an assignment that is this node's at the best block and can still be
//!   attested in time, and for one assignment always the same;
//! - a result is computed once: after a fork or a restart it serves again wherever the job and what
//!   is to be computed are the same, and is signed anew for the new assignment, once for each;
//! - what the best chain lacks after two blocks is submitted again;
//! - at most so many computations run and wait; what is assigned beyond them is left for later;
//! - a job that can't be done is given up, a child that fails is tried once more.

mod entry;
mod event;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use event::{Command, Event, Failure};

use crate::record::{Assigned, Record, Signed, WorkId};
use entry::{Done, Entry, Phase, Sending, PATIENCE};
use kagari_inference::protocol::Completed;
use kagari_primitives::{BlockNumber, JobId};
use std::collections::BTreeMap;

/// How much a machine takes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Computations at once.
    pub concurrency: usize,
    /// Jobs that wait beyond those.
    pub queue: usize,
    /// Pieces of work that are remembered in all. They go when their job has ended in a finalised
    /// block; without finality, no more is taken on from here.
    pub entries: usize,
}

/// The worker's state.
#[derive(Clone, Debug)]
pub struct Machine {
    limits: Limits,
    best: BlockNumber,
    entries: BTreeMap<WorkId, Entry>,
}

impl Machine {
    /// A machine that remembers what the journal held.
    pub fn new(limits: Limits, records: impl IntoIterator<Item = Record>) -> Self {
        let restored = |record: Record| (record.work(), Entry::restored(record));
        Self {
            limits,
            best: 0,
            entries: records.into_iter().map(restored).collect(),
        }
    }

    /// Number of computations that run.
    pub fn running(&self) -> usize {
        self.entries.values().filter(|e| e.is_running()).count()
    }

    /// Number of jobs that wait to be computed.
    pub fn waiting(&self) -> usize {
        self.entries.values().filter(|e| e.is_waiting()).count()
    }

    /// Jobs whose attestation, or the commitment to it, was submitted, and whose attestation has not been seen in a
    /// block.
    pub fn unconfirmed(&self) -> Vec<JobId> {
        let submitted = |e: &&Entry| matches!(&e.phase, Phase::Done(d) if matches!(d.sending, Sending::Submitted(_)));
        self.jobs(submitted)
    }

    /// Jobs that may have ended in the finalised block of this height.
    pub fn settling(&self, finalised: BlockNumber) -> Vec<JobId> {
        self.jobs(|e| is_settling(e, finalised))
    }

    fn jobs(&self, which: impl Fn(&&Entry) -> bool) -> Vec<JobId> {
        self.entries
            .values()
            .filter(which)
            .map(|e| e.assigned.assignment.job)
            .collect()
    }

    /// Takes an event, and says what is to be done.
    pub fn handle(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::Best {
                number,
                assigned,
                attested,
            } => self.best(number, assigned, attested),
            Event::Finalised { number, ended } => self.finalised(number, &ended),
            Event::Finished { work, result } => self.finished(work, result),
            Event::Failed { work, failure } => self.failed(work, failure),
            Event::Signed { work, signed } => self.signed(work, signed),
            Event::NotSigned { work } => self.not_sent(work, |s| s == Sending::Signing),
            Event::NotSubmitted { work } => {
                self.not_sent(work, |s| matches!(s, Sending::Submitted(_)))
            }
        }
    }

    fn best(
        &mut self,
        number: BlockNumber,
        assigned: Vec<Assigned>,
        attested: Vec<(JobId, BlockNumber)>,
    ) -> Vec<Command> {
        self.best = number;
        let mut commands = self.confirm(&attested);
        let new = self.reassign(assigned);
        commands.extend(self.drop_lost());
        self.admit(new);
        commands.extend(self.send());
        commands.extend(self.start());
        commands
    }

    /// Notes the attestations that are in the best chain.
    fn confirm(&mut self, attested: &[(JobId, BlockNumber)]) -> Vec<Command> {
        let mut commands = Vec::new();
        for entry in self.entries.values_mut() {
            let job = entry.assigned.assignment.job;
            let Phase::Done(done) = &mut entry.phase else {
                continue;
            };
            let Some((_, block)) = attested.iter().find(|(id, _)| *id == job) else {
                continue;
            };
            if done.sending != Sending::Attested {
                done.sending = Sending::Attested;
                let blocks = done.finished.map(|at| block.saturating_sub(at));
                commands.push(Command::NoteAttested { job, blocks });
            }
        }
        commands
    }

    /// Sets which entries are ours now, and returns the assignments that have no entry.
    fn reassign(&mut self, assigned: Vec<Assigned>) -> Vec<Assigned> {
        self.entries
            .values_mut()
            .for_each(|entry| entry.ours = false);
        let mut new = Vec::new();
        for assigned in assigned
            .into_iter()
            .filter(|a| self.best < a.assignment.deadline)
        {
            let work = WorkId::of(&assigned.assignment);
            if self
                .entries
                .get(&work)
                .is_some_and(|e| e.deserves_another_try(&assigned))
            {
                self.entries.remove(&work);
            }
            match self.entries.get_mut(&work) {
                Some(entry) => entry.reassign(&assigned, self.best),
                None => new.push(assigned),
            }
        }
        new
    }

    /// Drops what is not ours any more and was not done, with some patience for short forks.
    fn drop_lost(&mut self) -> Vec<Command> {
        let best = self.best;
        let is_lost = |entry: &Entry| {
            let expired = best >= entry.assigned.assignment.deadline;
            let missing = best.abs_diff(entry.seen) > PATIENCE;
            match entry.phase {
                Phase::Done(_) => false,
                Phase::Waiting { .. } => !entry.ours,
                Phase::Running | Phase::Failed { .. } => !entry.ours && (expired || missing),
            }
        };
        self.remove(is_lost)
    }

    /// Removes entries: stops what runs, and takes what is done out of the journal.
    fn remove(&mut self, which: impl Fn(&Entry) -> bool) -> Vec<Command> {
        let mut commands = Vec::new();
        self.entries.retain(|work, entry| {
            if !which(entry) {
                return true;
            }
            match entry.phase {
                Phase::Running => commands.push(Command::Cancel(*work)),
                Phase::Done(_) => commands.push(Command::Forget(*work)),
                Phase::Waiting { .. } | Phase::Failed { .. } => {}
            }
            false
        });
        commands
    }

    /// Takes on as many new assignments as there is room for, those that are due first before others.
    fn admit(&mut self, mut new: Vec<Assigned>) {
        let open = self.running() + self.waiting();
        let room = (self.limits.concurrency + self.limits.queue).saturating_sub(open);
        let room = room.min(self.limits.entries.saturating_sub(self.entries.len()));
        new.sort_by_key(|a| (a.assignment.deadline, a.assignment.job));
        for assigned in new.into_iter().take(room) {
            let entry = Entry::waiting(assigned, self.best);
            self.entries.insert(entry.work(), entry);
        }
    }

    /// Starts as many computations as may run, those that are due first before others.
    fn start(&mut self) -> Vec<Command> {
        let free = self.limits.concurrency.saturating_sub(self.running());
        let mut ready: Vec<&mut Entry> =
            self.entries.values_mut().filter(|e| e.is_ready()).collect();
        ready.sort_by_key(|e| (e.assigned.assignment.deadline, e.assigned.assignment.job));
        let run = |entry: &mut Entry| {
            entry.phase = Phase::Running;
            Command::Run(entry.assigned.assignment.clone())
        };
        ready.into_iter().take(free).map(run).collect()
    }

    /// Brings every attestation on its way that is due.
    fn send(&mut self) -> Vec<Command> {
        let best = self.best;
        self.entries
            .values_mut()
            .filter_map(|entry| entry.send(best))
            .collect()
    }

    fn finalised(&mut self, number: BlockNumber, ended: &[JobId]) -> Vec<Command> {
        let is_over =
            |e: &Entry| is_settling(e, number) && ended.contains(&e.assigned.assignment.job);
        self.remove(is_over)
    }

    fn finished(&mut self, work: WorkId, result: Completed) -> Vec<Command> {
        let best = self.best;
        let Some(entry) = self.entries.get_mut(&work).filter(|e| e.is_running()) else {
            return Vec::new();
        };
        let record = Record {
            assigned: entry.assigned.clone(),
            output: result.output,
            stop: result.stop,
            trace_root: result.trace_root,
            signed: Vec::new(),
        };
        let mut commands = vec![Command::Keep(record.clone())];
        entry.phase = Phase::Done(Box::new(Done {
            record,
            finished: Some(best),
            sending: Sending::Idle,
        }));
        commands.extend(entry.send(best));
        commands.extend(self.start());
        commands
    }

    fn failed(&mut self, work: WorkId, failure: Failure) -> Vec<Command> {
        let Some(entry) = self.entries.get_mut(&work).filter(|e| e.is_running()) else {
            return Vec::new();
        };
        match failure {
            Failure::Job => {
                entry.phase = Phase::Failed {
                    whatever_assignment: true,
                }
            }
            Failure::Child => entry.child_failed(),
            Failure::Interrupted => entry.phase = Phase::Waiting { rests: true },
        }
        self.start()
    }

    fn signed(&mut self, work: WorkId, signed: Signed) -> Vec<Command> {
        let best = self.best;
        let Some(entry) = self.entries.get_mut(&work) else {
            return Vec::new();
        };
        let Phase::Done(done) = &mut entry.phase else {
            return Vec::new();
        };
        if done.sending != Sending::Signing {
            return Vec::new();
        }
        done.sending = Sending::Idle;
        if !done.record.is_fitting(&signed) {
            return Vec::new();
        }
        done.record.add_signature(signed);
        let mut commands = vec![Command::Keep(done.record.clone())];
        commands.extend(entry.send(best));
        commands
    }

    /// Lets an attestation be sent again with the next block.
    fn not_sent(&mut self, work: WorkId, was: impl Fn(Sending) -> bool) -> Vec<Command> {
        if let Some(Entry {
            phase: Phase::Done(done),
            ..
        }) = self.entries.get_mut(&work)
        {
            if was(done.sending) {
                done.sending = Sending::Idle;
            }
        }
        Vec::new()
    }
}

/// Whether an entry goes if its job has ended in the finalised block of this height: the block must
/// not lie before the assignment, or else the job may be unknown there because it is yet to come.
fn is_settling(entry: &Entry, finalised: BlockNumber) -> bool {
    !entry.ours && entry.assigned.assignment.assigned_at <= finalised
}
