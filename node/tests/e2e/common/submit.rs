//! Signing transactions, sending them, and finding out what came of them.

use super::{
    account::account_of,
    call::Call,
    chain::{height, to_hex, words_of, BlockRef, Chain},
    event::Event,
};
use kagari_primitives::Hash;
use serde_json::Value as Json;
use subxt::{config::DefaultExtrinsicParamsBuilder, rpcs::rpc_params};
use subxt_signer::sr25519::Keypair;

/// A transaction in a block, and what came of it.
#[derive(Debug)]
pub struct InBlock {
    /// The block.
    pub block: BlockRef,
    /// Events of this transaction alone.
    pub events: Vec<Event>,
    /// `Err` with `Pallet::Error`, or the name of another dispatch error.
    pub outcome: Result<(), String>,
}

impl Chain {
    /// The nonce that follows what the node's pool holds.
    pub async fn next_nonce(&self, signer: &Keypair) -> u64 {
        self.ask("system_accountNextIndex", rpc_params![account_of(signer)])
            .await
    }

    /// Signs a call.
    pub fn sign(&self, signer: &Keypair, nonce: u64, call: &Call) -> Vec<u8> {
        let params = DefaultExtrinsicParamsBuilder::new()
            .nonce(nonce)
            .immortal()
            .build();
        let tx = self.offline.tx();
        let payload = tx
            .from_call_data_bytes(&call.0)
            .expect("the call fits the metadata");
        let mut signable = tx
            .create_signable_offline(&payload, params)
            .expect("the call can be signed");
        signable
            .sign(signer)
            .expect("the call is signed")
            .into_encoded()
    }

    /// Signs and sends a call, and waits until it is in a block.
    pub async fn submit(&self, signer: &Keypair, call: &Call) -> InBlock {
        let nonce = self.next_nonce(signer).await;
        let extrinsic = self.sign(signer, nonce, call);
        self.submit_extrinsic(&extrinsic)
            .await
            .unwrap_or_else(|e| panic!("the node refused: {e}"))
    }

    /// Like [`Self::submit`], for a call that has to work.
    pub async fn submit_good(&self, signer: &Keypair, call: &Call) -> InBlock {
        let done = self.submit(signer, call).await;
        assert_eq!(done.outcome, Ok(()), "events: {:#?}", done.events);
        done
    }

    /// Sends an extrinsic and waits until it is in a block; `Err` if the pool refuses it.
    pub async fn submit_extrinsic(&self, extrinsic: &[u8]) -> Result<InBlock, String> {
        let (submit, end) = ("author_submitAndWatchExtrinsic", "author_unwatchExtrinsic");
        let mut statuses = self
            .rpc
            .subscribe::<Json>(submit, rpc_params![to_hex(extrinsic)], end)
            .await
            .map_err(|e| words_of(&e))?;
        while let Some(status) = statuses.next().await {
            let status = status.map_err(|e| e.to_string())?;
            if let Some(hash) = status.get("inBlock") {
                let hash = serde_json::from_value(hash.clone()).expect("a hash");
                return Ok(self.outcome_in(hash, extrinsic).await);
            }
            if ["invalid", "dropped", "usurped"]
                .iter()
                .any(|end| is_status(&status, end))
            {
                return Err(status.to_string());
            }
        }
        Err("the node stopped reporting".into())
    }

    async fn outcome_in(&self, hash: Hash, extrinsic: &[u8]) -> InBlock {
        let header: Json = self.ask("chain_getHeader", rpc_params![hash]).await;
        let all = self.extrinsics(hash).await;
        let index = all
            .iter()
            .position(|e| e == extrinsic)
            .expect("the node names its block");
        let index = u32::try_from(index).expect("blocks are small");
        let mut events = self.events(hash).await;
        events.retain(|e| e.extrinsic == Some(index));
        let outcome = match events.iter().find(|e| e.is("System", "ExtrinsicFailed")) {
            Some(failure) => Err(failure.dispatch_error(self.metadata())),
            None => Ok(()),
        };
        InBlock {
            block: BlockRef {
                number: height(&header),
                hash,
            },
            events,
            outcome,
        }
    }
}

fn is_status(status: &Json, name: &str) -> bool {
    status.as_str() == Some(name) || status.get(name).is_some()
}
