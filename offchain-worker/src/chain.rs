//! The chain, as the worker sees it: what is asked of the runtime, the keystore and the pool.

use crate::{
    payload::{self, PayloadError},
    record::Assigned,
};
use codec::Encode;
use futures::{future::BoxFuture, stream, FutureExt, Stream, StreamExt};
use futures_timer::Delay;
use kagari_primitives::{
    worker_key::{WorkerId, WorkerSignature, KEY_TYPE},
    AccountId, Assignment, Attestation, BlockNumber, ComputeApi, Hash, JobId, JobInfo, Manifest,
    ModelId, NextStep, Word,
};
use sc_client_api::{BlockBackend, BlockchainEvents};
use sc_transaction_pool_api::{
    error::{Error as PoolError, IntoPoolError},
    TransactionPool, TransactionSource,
};
use sp_api::{ApiError, ProvideRuntimeApi};
use sp_blockchain::HeaderBackend;
use sp_keystore::KeystorePtr;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{marker::PhantomData, pin::Pin, sync::Arc, time::Duration};

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its hash.
    pub hash: Hash,
    /// Its height.
    pub number: BlockNumber,
}

/// What the worker is woken by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// There may be another best block.
    Best,
    /// There may be another finalised block.
    Finalised,
}

/// News of the chain; it ends with the node.
pub type NewsStream = Pin<Box<dyn Stream<Item = News> + Send>>;

/// Why something could not be had from the chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The runtime could not be asked.
    #[error("the runtime could not be asked: {0}")]
    Runtime(String),
    /// The keystore failed, or lacks the key.
    #[error("the keystore did not sign: {0}")]
    Keystore(String),
    /// The runtime knows of no such assignment.
    #[error("the job is not assigned any more")]
    NotAssigned,
    /// The job is a replica, and committed to; it can be attested once all others are, for good.
    #[error("not all replicas are committed to in a finalised block yet")]
    Waits,
    /// The job is a replica, and what it is committed to can't be revealed.
    #[error(
        "the commitment on the chain is to another attestation or signature; the job can't be attested any more"
    )]
    Lost,
    /// The pool did not take the extrinsic.
    #[error("the transaction pool refused the attestation, or the commitment to it: {0}")]
    Pool(String),
}

impl From<ApiError> for ChainError {
    fn from(error: ApiError) -> Self {
        Self::Runtime(error.to_string())
    }
}

/// What a worker needs of a chain.
pub trait Chain: Send {
    /// News of new blocks.
    fn news(&self) -> NewsStream;
    /// The best block.
    fn best(&self) -> Head;
    /// The last finalised block.
    fn finalised(&self) -> Head;
    /// The worker keys in this node's keystore.
    fn workers(&self) -> Vec<WorkerId>;
    /// The provider that has named a worker key, if any.
    fn provider(&self, at: Hash, worker: &WorkerId) -> Result<Option<AccountId>, ChainError>;
    /// The jobs that are assigned to a worker key and lack an attestation.
    fn assignments(&self, at: Hash, worker: &WorkerId) -> Result<Vec<Assigned>, ChainError>;
    /// An open job.
    fn job(&self, at: Hash, job: JobId) -> Result<Option<JobInfo>, ChainError>;
    /// A registered model.
    fn model(&self, at: Hash, model: ModelId) -> Result<Option<Manifest>, ChainError>;
    /// The input of a job.
    fn input(&self, assignment: &Assignment) -> Result<Vec<Word>, PayloadError>;
    /// Signs an attestation.
    fn sign(
        &self,
        at: Hash,
        worker: &WorkerId,
        attestation: Attestation,
    ) -> Result<WorkerSignature, ChainError>;
    /// Builds a fresh extrinsic and submits it to the pool. For a replica whose provider has not committed to the
    /// attestation yet, it is the commitment. One that is committed to may have to wait for others.
    fn submit(
        &self,
        at: Hash,
        attestation: Attestation,
        signature: WorkerSignature,
        output: Vec<Word>,
    ) -> BoxFuture<'static, Result<(), ChainError>>;
}

/// The chain of the node that the worker is part of.
pub struct NodeChain<Block, Client, Pool> {
    client: Arc<Client>,
    pool: Arc<Pool>,
    keystore: KeystorePtr,
    block: PhantomData<fn() -> Block>,
}

impl<Block, Client, Pool> NodeChain<Block, Client, Pool> {
    /// The chain behind a node's parts.
    pub fn new(client: Arc<Client>, pool: Arc<Pool>, keystore: KeystorePtr) -> Self {
        Self {
            client,
            pool,
            keystore,
            block: PhantomData,
        }
    }

    /// Signs a message with a key of the keystore.
    fn sign_with(&self, worker: &WorkerId, message: &[u8]) -> Result<WorkerSignature, ChainError> {
        let key = worker.clone().into_inner();
        let signature = self.keystore.sr25519_sign(KEY_TYPE, &key, message);
        let signature = signature.map_err(|error| ChainError::Keystore(error.to_string()))?;
        let missing = || ChainError::Keystore("the worker key is not in it any more".into());
        signature.map(WorkerSignature::from).ok_or_else(missing)
    }
}

impl<Block, Client, Pool> NodeChain<Block, Client, Pool>
where
    Block: BlockT<Hash = Hash>,
    NumberFor<Block>: Into<BlockNumber>,
    Client: ProvideRuntimeApi<Block> + HeaderBackend<Block>,
    Client::Api: ComputeApi<Block>,
{
    /// What is to be submitted now to bring an attestation on its way: itself, or a commitment to it.
    fn next_extrinsic(
        &self,
        at: Hash,
        attestation: Attestation,
        signature: WorkerSignature,
        output: Vec<Word>,
    ) -> Result<Block::Extrinsic, ChainError> {
        let api = self.client.runtime_api();
        let next = api.next_step(at, attestation, signature.clone())?;
        match next.ok_or(ChainError::NotAssigned)? {
            NextStep::Attest => self.attest(at, attestation, signature, output),
            NextStep::Reveal { until } => {
                self.check_final(attestation, signature.clone(), until)?;
                self.attest(at, attestation, signature, output)
            }
            NextStep::Commit {
                worker,
                commitment,
                message,
            } => {
                let Attestation {
                    job, assigned_at, ..
                } = attestation;
                log::info!(target: crate::LOG_TARGET, "Committing to the result of job {job:?} first");
                let signature = self.sign_with(&worker, &message)?;
                Ok(api.commitment(at, job, assigned_at, commitment, signature)?)
            }
            NextStep::Wait => Err(ChainError::Waits),
            NextStep::Lost => Err(ChainError::Lost),
        }
    }

    fn attest(
        &self,
        at: Hash,
        attestation: Attestation,
        signature: WorkerSignature,
        output: Vec<Word>,
    ) -> Result<Block::Extrinsic, ChainError> {
        log::info!(target: crate::LOG_TARGET, "Attesting job {:?}", attestation.job);
        let api = self.client.runtime_api();
        Ok(api.attestation(at, attestation, signature, output)?)
    }

    /// Makes sure that the finalised block, too, has the commitments of all replicas: what is revealed on a fork that
    /// is dropped could be copied by a replica that has not committed on the other. When time runs out it is revealed
    /// all the same, since finality may be slow, and what is not revealed has failed.
    fn check_final(
        &self,
        attestation: Attestation,
        signature: WorkerSignature,
        until: BlockNumber,
    ) -> Result<(), ChainError> {
        let info = self.client.info();
        if is_urgent(info.best_number.into(), until) {
            return Ok(());
        }
        let api = self.client.runtime_api();
        match api.next_step(info.finalized_hash, attestation, signature)? {
            Some(NextStep::Reveal { .. }) => Ok(()),
            _ => Err(ChainError::Waits),
        }
    }
}

impl<Block, Client, Pool> Chain for NodeChain<Block, Client, Pool>
where
    Block: BlockT<Hash = Hash>,
    NumberFor<Block>: From<BlockNumber> + Into<BlockNumber>,
    Client: ProvideRuntimeApi<Block>
        + BlockchainEvents<Block>
        + HeaderBackend<Block>
        + BlockBackend<Block>
        + Send
        + Sync
        + 'static,
    Client::Api: ComputeApi<Block>,
    Pool: TransactionPool<Block = Block> + 'static,
{
    fn news(&self) -> NewsStream {
        let best = self
            .client
            .import_notification_stream()
            .filter(|n| futures::future::ready(n.is_new_best));
        let finalised = self.client.finality_notification_stream();
        // Either ends with the client.
        Box::pin(stream::select(
            best.map(|_| News::Best),
            finalised.map(|_| News::Finalised),
        ))
    }

    fn best(&self) -> Head {
        let info = self.client.info();
        Head {
            hash: info.best_hash,
            number: info.best_number.into(),
        }
    }

    fn finalised(&self) -> Head {
        let info = self.client.info();
        Head {
            hash: info.finalized_hash,
            number: info.finalized_number.into(),
        }
    }

    fn workers(&self) -> Vec<WorkerId> {
        self.keystore
            .sr25519_public_keys(KEY_TYPE)
            .into_iter()
            .map(WorkerId::from)
            .collect()
    }

    fn provider(&self, at: Hash, worker: &WorkerId) -> Result<Option<AccountId>, ChainError> {
        Ok(self.client.runtime_api().provider_of(at, worker.clone())?)
    }

    fn assignments(&self, at: Hash, worker: &WorkerId) -> Result<Vec<Assigned>, ChainError> {
        let assignments = self.client.runtime_api().assignments(at, worker.clone())?;
        let assigned = |(worker, assignment)| Assigned { worker, assignment };
        Ok(assignments.into_iter().map(assigned).collect())
    }

    fn job(&self, at: Hash, job: JobId) -> Result<Option<JobInfo>, ChainError> {
        Ok(self.client.runtime_api().job(at, job)?)
    }

    fn model(&self, at: Hash, model: ModelId) -> Result<Option<Manifest>, ChainError> {
        Ok(self.client.runtime_api().model(at, model)?)
    }

    fn input(&self, assignment: &Assignment) -> Result<Vec<Word>, PayloadError> {
        let Assignment {
            input_block,
            input_extrinsic,
            input_len,
            input_hash,
            ..
        } = *assignment;
        payload::read::<Block, Client>(
            &self.client,
            input_block,
            input_extrinsic,
            input_len,
            input_hash,
        )
    }

    fn sign(
        &self,
        at: Hash,
        worker: &WorkerId,
        attestation: Attestation,
    ) -> Result<WorkerSignature, ChainError> {
        let message = self
            .client
            .runtime_api()
            .attestation_message(at, attestation)?;
        self.sign_with(worker, &message.ok_or(ChainError::NotAssigned)?)
    }

    fn submit(
        &self,
        at: Hash,
        attestation: Attestation,
        signature: WorkerSignature,
        output: Vec<Word>,
    ) -> BoxFuture<'static, Result<(), ChainError>> {
        let extrinsic = self.next_extrinsic(at, attestation, signature, output);
        let pool = self.pool.clone();
        async move {
            let extrinsic = extrinsic?;
            log::trace!(target: crate::LOG_TARGET, "Submitting {} bytes", extrinsic.encoded_size());
            for _ in 0..MAX_LOOKS {
                let submit = pool.submit_one(at, TransactionSource::Local, extrinsic.clone());
                match submit.await.map_err(IntoPoolError::into_pool_error) {
                    Ok(_) => return Ok(()),
                    Err(Ok(PoolError::UnknownTransaction(_))) => Delay::new(LOOK_AGAIN).await,
                    Err(error) => return refused(error),
                }
            }
            Err(ChainError::Pool(
                "it does not know the assignment yet".into(),
            ))
        }
        .boxed()
    }
}

/// Blocks before the last in which a reveal counts from which on it waits for finality no longer.
const URGENT: BlockNumber = 5;

/// Whether a replica is revealed at this best block whatever is final.
fn is_urgent(best: BlockNumber, until: BlockNumber) -> bool {
    best.saturating_add(URGENT) >= until
}

/// How often an attestation is offered to a pool that does not know its assignment.
const MAX_LOOKS: u32 = 5;
/// What lies between: the pool hears of a new block when the worker does, and takes a moment longer.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What the refusal of an attestation means.
fn refused<E: std::error::Error>(error: Result<PoolError, E>) -> Result<(), ChainError> {
    match error {
        // The pool has this attestation, in this extrinsic or in an earlier one.
        Ok(PoolError::AlreadyImported(_) | PoolError::TooLowPriority { .. }) => Ok(()),
        Ok(error) => Err(ChainError::Pool(error.to_string())),
        Err(error) => Err(ChainError::Pool(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_runtime::transaction_validity::{InvalidTransaction, UnknownTransaction};

    fn refused(error: PoolError) -> Result<(), ChainError> {
        super::refused::<PoolError>(Ok(error))
    }

    #[test]
    fn a_reveal_waits_for_finality_until_it_is_urgent() {
        assert!(!is_urgent(0, 10) && !is_urgent(4, 10));
        assert!(is_urgent(5, 10) && is_urgent(10, 10) && is_urgent(11, 10));
        assert!(is_urgent(BlockNumber::MAX, BlockNumber::MAX));
    }

    #[test]
    fn an_attestation_that_the_pool_has_is_submitted() {
        assert_eq!(refused(PoolError::AlreadyImported(Box::new(()))), Ok(()));
        assert_eq!(
            refused(PoolError::TooLowPriority { old: 1, new: 1 }),
            Ok(())
        );
    }

    #[test]
    fn an_attestation_that_the_pool_lacks_is_not() {
        for error in [
            PoolError::UnknownTransaction(UnknownTransaction::CannotLookup),
            PoolError::InvalidTransaction(InvalidTransaction::Stale),
            PoolError::TemporarilyBanned,
            PoolError::ImmediatelyDropped,
        ] {
            assert!(matches!(refused(error), Err(ChainError::Pool(_))));
        }
    }
}
