//! Sending a call, and telling that it is done.

use super::{Ended, Session};
use crate::{
    progress::Progress,
    submit::{submit, Receipt},
};
use anyhow::Result;
use serde_json::{json, Value};
use subxt::transactions::Payload;
use subxt_signer::sr25519::Keypair;

/// Sends a call and tells that it is done.
pub async fn send(
    session: &Session,
    signer: &Keypair,
    call: &impl Payload,
    facts: Value,
    done: String,
) -> Result<Ended> {
    let receipt = {
        let progress = Progress::new(session.output);
        progress.say("Waiting for the next block");
        submit(&session.node, signer, call).await?.receipt
    };
    let words = || format!("{done} (block {}{}).", receipt.block, fee_words(&receipt));
    session
        .output
        .answer(|| with_transaction(facts, &receipt), words)?;
    Ok(Ended::Done)
}

fn with_transaction(mut facts: Value, receipt: &Receipt) -> Value {
    facts["transaction"] = json!(receipt);
    facts
}

fn fee_words(receipt: &Receipt) -> String {
    receipt
        .fee
        .map(|fee| format!(", fee {fee}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::Amount;

    #[test]
    fn a_transaction_is_told_in_json() {
        let receipt = Receipt {
            block: 7,
            block_hash: "0x01".into(),
            hash: "0x02".into(),
            fee: Some(Amount(5)),
        };
        let told = with_transaction(json!({ "a": 1 }), &receipt);
        let transaction = json!({ "block": 7, "blockHash": "0x01", "hash": "0x02", "fee": "5" });
        assert_eq!(told, json!({ "a": 1, "transaction": transaction }));
    }
}
