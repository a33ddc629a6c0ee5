//! The worker as a whole, with a child process and a journal on disk, on a chain in memory.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{chain::TestChain, *};
use kagari_offchain_worker::{
    chain::ChainError, journal::Journal, metrics::WorkerMetrics, task, Inference, WorkerHandle,
};
use kagari_primitives::{Assignment, Word};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// A node with one worker, that can be ended and started again.
struct Node {
    chain: TestChain,
    models: TempDir,
    base: TempDir,
    metrics: WorkerMetrics,
    worker: Option<WorkerHandle>,
}

impl Node {
    fn stopped() -> Self {
        let chain = TestChain::default();
        let (models, base) = (models_dir(), TempDir::new().unwrap());
        Self {
            chain,
            models,
            base,
            metrics: WorkerMetrics::new(None),
            worker: None,
        }
    }

    fn started() -> Self {
        let mut node = Self::stopped();
        node.start(echo(&node.models));
        node
    }

    fn start(&mut self, inference: Inference) {
        let journal = Journal::open(self.journal_dir());
        let metrics = self.metrics.clone();
        self.worker = Some(task::start(self.chain.clone(), inference, journal, metrics).unwrap());
    }

    fn stop(&mut self) {
        self.worker = None;
    }

    fn journal_dir(&self) -> PathBuf {
        self.base.path().join("journal")
    }

    fn journal_files(&self) -> usize {
        fs::read_dir(self.journal_dir()).map_or(0, |files| files.count())
    }

    fn computed(&self) -> u64 {
        self.metrics.inference.get_sample_count()
    }

    fn failed(&self, reason: &str) -> u64 {
        self.metrics.failed.with_label_values(&[reason]).get()
    }

    fn submissions(&self, job: &Assignment) -> usize {
        self.chain
            .state()
            .submitted
            .iter()
            .filter(|(_, a, _)| a.job == job.job)
            .count()
    }

    fn wait_for_submissions(&self, job: &Assignment, count: usize) {
        wait_until("a submission", || self.submissions(job) >= count);
    }

    /// Makes blocks until a job is attested.
    fn wait_for_attestation(&self, job: &Assignment) {
        wait_until("an attestation", || {
            self.chain.block();
            self.chain.state().attested.contains_key(&job.job)
        });
    }

    fn output(&self, job: &Assignment) -> Vec<Word> {
        let state = self.chain.state();
        state
            .submitted
            .iter()
            .find(|(_, a, _)| a.job == job.job)
            .unwrap()
            .2
            .clone()
    }
}

#[test]
fn a_job_is_computed_and_attested() {
    let node = Node::started();
    let job = node.chain.assign(&[1, 2, 3]);
    node.chain.block();
    node.wait_for_submissions(&job, 1);
    assert_eq!(node.output(&job), [1, 2, 3]);
    assert_eq!(node.journal_files(), 1);
    node.chain.block();
    wait_until("the note of it", || node.metrics.attested.get() == 1);
    assert_eq!(node.metrics.attestation.get_sample_sum(), 1.0);
    assert_eq!(node.metrics.assigned.get(), 1);
    assert_eq!(node.metrics.queueing.get_sample_count(), 1);
}

#[test]
fn what_is_assigned_when_the_worker_starts_is_done() {
    let mut node = Node::stopped();
    let job = node.chain.assign(&[1]);
    node.chain.block();
    node.start(echo(&node.models));
    node.wait_for_submissions(&job, 1);
}

#[test]
fn a_restart_attests_from_the_journal_and_computes_nothing() {
    let mut node = Node::started();
    let job = node.chain.assign(&[1, 2]);
    node.chain.state().pool_is_full = true;
    node.chain.block();
    node.wait_for_submissions(&job, 1);
    node.stop();

    node.chain.state().pool_is_full = false;
    let no_child = config(node.models.path(), "/nowhere/to/be/found".into());
    node.start(Inference::start(no_child, None));
    node.wait_for_attestation(&job);
    assert_eq!(node.computed(), 1);
    assert_eq!(node.output(&job), [1, 2]);
}

#[test]
fn a_restart_in_the_middle_of_a_job_computes_it_again() {
    let mut node = Node::stopped();
    let hang = node.chain.assign(&[IGNORE, 1]);
    node.chain.block();
    node.start(echo(&node.models));
    wait_until("its start", || {
        node.metrics.queueing.get_sample_count() == 1
    });
    node.stop();
    assert_eq!(node.journal_files(), 0);

    // This time the child does it.
    node.chain
        .state()
        .inputs
        .insert(hang.input_hash, vec![4, 5]);
    node.start(echo(&node.models));
    node.wait_for_attestation(&hang);
    assert_eq!(node.output(&hang), [4, 5]);
}

#[test]
fn a_fork_is_attested_with_the_same_result() {
    let node = Node::started();
    let job = node.chain.assign(&[1, 2]);
    node.wait_for_attestation(&job);
    node.chain.fork();
    node.wait_for_attestation(&job);
    let state = node.chain.state();
    let (first, last) = (
        state.submitted.first().unwrap(),
        state.submitted.last().unwrap(),
    );
    assert_ne!(first.0, last.0, "it is another assignment");
    assert_eq!(first.1, last.1);
    drop(state);
    assert_eq!(node.computed(), 1);
}

#[test]
fn a_full_pool_is_tried_again_with_every_block() {
    let node = Node::started();
    let job = node.chain.assign(&[1]);
    node.chain.state().pool_is_full = true;
    node.chain.block();
    for count in 1..4 {
        node.wait_for_submissions(&job, count);
        node.chain.block();
    }
    node.chain.state().pool_is_full = false;
    node.wait_for_attestation(&job);
}

#[test]
fn a_replica_waits_for_the_others_and_is_tried_with_every_block() {
    let node = Node::started();
    let job = node.chain.assign(&[1]);
    node.chain.state().refusal = Some(ChainError::Waits);
    node.chain.block();
    for count in 1..4 {
        node.wait_for_submissions(&job, count);
        node.chain.block();
    }
    node.chain.state().refusal = None;
    node.wait_for_attestation(&job);
    assert_eq!(node.computed(), 1);
}

#[test]
fn a_replica_whose_commitment_is_to_something_else_is_tried_again_and_not_computed() {
    let node = Node::started();
    let job = node.chain.assign(&[1]);
    node.chain.state().refusal = Some(ChainError::Lost);
    node.chain.block();
    node.wait_for_submissions(&job, 1);
    // Another fork has another commitment.
    node.chain.state().refusal = None;
    node.wait_for_attestation(&job);
    assert_eq!(node.computed(), 1);
}

#[test]
fn a_panic_loses_nothing() {
    for call in ["assignments", "input", "sign", "submit", "job"] {
        let node = Node::started();
        node.chain.state().panics.insert(call, 1);
        let job = node.chain.assign(&[1, 2]);
        node.wait_for_attestation(&job);
        wait_until("the note of it", || {
            node.chain.block();
            node.metrics.attested.get() == 1
        });
        assert!(node.worker.as_ref().unwrap().is_running());
        assert_eq!(node.output(&job), [1, 2], "a panic in {call}");
    }
}

#[test]
fn a_job_that_crashes_the_child_is_tried_twice_and_the_others_are_done() {
    let node = Node::started();
    let bad = node.chain.assign(&[CRASH]);
    wait_until("the end of its tries", || {
        node.chain.block();
        node.failed("child_died") == 2
    });
    let good = node.chain.assign(&[1]);
    node.wait_for_attestation(&good);
    for _ in 0..5 {
        node.chain.block();
    }
    assert_eq!(node.failed("child_died"), 2);
    assert_eq!(node.submissions(&bad), 0);
}

#[test]
fn a_bad_input_is_given_up_at_once() {
    let node = Node::started();
    let bad = node.chain.assign(&[REFUSE]);
    node.chain.block();
    wait_until("its failure", || node.failed("bad_input") == 1);
    let good = node.chain.assign(&[1]);
    node.wait_for_attestation(&good);
    assert_eq!(node.failed("bad_input"), 1);
    assert_eq!(node.submissions(&bad), 0);
}

#[test]
fn what_is_taken_away_is_stopped() {
    let node = Node::started();
    node.chain.assign(&[IGNORE]);
    node.chain.block();
    wait_until("its start", || node.metrics.running.get() == 1);
    node.chain.state().assigned.clear();
    wait_until("its end", || {
        node.chain.block();
        node.metrics.running.get() == 0
    });
    // The slot is free again.
    let job = node.chain.assign(&[1]);
    node.wait_for_attestation(&job);
}

#[test]
fn more_jobs_than_run_at_once_are_all_done() {
    let node = Node::started();
    let jobs: Vec<Assignment> = (0..20).map(|n| node.chain.assign(&[n, 1])).collect();
    node.chain.block();
    for (n, job) in (0..).zip(&jobs) {
        node.wait_for_submissions(job, 1);
        assert_eq!(node.output(job), [n, 1]);
    }
    assert_eq!(node.computed(), 20);
}

#[test]
fn a_journal_that_refuses_does_not_stop_the_worker() {
    let mut node = Node::stopped();
    fs::write(node.journal_dir(), "a file in its place").unwrap();
    node.start(echo(&node.models));
    let job = node.chain.assign(&[1]);
    node.wait_for_attestation(&job);
    fs::remove_file(node.journal_dir()).unwrap();
    wait_until("the record on disk", || {
        node.chain.block();
        node.journal_files() == 1
    });
}

#[test]
fn the_journal_forgets_jobs_that_have_ended_in_a_finalised_block() {
    let node = Node::started();
    let job = node.chain.assign(&[1]);
    node.wait_for_attestation(&job);
    wait_until("the note of it", || node.metrics.attested.get() == 1);
    node.chain.finalise();
    node.chain.block();
    assert_eq!(node.journal_files(), 1, "its window is open");
    node.chain.state().ended.push(job.job);
    node.chain.block();
    wait_until("the end of the record", || {
        node.chain.block();
        node.chain.finalise();
        node.journal_files() == 0
    });
}

#[test]
fn the_worker_ends_with_its_handle() {
    let mut node = Node::started();
    let job = node.chain.assign(&[IGNORE]);
    node.chain.block();
    wait_until("its start", || node.metrics.running.get() == 1);
    node.stop();
    node.chain.block();
    assert_eq!(node.submissions(&job), 0);
}

#[test]
fn a_handle_that_is_dropped_at_once_ends_the_worker() {
    let mut node = Node::stopped();
    let inference = echo(&node.models);
    for _ in 0..50 {
        node.start(inference.clone());
        node.stop();
    }
}
