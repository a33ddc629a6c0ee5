//! Calls on jobs: sent, committed to, attested, declined and cancelled.

use super::{signed, Driver, MarketCall, Transaction, WORKERS};
use kagari_primitives::{
    attestation, payload_hash,
    worker_key::{WorkerPair, WorkerSignature},
    AccountId, Architecture, Attestation, Balance, BlockNumber, Hash, JobId, JobSpec, ModelId,
    Sampling, StopReason, Task, Word,
};
use kagari_runtime::{ComputeMarket, ProofOfWorkDone, Runtime};
use pallet_compute_market::{
    types::{Job, Stage},
    Jobs, Models, Providers,
};
use sp_core::Pair;

type ProofCall = pallet_proof_of_work_done::Call<Runtime>;

/// What a replica gave, as it was signed and committed to.
#[derive(Clone)]
pub struct Outcome {
    attestation: Attestation,
    signature: WorkerSignature,
    output: Vec<Word>,
}

impl Driver {
    pub(super) fn job(&mut self) -> Option<Transaction> {
        let (who, model) = (self.account(), self.model());
        let (spec, input) = self.request(model);
        signed(who, MarketCall::submit_job { spec, input })
    }

    /// What to ask of a model: mostly what it can do, in a time that suffices.
    pub(super) fn request(&mut self, model: ModelId) -> (JobSpec, Vec<Word>) {
        let shape = Models::<Runtime>::get(model).map(|model| model.manifest.shape);
        let embeds = shape.is_some_and(|shape| shape.architecture == Architecture::Bert);
        let task = match embeds != self.one_in(32) {
            true => Task::Embedding,
            false => Task::Completion {
                max_new_tokens: self.length(60),
                sampling: self.sampling(),
            },
        };
        let input: Vec<Word> = (0..self.length(9)).collect();
        let shortest = shape.map_or(0, |shape| {
            ComputeMarket::shortest_deadline(task.most_work(&shape, input.len() as u32))
        });
        let deadline = match self.one_in(16) {
            true => self.below(400) as BlockNumber,
            false => shortest + self.below(24) as BlockNumber,
        };
        let max_price = match self.one_in(8) {
            true => self.amount(),
            false => Balance::MAX,
        };
        let region = match self.one_in(2) {
            true => self.region(),
            false => None,
        };
        let spec = JobSpec {
            model,
            task,
            max_price,
            deadline,
            min_tier: self.tier(),
            class: self.class(),
            region,
            replicas: self.replicas(),
        };
        (spec, input)
    }

    fn replicas(&mut self) -> u8 {
        match self.below(24) {
            0 => self.below(8) as u8,
            1..=8 => 3 + self.below(3) as u8,
            _ => 1,
        }
    }

    /// A number of words: up to `most` as a rule, at times none, or more than is accepted.
    fn length(&mut self, most: u64) -> Word {
        let length = match self.one_in(64) {
            true => self.below(9_000),
            false => 1 + self.below(most),
        };
        length as Word
    }

    fn sampling(&mut self) -> Sampling {
        match self.one_in(16) {
            true => Sampling {
                temperature: self.below(11_000) as u32,
                top_p: self.below(1_100) as u32,
                seed: self.below(256),
            },
            false => Sampling::GREEDY,
        }
    }

    /// An open job: as a rule one that lacks its attestation.
    fn open_job(&mut self) -> Option<(JobId, Job)> {
        let any = self.one_in(16);
        let jobs: Vec<_> = Jobs::<Runtime>::iter()
            .filter(|(_, job)| any || job.stage == Stage::Assigned)
            .collect();
        self.one_of(&jobs)
    }

    pub(super) fn decline(&mut self) -> Option<Transaction> {
        let (job, record) = self.open_job()?;
        let who = self.mostly(record.provider);
        signed(who, MarketCall::decline_job { job })
    }

    pub(super) fn job_cancellation(&mut self) -> Option<Transaction> {
        let (job, record) = self.open_job()?;
        let who = self.mostly(record.requester);
        signed(who, MarketCall::cancel_job { job })
    }

    /// An attestation, which authorises itself by the worker key's signature; at times there is something wrong with
    /// it.
    pub(super) fn attestation(&mut self) -> Option<Transaction> {
        let (id, job) = self.open_job()?;
        if job.replica.is_some() && !self.one_in(16) {
            return match job.has_committed() {
                false => self.commitment_of(id, &job),
                true if job.waits_for_commitments() => None,
                true => self.reveal_result(id),
            };
        }
        let (mut attestation, mut output) = self.result(id, &job);
        let mut key = worker_of(&job.provider)?;
        match self.below(40) {
            0 => attestation.job = Hash::repeat_byte(7),
            1 => attestation.assigned_at -= 1,
            2 => attestation.assigned_at += 1,
            3 => attestation.stop = StopReason::Vector,
            4 => output.push(0),
            5 => key = &WORKERS[self.below(WORKERS.len() as u64) as usize],
            _ => (),
        }
        let message = ProofOfWorkDone::attestation_message(&attestation).unwrap_or_default();
        let call = ProofCall::attest {
            attestation,
            signature: key.sign(&message),
            output,
        };
        // Signed by an account, it is refused, and costs its fee.
        let who = match self.one_in(40) {
            true => Some(self.account()),
            false => None,
        };
        Some((who, call.into()))
    }

    /// The attestation of what a job may give, with its output.
    fn result(&mut self, id: JobId, job: &Job) -> (Attestation, Vec<Word>) {
        let (stop, len) = self.ending(job);
        let output: Vec<Word> = (0..len).collect();
        let attestation = Attestation {
            job: id,
            assigned_at: job.assigned_at,
            output_hash: payload_hash(&output),
            stop,
            trace_root: Hash::repeat_byte(1),
        };
        (attestation, output)
    }

    /// What was committed to for a replica, as it was signed then.
    fn reveal_result(&mut self, id: JobId) -> Option<Transaction> {
        let is_its = |result: &&Outcome| result.attestation.job == id;
        let result = self.committed.iter().find(is_its)?.clone();
        let call = ProofCall::attest {
            attestation: result.attestation,
            signature: result.signature,
            output: result.output,
        };
        Some((None, call.into()))
    }

    /// A commitment for a replica that lacks one, or, at times, for any job.
    pub(super) fn commitment(&mut self) -> Option<Transaction> {
        let any = self.one_in(16);
        let jobs: Vec<_> = Jobs::<Runtime>::iter()
            .filter(|(_, job)| any || job.replica.is_some() && !job.has_committed())
            .collect();
        let (id, record) = self.one_of(&jobs)?;
        self.commitment_of(id, &record)
    }

    /// A commitment to what a replica may give, which authorises itself as an attestation does; at times there is
    /// something wrong with it.
    fn commitment_of(&mut self, id: JobId, record: &Job) -> Option<Transaction> {
        let (result, output) = self.result(id, record);
        let mut key = worker_of(&record.provider)?;
        let message = ProofOfWorkDone::attestation_message(&result).unwrap_or_default();
        let signature = key.sign(&message);
        let (mut job, mut assigned_at) = (id, record.assigned_at);
        let mut commitment = attestation::commitment(&result, &signature);
        match self.below(40) {
            0 => job = Hash::repeat_byte(7),
            1 => assigned_at -= 1,
            2 => assigned_at += 1,
            // It can't be revealed.
            3 => commitment = Hash::repeat_byte(7),
            4 => key = &WORKERS[self.below(WORKERS.len() as u64) as usize],
            _ => (),
        }
        let genesis = ComputeMarket::genesis_hash();
        let message = attestation::commitment_message(genesis, record.assignment_hash, commitment);
        let call = ProofCall::commit {
            job,
            assigned_at,
            commitment,
            signature: key.sign(&message),
        };
        // The first that is taken counts.
        let committed = |job: JobId| Jobs::<Runtime>::get(job).is_some_and(|j| j.has_committed());
        if !committed(id) {
            self.committed
                .retain(|kept| kept.attestation.job != id && committed(kept.attestation.job));
            self.committed.push(Outcome {
                attestation: result,
                signature,
                output,
            });
        }
        Some((None, call.into()))
    }

    /// How a job may end: why, and with how many words. Replicas agree as a rule.
    fn ending(&mut self, job: &Job) -> (StopReason, Word) {
        let Task::Completion { max_new_tokens, .. } = job.spec.task else {
            return match self.one_in(8) {
                true => (StopReason::NonFinite, 0),
                false => (StopReason::Vector, job.shape.hidden),
            };
        };
        if job.replica.is_some() && !self.one_in(8) {
            return (StopReason::Length, max_new_tokens);
        }
        let fewer = self.below(max_new_tokens.into()) as Word;
        match self.below(3) {
            0 => (StopReason::Length, max_new_tokens),
            1 => (StopReason::NonFinite, fewer),
            _ => (StopReason::StopToken, fewer + 1),
        }
    }

    pub(super) fn shares(&mut self) -> Option<Transaction> {
        signed(self.account(), ProofCall::pay_shares {})
    }
}

/// The key that signs a provider's attestations.
fn worker_of(provider: &AccountId) -> Option<&'static WorkerPair> {
    let worker = Providers::<Runtime>::get(provider)?.worker;
    WORKERS.iter().find(|key| key.public() == worker)
}
