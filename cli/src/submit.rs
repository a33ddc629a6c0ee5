//! Signing a call, sending it, and waiting until it stands in a block.

use crate::{amount::Amount, connect::Node, failure::Failure};
use anyhow::{Context, Result};
use serde::Serialize;
use subxt::{
    client::OnlineClientAtBlockImpl,
    config::DefaultExtrinsicParamsBuilder,
    error::{BackendError, ExtrinsicError, RpcError, TransactionStatusError},
    ext::scale_decode::{DecodeAsFields, DecodeAsType},
    extrinsics::ExtrinsicEvents,
    rpcs,
    transactions::{
        Payload, SubmittableTransaction, TransactionInBlock, TransactionProgress, TransactionStatus,
    },
    utils::H256,
    SubstrateConfig,
};
use subxt_signer::sr25519::Keypair;

type AtBlock = OnlineClientAtBlockImpl<SubstrateConfig>;
type InBlock = TransactionInBlock<SubstrateConfig, AtBlock>;

/// How often a call is signed at most, when others take its nonce.
const MOST_TRIES: u32 = 5;

const LOST: &str = "The node lost sight of the transaction";

/// Blocks for which a transaction stays valid: one that was lost can't come back much later.
const LIFETIME: u64 = 64;

/// A transaction that was sent. It lives in the block that it was last seen in.
pub struct Transaction {
    progress: TransactionProgress<SubstrateConfig, AtBlock>,
}

/// A transaction in a block, where it succeeded.
pub struct Inclusion {
    /// Where it stands and what it cost.
    pub receipt: Receipt,
    events: ExtrinsicEvents<SubstrateConfig>,
}

/// Where a transaction stands and what it cost.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Height of the block.
    pub block: u64,
    /// Hash of the block.
    pub block_hash: String,
    /// Hash of the transaction.
    pub hash: String,
    /// The fee, apart from anything that the call itself costs.
    pub fee: Option<Amount>,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct TransactionFeePaid {
    actual_fee: u128,
    tip: u128,
}

/// Signs a call, sends it and waits until it succeeded in a block.
pub async fn submit(node: &Node, signer: &Keypair, call: &impl Payload) -> Result<Inclusion> {
    let mut transaction = send(node, signer, call).await?;
    transaction.included().await
}

/// Signs a call and sends it. Where another transaction of the account took the nonce just before, it
/// signs again with the next one.
pub async fn send(node: &Node, signer: &Keypair, call: &impl Payload) -> Result<Transaction> {
    let mut tries = 1;
    loop {
        match sign(node, signer, call).await?.submit_and_watch().await {
            Ok(progress) => return Ok(Transaction { progress }),
            Err(error) if tries < MOST_TRIES && is_nonce_taken(&error) => tries += 1,
            Err(error) => return Err(Failure::of_submission(&error).into()),
        }
    }
}

async fn sign(
    node: &Node,
    signer: &Keypair,
    call: &impl Payload,
) -> Result<SubmittableTransaction<SubstrateConfig, AtBlock>> {
    let account = signer.public_key().to_account_id();
    let nonce = node.next_nonce(&account).await?;
    let chain = node.at_best().await?;
    let params = DefaultExtrinsicParamsBuilder::new()
        .nonce(nonce)
        .mortal(LIFETIME)
        .build();
    let mut signable = chain
        .transactions()
        .create_signable(call, &account, params)
        .await
        .map_err(|error| unfit_call(call, &error))?;
    signable
        .sign(signer)
        .context("The transaction can't be signed")
}

/// Whether the node refused a transaction because another one has its nonce.
fn is_nonce_taken(error: &ExtrinsicError) -> bool {
    const INVALID: i32 = 1_010;
    const PRIORITY_TOO_LOW: i32 = 1_014;
    let ExtrinsicError::ErrorSubmittingTransaction(BackendError::Rpc(RpcError::ClientError(
        rpcs::Error::User(error),
    ))) = error
    else {
        return false;
    };
    let is_outdated = || {
        error
            .data
            .as_ref()
            .is_some_and(|d| d.get().contains("outdated"))
    };
    error.code == PRIORITY_TOO_LOW || (error.code == INVALID && is_outdated())
}

fn unfit_call(call: &impl Payload, error: &ExtrinsicError) -> Failure {
    let (pallet, name) = (call.pallet_name(), call.call_name());
    let failure = Failure::of_submission(error);
    Failure {
        message: format!("{pallet}.{name}: {}", failure.message),
        ..failure
    }
}

impl Transaction {
    /// The transaction's hash.
    pub fn hash(&self) -> String {
        hex_text(self.progress.extrinsic_hash())
    }

    /// Waits until the transaction stands in a block, and takes it for an error if it failed there.
    pub async fn included(&mut self) -> Result<Inclusion> {
        let block = self.next_block().await?.context(LOST)?;
        Inclusion::read(&block).await
    }

    /// Waits until the transaction stands in another block than `before`: the chain may have moved to
    /// another fork. Forever, once that can't happen any more or the node stops watching.
    pub async fn moved(&mut self, before: &Inclusion) -> Result<Inclusion> {
        while let Ok(Some(block)) = self.next_block().await {
            if hex_text(block.block_hash()) != before.receipt.block_hash {
                return Inclusion::read(&block).await;
            }
        }
        std::future::pending().await
    }

    async fn next_block(&mut self) -> Result<Option<InBlock>> {
        while let Some(status) = self.progress.next().await {
            if let Some(block) = block_of(status.context(LOST)?)? {
                return Ok(Some(block));
            }
        }
        Ok(None)
    }
}

/// The block of a status that tells one.
fn block_of(
    status: TransactionStatus<SubstrateConfig, AtBlock>,
) -> Result<Option<InBlock>, Failure> {
    use TransactionStatusError as E;
    let error = match status {
        TransactionStatus::InBestBlock(block) | TransactionStatus::InFinalizedBlock(block) => {
            return Ok(Some(block))
        }
        TransactionStatus::Error { message } => E::Error(message),
        TransactionStatus::Invalid { message } => E::Invalid(message),
        TransactionStatus::Dropped { message } => E::Dropped(message),
        _ => return Ok(None),
    };
    Err(Failure::new(format!(
        "The transaction is in no block, and won't be: {error}."
    )))
}

impl Inclusion {
    async fn read(block: &InBlock) -> Result<Self> {
        let events = block
            .wait_for_success()
            .await
            .map_err(|e| Failure::of_events(&e))?;
        let height = block.at().await?.block_number();
        let paid: Option<TransactionFeePaid> =
            find(&events, "TransactionPayment", "TransactionFeePaid")?;
        let receipt = Receipt {
            block: height,
            block_hash: hex_text(block.block_hash()),
            hash: hex_text(block.extrinsic_hash()),
            fee: paid.map(|paid| Amount(paid.actual_fee.saturating_add(paid.tip))),
        };
        Ok(Self { receipt, events })
    }

    /// The first event of this name that the transaction caused, if any.
    pub fn event<E: DecodeAsFields>(&self, pallet: &str, name: &str) -> Result<Option<E>> {
        find(&self.events, pallet, name)
    }
}

fn find<E: DecodeAsFields>(
    events: &ExtrinsicEvents<SubstrateConfig>,
    pallet: &str,
    name: &str,
) -> Result<Option<E>> {
    for event in events.iter() {
        let event = event.context("The transaction's events can't be read")?;
        if event.pallet_name() == pallet && event.event_name() == name {
            let fields = event.decode_fields_unchecked_as::<E>();
            return Ok(Some(
                fields.with_context(|| format!("The event {pallet}.{name}"))?,
            ));
        }
    }
    Ok(None)
}

fn hex_text(hash: H256) -> String {
    format!("{hash:#x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: i32, data: Option<&str>) -> ExtrinsicError {
        let data = data.map(|d| serde_json::value::to_raw_value(d).expect("is JSON"));
        let error = rpcs::UserError {
            code,
            message: "Refused".into(),
            data,
        };
        let error = RpcError::ClientError(rpcs::Error::User(error));
        ExtrinsicError::ErrorSubmittingTransaction(BackendError::Rpc(error))
    }

    #[test]
    fn only_a_taken_nonce_is_tried_again() {
        assert!(is_nonce_taken(&refusal(
            1_014,
            Some("(247 vs 247): too low")
        )));
        assert!(is_nonce_taken(&refusal(
            1_010,
            Some("Transaction is outdated")
        )));
        assert!(!is_nonce_taken(&refusal(
            1_010,
            Some("Inability to pay some fees")
        )));
        assert!(!is_nonce_taken(&refusal(1_010, None)));
        assert!(!is_nonce_taken(&refusal(1_002, Some("outdated"))));
        assert!(!is_nonce_taken(&ExtrinsicError::UnsupportedVersion));
    }
}
