//! A chain in memory: it assigns, includes what the pool has, forks and finalises as it is told.

use futures::{channel::mpsc, future::BoxFuture, FutureExt};
use kagari_offchain_worker::{
    chain::{Chain, ChainError, Head, News, NewsStream},
    payload::PayloadError,
    record::Assigned,
};
use kagari_primitives::{
    attestation::{self, AttestationRecord},
    payload_hash,
    worker_key::{WorkerId, WorkerPair, WorkerSignature},
    AccountId, Assignment, Attestation, BlockNumber, Hash, JobId, JobInfo, JobSpec, JobState,
    Manifest, ModelId, Word,
};
use sp_core::Pair;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// A chain that the tests and the worker share.
#[derive(Clone, Default)]
pub struct TestChain {
    state: Arc<Mutex<State>>,
}

/// What a test can set.
#[derive(Default)]
pub struct State {
    pub number: BlockNumber,
    pub fork: u8,
    pub finalised: BlockNumber,
    pub assigned: Vec<Assignment>,
    pub inputs: BTreeMap<Hash, Vec<Word>>,
    pub pool: Vec<Attestation>,
    /// What the chain took, with the output.
    pub attested: BTreeMap<JobId, (BlockNumber, Attestation)>,
    pub ended: Vec<JobId>,
    /// Every submission, with the assignment that its signature covers.
    pub submitted: Vec<(Hash, Attestation, Vec<Word>)>,
    /// The pool refuses everything.
    pub pool_is_full: bool,
    /// What every submission comes to instead.
    pub refusal: Option<ChainError>,
    /// This many of the next calls of this name panic.
    pub panics: BTreeMap<&'static str, u32>,
    listeners: Vec<mpsc::UnboundedSender<News>>,
}

impl TestChain {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Assigns a job with this input to the worker, in the next block.
    pub fn assign(&self, input: &[Word]) -> Assignment {
        let mut state = self.state();
        let id = state.inputs.len() as u8 + 1;
        let assigned_at = state.number + 1;
        let assignment = Assignment {
            job: Hash::repeat_byte(id),
            replica_of: None,
            spec: JobSpec::new(super::model().id(), super::task(), 1, 100),
            input_hash: payload_hash(input),
            input_len: input.len() as u32,
            input_block: assigned_at,
            input_extrinsic: 1,
            assignment_hash: Hash::from_low_u64_be(u64::from(id)),
            assigned_at,
            // Blocks are made in a loop until something has come about.
            deadline: assigned_at + 1_000_000,
        };
        state.inputs.insert(assignment.input_hash, input.to_vec());
        state.assigned.push(assignment.clone());
        assignment
    }

    /// Makes the next block, which takes in what the pool has.
    pub fn block(&self) {
        let mut state = self.state();
        state.number += 1;
        let number = state.number;
        for attestation in std::mem::take(&mut state.pool) {
            state
                .attested
                .insert(attestation.job, (number, attestation));
        }
        state.tell(News::Best);
    }

    /// Goes over to another fork of the same height, on which nothing is attested and everything is
    /// assigned in another block.
    pub fn fork(&self) {
        let mut state = self.state();
        state.fork += 1;
        let fork = state.fork;
        state.attested.clear();
        state.pool.clear();
        for assignment in &mut state.assigned {
            assignment.assignment_hash.0[0] = fork;
        }
        state.tell(News::Best);
    }

    /// Finalises the best block.
    pub fn finalise(&self) {
        let mut state = self.state();
        state.finalised = state.number;
        state.tell(News::Finalised);
    }

    fn call(&self, name: &'static str) -> MutexGuard<'_, State> {
        let mut state = self.state();
        if let Some(left) = state.panics.get_mut(name).filter(|left| **left > 0) {
            *left -= 1;
            drop(state);
            panic!("a fault in {name}, as the test wants it");
        }
        state
    }
}

impl State {
    fn tell(&mut self, news: News) {
        self.listeners
            .retain(|listener| listener.unbounded_send(news).is_ok());
    }

    fn assignment(&self, attestation: &Attestation) -> Result<&Assignment, ChainError> {
        let is_it =
            |a: &&Assignment| a.job == attestation.job && a.assigned_at == attestation.assigned_at;
        self.assigned
            .iter()
            .find(is_it)
            .ok_or(ChainError::NotAssigned)
    }

    fn message(&self, attestation: &Attestation) -> Result<Vec<u8>, ChainError> {
        let assignment_hash = self.assignment(attestation)?.assignment_hash;
        Ok(attestation::message(
            Hash::zero(),
            assignment_hash,
            attestation,
        ))
    }

    fn info(&self, assignment: &Assignment) -> JobInfo {
        let attested = self.attested.get(&assignment.job);
        let state = match attested {
            None => JobState::Assigned {
                deadline: assignment.deadline,
            },
            Some((block, a)) => JobState::Attested {
                window_end: block + 4,
                attestation: AttestationRecord {
                    output_hash: a.output_hash,
                    output_len: 1,
                    stop: a.stop,
                    trace_root: a.trace_root,
                    block: *block,
                    extrinsic: 1,
                },
            },
        };
        let account = AccountId::new([0; 32]);
        JobInfo {
            job: assignment.job,
            replica_of: assignment.replica_of,
            requester: account.clone(),
            provider: account,
            spec: assignment.spec.clone(),
            price: 1,
            escrow: 1,
            input_hash: assignment.input_hash,
            input_len: assignment.input_len,
            input_block: assignment.input_block,
            input_extrinsic: assignment.input_extrinsic,
            assigned_at: assignment.assigned_at,
            attempts: 1,
            state,
        }
    }
}

pub fn worker() -> WorkerPair {
    WorkerPair::from_seed(&[7; 32])
}

impl Chain for TestChain {
    fn news(&self) -> NewsStream {
        let (listener, news) = mpsc::unbounded();
        self.state().listeners.push(listener);
        Box::pin(news)
    }

    fn best(&self) -> Head {
        let state = self.state();
        Head {
            hash: Hash::repeat_byte(state.fork),
            number: state.number,
        }
    }

    fn finalised(&self) -> Head {
        Head {
            hash: Hash::zero(),
            number: self.state().finalised,
        }
    }

    fn workers(&self) -> Vec<WorkerId> {
        vec![WorkerPair::from_seed(&[9; 32]).public(), worker().public()]
    }

    fn provider(&self, _: Hash, key: &WorkerId) -> Result<Option<AccountId>, ChainError> {
        Ok((*key == worker().public()).then(|| AccountId::new([0; 32])))
    }

    fn assignments(&self, _: Hash, key: &WorkerId) -> Result<Vec<Assigned>, ChainError> {
        let state = self.call("assignments");
        assert_eq!(
            *key,
            worker().public(),
            "no provider has named the other key"
        );
        let lacks = |a: &&Assignment| {
            a.assigned_at <= state.number
                && !state.attested.contains_key(&a.job)
                && !state.ended.contains(&a.job)
        };
        let lacking = state.assigned.iter().filter(lacks).cloned();
        let assigned = lacking.map(|assignment| Assigned {
            worker: key.clone(),
            assignment,
        });
        Ok(assigned.collect())
    }

    fn job(&self, _: Hash, job: JobId) -> Result<Option<JobInfo>, ChainError> {
        let state = self.call("job");
        let is_it = |a: &&Assignment| a.job == job && !state.ended.contains(&job);
        Ok(state.assigned.iter().find(is_it).map(|a| state.info(a)))
    }

    fn model(&self, _: Hash, model: ModelId) -> Result<Option<Manifest>, ChainError> {
        let registered = super::model();
        Ok(Some(registered).filter(|m| m.id() == model))
    }

    fn input(&self, assignment: &Assignment) -> Result<Vec<Word>, PayloadError> {
        let input = self
            .call("input")
            .inputs
            .get(&assignment.input_hash)
            .cloned();
        input.ok_or(PayloadError::Pruned(assignment.input_block))
    }

    fn sign(
        &self,
        _: Hash,
        key: &WorkerId,
        attestation: Attestation,
    ) -> Result<WorkerSignature, ChainError> {
        let message = self.call("sign").message(&attestation)?;
        assert_eq!(
            *key,
            worker().public(),
            "signed with a key that has no assignment"
        );
        Ok(worker().sign(&message))
    }

    fn submit(
        &self,
        _: Hash,
        attestation: Attestation,
        signature: WorkerSignature,
        output: Vec<Word>,
    ) -> BoxFuture<'static, Result<(), ChainError>> {
        let chain = self.clone();
        async move {
            let mut state = chain.call("submit");
            let message = state.message(&attestation)?;
            assert!(WorkerPair::verify(&signature, message, &worker().public()));
            assert_eq!(attestation.output_hash, payload_hash(&output));
            let assignment_hash = state.assignment(&attestation)?.assignment_hash;
            state.submitted.push((assignment_hash, attestation, output));
            if let Some(error) = state.refusal.clone() {
                return Err(error);
            }
            if state.pool_is_full {
                return Err(ChainError::Pool("it is full".into()));
            }
            state.pool.push(attestation);
            Ok(())
        }
        .boxed()
    }
}
