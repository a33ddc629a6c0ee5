//! What is sent to the chain, made and signed with the runtime's own types: that costs the client little, which
//! shares its machine with the node.

use crate::accounts::{Provider, Requester};
use codec::Encode;
use kagari_primitives::{
    attestation,
    job::assignment_hash,
    known_models, payload_hash,
    worker_key::{ownership_message, WorkerSignature},
    Attestation, BlockNumber, JobId, JobSpec, ModelId, Sampling, StopReason, Task, Word, KGR,
};
use kagari_runtime::{
    extension, AccountId, Hash, Nonce, RuntimeCall, SignedPayload, UncheckedExtrinsic, VERSION,
};
use sp_core::{sr25519, Bytes, Pair};
use sp_runtime::generic::Era;

/// Words of a job's input.
const INPUT: usize = 16;
/// Words of its output.
const OUTPUT: u32 = 16;
/// Token ids that are used, fewer than the model has.
const TOKENS: Word = 40_000;
/// Blocks that a provider has for a job.
const DEADLINE: BlockNumber = 30;
/// How long an attestation's era lasts, and how long before the present block it begins, as the runtime has it.
const ERA: u64 = 32;
const ERA_LAG: BlockNumber = 16;

/// A job, as it was assigned to a provider.
pub struct Assigned {
    /// The job.
    pub job: JobId,
    /// Hash of its input.
    pub input_hash: Hash,
    /// Block of the assignment.
    pub at: BlockNumber,
    /// Hash of the block before it.
    pub parent: Hash,
}

/// Makes extrinsics for one chain.
pub struct Extrinsics {
    genesis: Hash,
    /// What every job asks for.
    spec: JobSpec,
}

impl Extrinsics {
    /// For the chain with this block 0.
    pub fn new(genesis: Hash) -> Self {
        let spec = JobSpec::new(
            known_models::smollm2_135m_instruct().id(),
            Task::Completion {
                max_new_tokens: OUTPUT,
                sampling: Sampling::GREEDY,
            },
            KGR,
            DEADLINE,
        );
        Self { genesis, spec }
    }

    /// The model that the jobs are for.
    pub fn model(&self) -> ModelId {
        self.spec.model
    }

    /// A signed extrinsic, encoded.
    pub fn signed(&self, by: &sr25519::Pair, nonce: Nonce, call: RuntimeCall) -> Bytes {
        // What the signature covers besides, extension by extension: versions, the chain, and the era's first block.
        let implicit = (
            (),
            (),
            VERSION.spec_version,
            VERSION.transaction_version,
            self.genesis,
            self.genesis,
            (),
            (),
            (),
            None,
            (),
        );
        let payload = SignedPayload::from_raw(call, extension(Era::Immortal, nonce), implicit);
        let signature = payload.using_encoded(|bytes| by.sign(bytes));
        let (call, extension, _) = payload.deconstruct();
        let account = AccountId::from(by.public());
        let extrinsic =
            UncheckedExtrinsic::new_signed(call, account.into(), signature.into(), extension);
        Bytes(extrinsic.encode())
    }

    /// The job that a requester sends with this nonce.
    pub fn job(&self, requester: &Requester, nonce: Nonce) -> Bytes {
        let call = pallet_compute_market::Call::submit_job {
            spec: self.spec.clone(),
            input: input(requester, nonce),
        };
        self.signed(&requester.pair, nonce, RuntimeCall::ComputeMarket(call))
    }

    /// A worker's attestation of a job that its provider was assigned.
    pub fn attestation(&self, provider: &Provider, assigned: &Assigned) -> Bytes {
        let output = output(assigned.job);
        let attestation = Attestation {
            job: assigned.job,
            assigned_at: assigned.at,
            output_hash: payload_hash(&output),
            stop: StopReason::Length,
            trace_root: assigned.job,
        };
        let assignment = assignment_hash(
            assigned.job,
            &self.spec,
            assigned.input_hash,
            &provider.account,
            assigned.at,
            assigned.parent,
        );
        let message = attestation::message(self.genesis, assignment, &attestation);
        let call = pallet_proof_of_work_done::Call::attest {
            attestation,
            signature: provider.worker.sign(&message),
            output,
        };
        let era = Era::mortal(ERA, assigned.at.saturating_sub(ERA_LAG).into());
        let call = RuntimeCall::ProofOfWorkDone(call);
        Bytes(UncheckedExtrinsic::new_transaction(call, extension(era, 0)).encode())
    }

    /// The word of a provider's worker key that it works for the provider.
    pub fn ownership_proof(&self, provider: &Provider) -> WorkerSignature {
        let message = ownership_message(self.genesis, &provider.account);
        provider.worker.sign(&message)
    }
}

/// The input of the job that a requester sends with this nonce; no two are the same.
pub fn input(requester: &Requester, nonce: Nonce) -> Vec<Word> {
    let words = [requester.number, nonce].into_iter().chain(3..);
    words.map(|word| word % TOKENS).take(INPUT).collect()
}

/// What is put out for a job; no two are the same.
fn output(job: JobId) -> Vec<Word> {
    let (pairs, _) = job.0.as_chunks::<2>();
    let words = pairs.iter().map(|pair| u16::from_be_bytes(*pair).into());
    words
        .map(|word: Word| word % TOKENS)
        .take(OUTPUT as usize)
        .collect()
}
