//! Random sequences of events against a world that carries the commands out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::test_data::{assigned, limits, result, sign};
use kagari_primitives::{worker_key::WorkerSignature, Attestation, Hash};
use proptest::prelude::*;
use std::collections::{BTreeSet, VecDeque};

/// Jobs and forks that events draw from.
const JOBS: u8 = 8;
const FORKS: u8 = 3;

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    /// The best block moves by so much and assigns each of these jobs, on this fork.
    Best {
        by: i8,
        jobs: BTreeSet<u8>,
        fork: u8,
    },
    /// This one of the running computations finishes, with a result that never was before.
    Finish(prop::sample::Index),
    /// This one of the running computations fails.
    Fail(prop::sample::Index, Failure),
    /// The attestations that wait in the pool get into a block.
    Include,
    /// The pool refuses this one of the attestations it was given.
    Refuse(prop::sample::Index),
    /// The keystore fails to sign, from now on until it works again.
    Keystore(bool),
    /// A block is finalised in which these jobs have ended.
    Finalise { below: u8, ended: BTreeSet<u8> },
    /// The node is killed and started again.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let jobs = || prop::collection::btree_set(0..JOBS, 0..usize::from(JOBS));
    prop_oneof![
        6 => (-2..6i8, jobs(), 0..FORKS).prop_map(|(by, jobs, fork)| Step::Best { by, jobs, fork }),
        6 => any::<prop::sample::Index>().prop_map(Step::Finish),
        2 => (any::<prop::sample::Index>(), failure()).prop_map(|(i, f)| Step::Fail(i, f)),
        2 => Just(Step::Include),
        1 => any::<prop::sample::Index>().prop_map(Step::Refuse),
        1 => any::<bool>().prop_map(Step::Keystore),
        1 => (0..4u8, jobs()).prop_map(|(below, ended)| Step::Finalise { below, ended }),
        1 => Just(Step::Restart),
    ]
}

fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![
        Just(Failure::Job),
        Just(Failure::Child),
        Just(Failure::Interrupted)
    ]
}

/// Chain, keystore, child and disk, as far as the machine can tell; it checks every command.
struct World {
    machine: Machine,
    number: BlockNumber,
    assigned: Vec<Assigned>,
    attested: BTreeMap<JobId, BlockNumber>,
    pool: BTreeMap<JobId, WorkId>,
    journal: BTreeMap<WorkId, Record>,
    running: BTreeSet<WorkId>,
    /// What was ever signed, by assignment.
    signed: BTreeMap<Hash, Attestation>,
    /// The signature that was first submitted, by assignment.
    submitted: BTreeMap<Hash, WorkerSignature>,
    /// Failures of the child, by work, since the assignments last changed.
    failures: BTreeMap<WorkId, u8>,
    /// Jobs that have ended in a finalised block: no chain assigns them again.
    gone: BTreeSet<JobId>,
    /// What the machine is yet to hear.
    events: VecDeque<Event>,
    keystore_works: bool,
    results: u32,
}

impl World {
    fn new() -> Self {
        Self {
            machine: Machine::new(limits(), []),
            number: 1,
            assigned: Vec::new(),
            attested: BTreeMap::new(),
            pool: BTreeMap::new(),
            journal: BTreeMap::new(),
            running: BTreeSet::new(),
            signed: BTreeMap::new(),
            submitted: BTreeMap::new(),
            failures: BTreeMap::new(),
            gone: BTreeSet::new(),
            events: VecDeque::new(),
            keystore_works: true,
            results: 0,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Best { by, jobs, fork } => {
                self.attested.clear();
                self.pool.clear();
                self.failures.clear();
                self.assign(jobs, fork);
                self.number = self.number.saturating_add_signed(by.into()).max(1);
                self.best();
            }
            Step::Finish(which) => self.finish(|running| *which.get(running)),
            Step::Fail(which, failure) => self.fail(which, failure),
            Step::Include => self.include(),
            Step::Refuse(which) => {
                if let Some((job, work)) = pick(&self.pool, which) {
                    self.pool.remove(&job);
                    self.event(Event::NotSubmitted { work });
                }
            }
            Step::Keystore(works) => self.keystore_works = works,
            Step::Finalise { below, ended } => {
                let number = self.number.saturating_sub(below.into());
                let settling = self.machine.settling(number);
                let is_ended = |job: &JobId| ended.iter().any(|id| Hash::repeat_byte(*id) == *job);
                let ended: Vec<JobId> = settling.into_iter().filter(is_ended).collect();
                self.gone.extend(&ended);
                self.event(Event::Finalised { number, ended });
            }
            Step::Restart => {
                self.running.clear();
                self.failures.clear();
                self.machine = Machine::new(limits(), self.journal.values().cloned());
                self.best();
            }
        }
    }

    fn assign(&mut self, jobs: BTreeSet<u8>, fork: u8) {
        let jobs = jobs.into_iter().map(|id| assigned(id, fork));
        self.assigned = jobs
            .filter(|a| !self.gone.contains(&a.assignment.job))
            .collect();
    }

    fn best(&mut self) {
        let attested = &self.attested;
        let lacks = |a: &&Assigned| !attested.contains_key(&a.assignment.job);
        let assigned = self.assigned.iter().filter(lacks).cloned().collect();
        let unconfirmed = self.machine.unconfirmed();
        let confirmed = unconfirmed
            .into_iter()
            .filter_map(|j| attested.get(&j).map(|block| (j, *block)));
        let attested = confirmed.collect();
        self.event(Event::Best {
            number: self.number,
            assigned,
            attested,
        });
    }

    fn finish(&mut self, which: impl Fn(&[WorkId]) -> WorkId) {
        if self.running.is_empty() {
            return;
        }
        let work = which(&self.running.iter().copied().collect::<Vec<_>>());
        self.running.remove(&work);
        self.results += 1;
        self.event(Event::Finished {
            work,
            result: result(self.results),
        });
    }

    fn fail(&mut self, which: prop::sample::Index, failure: Failure) {
        if self.running.is_empty() {
            return;
        }
        let work = *which.get(&self.running.iter().copied().collect::<Vec<_>>());
        self.running.remove(&work);
        if failure == Failure::Child {
            *self.failures.entry(work).or_default() += 1;
        }
        self.event(Event::Failed { work, failure });
    }

    /// The next block takes in what the pool has.
    fn include(&mut self) {
        self.number += 1;
        for (job, _) in std::mem::take(&mut self.pool) {
            if self.assigned.iter().any(|a| a.assignment.job == job) {
                self.attested.insert(job, self.number);
            }
        }
        self.best();
    }

    fn event(&mut self, event: Event) {
        self.events.push_back(event);
        while let Some(event) = self.events.pop_front() {
            let commands = self.machine.handle(event);
            commands
                .into_iter()
                .for_each(|command| self.carry_out(command));
            self.check_limits();
        }
    }

    fn check_limits(&self) {
        assert!(self.machine.running() <= limits().concurrency);
        let open = self.machine.running() + self.machine.waiting();
        assert!(open <= limits().concurrency + limits().queue);
        assert!(self.machine.entries.len() <= limits().entries);
        assert_eq!(self.machine.running(), self.running.len());
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Run(assignment) => {
                let work = WorkId::of(&assignment);
                assert!(
                    !self.journal.contains_key(&work),
                    "computed what the journal has"
                );
                assert!(self.running.insert(work), "computed twice at once");
                let failures = self.failures.get(&work).copied().unwrap_or(0);
                assert!(failures < 2, "tried once too often");
            }
            Command::Cancel(work) => {
                assert!(self.running.remove(&work), "stopped what did not run")
            }
            Command::Keep(record) => {
                self.journal.insert(record.work(), record);
            }
            Command::Forget(work) => {
                assert!(
                    self.journal.remove(&work).is_some(),
                    "forgot what the journal lacks"
                );
            }
            Command::Sign {
                work,
                assignment_hash,
                attestation,
                ..
            } => {
                self.check(assignment_hash, &attestation);
                assert!(
                    self.journal.contains_key(&work),
                    "signed what is not in the journal"
                );
                self.sign(work, assignment_hash);
            }
            Command::Submit {
                work,
                assignment_hash,
                attestation,
                signature,
                output,
            } => {
                self.check(assignment_hash, &attestation);
                let kept = &self.journal[&work];
                assert_eq!(kept.output, output);
                assert!(
                    kept.signed.iter().any(|s| s.signature == signature),
                    "submitted what is not in the journal"
                );
                self.check_signature(assignment_hash, signature);
                self.pool.insert(attestation.job, work);
            }
            Command::NoteAttested { job, .. } => {
                assert!(self.attested.contains_key(&job));
            }
        }
    }

    /// What every signature and submission must be: for an assignment that is ours at the best block
    /// and can still be attested in time, and the same for one assignment, always.
    fn check(&mut self, assignment_hash: Hash, attestation: &Attestation) {
        let is_it = |a: &&Assigned| a.assignment.assignment_hash == assignment_hash;
        let ours = self
            .assigned
            .iter()
            .find(is_it)
            .expect("it is ours at the best block");
        assert!(
            !self.attested.contains_key(&ours.assignment.job),
            "it is attested"
        );
        assert!(
            self.number < ours.assignment.deadline,
            "it is past its deadline"
        );
        let first = self.signed.entry(assignment_hash).or_insert(*attestation);
        assert_eq!(first, attestation, "two attestations for one assignment");
    }

    /// A replica's provider may have committed to the signature that it submitted first.
    fn check_signature(&mut self, assignment_hash: Hash, signature: WorkerSignature) {
        let first = self.submitted.entry(assignment_hash);
        let first = first.or_insert_with(|| signature.clone());
        assert_eq!(*first, signature, "two signatures for one assignment");
    }

    fn sign(&mut self, work: WorkId, assignment_hash: Hash) {
        let is_it = |a: &&Assigned| a.assignment.assignment_hash == assignment_hash;
        let signed = self
            .assigned
            .iter()
            .find(is_it)
            .map(sign)
            .expect("checked before");
        self.events.push_back(match self.keystore_works {
            true => Event::Signed { work, signed },
            false => Event::NotSigned { work },
        });
    }

    /// Jobs that can't be done, whatever the assignment.
    fn given_up(&self) -> BTreeSet<JobId> {
        let failed = |e: &&Entry| {
            matches!(
                e.phase,
                Phase::Failed {
                    whatever_assignment: true
                }
            )
        };
        self.machine
            .entries
            .values()
            .filter(failed)
            .map(|e| e.assigned.assignment.job)
            .collect()
    }
}

fn pick(pool: &BTreeMap<JobId, WorkId>, which: prop::sample::Index) -> Option<(JobId, WorkId)> {
    if pool.is_empty() {
        return None;
    }
    let all: Vec<_> = pool.iter().map(|(job, work)| (*job, *work)).collect();
    Some(*which.get(&all))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The assertions are in `World`.
    #[test]
    fn no_sequence_of_events_breaks_a_rule(steps in prop::collection::vec(step(), 0..200)) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.take(step));
    }

    #[test]
    fn every_assignment_that_stays_ours_is_attested(
        steps in prop::collection::vec(step(), 0..100),
        jobs in prop::collection::btree_set(0..JOBS, 1..usize::from(JOBS)),
    ) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.take(step));
        // From here on nothing goes wrong, and one assignment of each job stands.
        world.number = 1;
        world.attested.clear();
        world.keystore_works = true;
        world.assign(jobs, FORKS);
        let jobs = world.assigned.clone();
        for _ in 0..16 {
            world.include();
            while !world.running.is_empty() {
                world.finish(|running| running[0]);
            }
        }
        let given_up = world.given_up();
        for job in jobs {
            let job = job.assignment.job;
            prop_assert!(world.attested.contains_key(&job) || given_up.contains(&job));
        }
    }
}
