//! The runtime API of a node's worker and RPC. What to do is decided by the runtime, so that an
//! upgrade can change the protocol without changing the node.

use crate::{
    attestation::Attestation,
    job::{Assignment, JobInfo},
    model::Manifest,
    provider::{OfferInfo, ProviderInfo},
    worker_key::{WorkerId, WorkerSignature},
    AccountId, Balance, JobId, ModelId, Word,
};
use alloc::vec::Vec;

sp_api::decl_runtime_apis! {
    /// What a worker and the RPC ask of the runtime.
    pub trait ComputeApi {
        /// The provider that `worker` works for, if any.
        fn provider_of(worker: WorkerId) -> Option<AccountId>;
        /// The jobs that are assigned to `worker` and lack an attestation.
        fn assignments(worker: WorkerId) -> Vec<Assignment>;
        /// What the worker signs to attest; `None` if the job is not assigned.
        fn attestation_message(attestation: Attestation) -> Option<Vec<u8>>;
        /// The extrinsic that carries an attestation: a general transaction, for submission as it is.
        fn attestation(attestation: Attestation, signature: WorkerSignature, output: Vec<Word>)
            -> Block::Extrinsic;
        /// An open job.
        fn job(job: JobId) -> Option<JobInfo>;
        /// The jobs that ended in this block, as they ended.
        fn ended_jobs() -> Vec<JobInfo>;
        /// The registered models.
        fn models() -> Vec<(ModelId, Manifest)>;
        /// One model's manifest.
        fn model(model: ModelId) -> Option<Manifest>;
        /// The standing offers for a model, cheapest first.
        fn offers(model: ModelId) -> Vec<OfferInfo>;
        /// All providers.
        fn providers() -> Vec<ProviderInfo>;
        /// One provider.
        fn provider(provider: AccountId) -> Option<ProviderInfo>;
        /// The least bond of a provider.
        fn min_bond() -> Balance;
    }
}
