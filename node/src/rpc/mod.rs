//! The node's JSON-RPC, beside what the SDK's service adds by itself.

mod compute;

use crate::{
    job_index::JobIndex,
    service::{FullBackend, FullClient, FullPool, FullSelectChain},
};
use compute::{Compute, ComputeServer};
use jsonrpsee::RpcModule;
use kagari_offchain_worker::Inference;
use kagari_runtime::opaque::Block;
use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_babe_rpc::{Babe, BabeApiServer};
use sc_consensus_grandpa::{
    FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
use sc_rpc::SubscriptionTaskExecutor;
use sp_core::H256;
use sp_keystore::KeystorePtr;
use std::sync::Arc;
use substrate_frame_rpc_system::{System, SystemApiServer};

/// What the RPC of BABE needs.
pub struct BabeDeps {
    /// Answers questions about epochs.
    pub worker: BabeWorkerHandle<Block>,
    /// How the best chain is chosen.
    pub select_chain: FullSelectChain,
}

/// What the RPC of GRANDPA needs.
pub struct GrandpaDeps {
    /// State of the votes.
    pub voter_state: SharedVoterState,
    /// Who finalises.
    pub authority_set: SharedAuthoritySet<H256, u32>,
    /// Justifications as they come.
    pub justification_stream: GrandpaJustificationStream<Block>,
    /// Proofs of finality.
    pub finality_provider: Arc<FinalityProofProvider<FullBackend, Block>>,
}

/// What the RPC of jobs needs.
pub struct ComputeDeps {
    /// Jobs that ended.
    pub jobs: Arc<JobIndex>,
    /// Turns text into token ids, where the node has models.
    pub inference: Option<Inference>,
}

/// What the RPC needs.
pub struct FullDeps {
    /// The chain.
    pub client: Arc<FullClient>,
    /// The transaction pool.
    pub pool: Arc<FullPool>,
    /// Where keys are.
    pub keystore: KeystorePtr,
    /// For BABE.
    pub babe: BabeDeps,
    /// For GRANDPA.
    pub grandpa: GrandpaDeps,
    /// For jobs.
    pub compute: ComputeDeps,
}

/// Two modules claim the same method.
pub type Clash = jsonrpsee::server::RegisterMethodError;

/// Makes the RPC; the service calls this once for the server and once for itself.
pub fn create_full(
    deps: &FullDeps,
    executor: SubscriptionTaskExecutor,
) -> Result<RpcModule<()>, Clash> {
    let FullDeps {
        client,
        pool,
        keystore,
        babe,
        grandpa,
        compute,
    } = deps;
    let mut module = RpcModule::new(());
    module.merge(System::new(client.clone(), pool.clone()).into_rpc())?;
    module.merge(TransactionPayment::new(client.clone()).into_rpc())?;
    module.merge(
        Babe::new(
            client.clone(),
            babe.worker.clone(),
            keystore.clone(),
            babe.select_chain.clone(),
        )
        .into_rpc(),
    )?;
    module.merge(
        Grandpa::new(
            executor,
            grandpa.authority_set.clone(),
            grandpa.voter_state.clone(),
            grandpa.justification_stream.clone(),
            grandpa.finality_provider.clone(),
        )
        .into_rpc(),
    )?;
    let compute = Compute::new(
        client.clone(),
        keystore.clone(),
        compute.jobs.clone(),
        compute.inference.clone(),
    );
    module.merge(compute.into_rpc())?;
    Ok(module)
}
