//! The runtime API of a node's worker and RPC. What to do is decided by the runtime, so that an
//! upgrade can change the protocol without changing the node.

use crate::{
    attestation::{Attestation, NextStep},
    job::{Assignment, EraReward, JobInfo, JobSpec, Quote},
    model::Manifest,
    provider::{OfferInfo, ProviderInfo},
    worker_key::{WorkerId, WorkerSignature},
    AccountId, Balance, BlockNumber, EraIndex, Hash, JobId, ModelId, Word,
};
use alloc::vec::Vec;
use sp_runtime::DispatchError;

sp_api::decl_runtime_apis! {
    /// What a worker and the RPC ask of the runtime.
    pub trait ComputeApi {
        /// The provider that `worker` works for, if any.
        fn provider_of(worker: WorkerId) -> Option<AccountId>;
        /// The jobs that are assigned to the provider that has named `worker` and lack an attestation, each with the
        /// key that is to attest it: `worker`, or, of a replica that is committed to, the one that has committed.
        fn assignments(worker: WorkerId) -> Vec<(WorkerId, Assignment)>;
        /// What the worker signs to attest; `None` if the job is not assigned.
        fn attestation_message(attestation: Attestation) -> Option<Vec<u8>>;
        /// The extrinsic that carries an attestation: a general transaction, for submission as it is.
        fn attestation(attestation: Attestation, signature: WorkerSignature, output: Vec<Word>)
            -> Block::Extrinsic;
        /// What a worker that has signed an attestation is to do next; `None` if the job is not assigned so.
        fn next_step(attestation: Attestation, signature: WorkerSignature) -> Option<NextStep>;
        /// The extrinsic that carries a replica's commitment: a general transaction, for submission as it is.
        fn commitment(job: JobId, assigned_at: BlockNumber, commitment: Hash, signature: WorkerSignature)
            -> Block::Extrinsic;
        /// An open job.
        fn job(job: JobId) -> Option<JobInfo>;
        /// The jobs that ended in this block, as they ended.
        fn ended_jobs() -> Vec<JobInfo>;
        /// The match that a job with so many words of input would find now, or why it would be refused.
        fn quote(spec: JobSpec, input_len: u32) -> Result<Quote, DispatchError>;
        /// What an account earned as a provider in an era, and what it follows from; `None` for an era that is
        /// to come or forgotten.
        fn reward_of(account: AccountId, era: EraIndex) -> Option<EraReward>;
        /// The era of the latest settlement.
        fn latest_era() -> Option<EraIndex>;
        /// The registered models.
        fn models() -> Vec<(ModelId, Manifest)>;
        /// One model's manifest.
        fn model(model: ModelId) -> Option<Manifest>;
        /// The cheapest standing offers for a model, 256 at most, from the cheapest on.
        fn offers(model: ModelId) -> Vec<OfferInfo>;
        /// All providers.
        fn providers() -> Vec<ProviderInfo>;
        /// One provider.
        fn provider(provider: AccountId) -> Option<ProviderInfo>;
        /// The least bond of a provider.
        fn min_bond() -> Balance;
    }
}
