//! Providers: those whose worker is the node under test, and those whose worker key the test holds.

use super::{account::account_of, chain::Chain, submit::InBlock};
use codec::{Decode, Encode};
use kagari_inference::protocol::Completed;
use kagari_primitives::{
    payload_hash,
    worker_key::{ownership_message, WorkerPair, WorkerSignature},
    Attestation, Balance, Hash, JobId, ModelId, StopReason, Word,
};
use sp_core::Pair;
use subxt_signer::sr25519::Keypair;

/// A price per work unit that leaves something over after every rounding: a thousandth of a KGR.
pub const PRICE: Balance = kagari_primitives::KGR / 1_000;

impl Chain {
    /// Least bond of a provider.
    pub async fn min_bond(&self) -> Balance {
        self.runtime_call("ComputeApi_min_bond", (), self.genesis)
            .await
    }

    /// Bonds a provider whose worker is the node, and offers these models.
    pub async fn bond_node(&self, owner: &Keypair, models: &[ModelId], capacity: u16) {
        let (worker, proof) = self.rotate_worker_key(&account_of(owner)).await;
        let bond = 10 * self.min_bond().await;
        self.submit_good(owner, &self.register_provider(bond, &worker, &proof))
            .await;
        for model in models {
            self.submit_good(owner, &self.set_offer(*model, PRICE, capacity))
                .await;
        }
    }
}

/// A worker whose key the test holds, so that it can attest wrongly.
pub struct Worker {
    pair: WorkerPair,
}

/// An attestation with what goes beside it.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What is attested.
    pub attestation: Attestation,
    /// The worker's signature.
    pub signature: WorkerSignature,
    /// The output.
    pub output: Vec<Word>,
}

impl Worker {
    /// A worker with the key that a name stands for.
    pub fn new(name: &str) -> Self {
        Self {
            pair: WorkerPair::from_string(&format!("//{name}"), None).expect("a valid path"),
        }
    }

    /// Bonds `owner` with this worker's key.
    pub async fn bond(&self, chain: &Chain, owner: &Keypair, bond: Balance) -> InBlock {
        let proof = self.proof(chain, owner);
        let call = chain.register_provider(bond, &self.pair.public(), &proof);
        chain.submit_good(owner, &call).await
    }

    /// The signature by which this worker agrees to work for `owner`.
    pub fn proof(&self, chain: &Chain, owner: &Keypair) -> WorkerSignature {
        self.pair
            .sign(&ownership_message(chain.genesis, &account_of(owner)))
    }

    /// The public key.
    pub fn id(&self) -> kagari_primitives::worker_key::WorkerId {
        self.pair.public()
    }

    /// An attestation of `output` for a job, signed as it should be.
    pub async fn attest(&self, chain: &Chain, job: JobId, output: &[Word]) -> Signed {
        let (attestation, message) = statement(chain, job, output).await;
        self.sign(attestation, &message, output)
    }

    /// An attestation of whatever is claimed of a job, signed as it should be.
    pub async fn claim(&self, chain: &Chain, job: JobId, claimed: &Completed) -> Signed {
        let (attestation, message) = statement_of(chain, job, claimed).await;
        self.sign(attestation, &message, &claimed.output)
    }

    /// Signs a message and calls it the signature of an attestation.
    pub fn sign(&self, attestation: Attestation, message: &[u8], output: &[Word]) -> Signed {
        let signature = self.pair.sign(message);
        Signed {
            attestation,
            signature,
            output: output.to_vec(),
        }
    }
}

/// An attestation of `output` for an open job, and what its worker has to sign.
pub async fn statement(chain: &Chain, job: JobId, output: &[Word]) -> (Attestation, Vec<u8>) {
    let claimed = Completed {
        output: output.to_vec(),
        stop: StopReason::Length,
        trace_root: Hash::repeat_byte(7),
    };
    statement_of(chain, job, &claimed).await
}

/// An attestation of whatever is claimed of an open job, and what its worker has to sign.
async fn statement_of(chain: &Chain, job: JobId, claimed: &Completed) -> (Attestation, Vec<u8>) {
    let head = chain.head().await.hash;
    let info: Option<kagari_primitives::JobInfo> =
        chain.runtime_call("ComputeApi_job", job, head).await;
    let assigned_at = info.expect("the job is open").assigned_at;
    let attestation = Attestation {
        job,
        assigned_at,
        output_hash: payload_hash(&claimed.output),
        stop: claimed.stop,
        trace_root: claimed.trace_root,
    };
    let message: Option<Vec<u8>> = chain
        .runtime_call("ComputeApi_attestation_message", attestation, head)
        .await;
    (attestation, message.expect("the job is assigned"))
}

impl Signed {
    /// The extrinsic that carries it, as the runtime builds it at the best block.
    pub async fn extrinsic(&self, chain: &Chain) -> Vec<u8> {
        let head = chain.head().await.hash;
        let args = (self.attestation, &self.signature, &self.output);
        let extrinsic: Opaque = chain
            .runtime_call("ComputeApi_attestation", args, head)
            .await;
        extrinsic.0
    }

    /// Sends it; `Err` if the pool refuses it.
    pub async fn submit(&self, chain: &Chain) -> Result<InBlock, String> {
        let extrinsic = self.extrinsic(chain).await;
        chain.submit_extrinsic(&extrinsic).await
    }
}

/// An extrinsic as it stands in a block, with its length before it.
struct Opaque(Vec<u8>);

impl Decode for Opaque {
    fn decode<I: codec::Input>(input: &mut I) -> Result<Self, codec::Error> {
        Ok(Self(Vec::<u8>::decode(input)?.encode()))
    }
}
