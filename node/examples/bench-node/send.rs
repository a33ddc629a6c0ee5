//! Sends jobs and attestations, again where that is of use.

use crate::{
    accounts::{Provider, Requester},
    chain::{Chain, Refusal},
    extrinsics::{Assigned, Extrinsics},
};
use anyhow::Result;
use kagari_runtime::Nonce;
use std::{ops::Range, time::Duration};

/// How often an attestation is sent at most.
const TRIES: u32 = 50;
/// Time before each. The pool learns of a block a little later than those who follow the chain, and until then it
/// refuses attestations of what the block assigns.
const PAUSE: Duration = Duration::from_millis(150);

/// Sends a requester's jobs one after the other, as far as the pool takes them: without one, it would only keep
/// those after it waiting. Gives the next nonce, and the refusals.
pub async fn send_jobs(
    chain: &Chain,
    extrinsics: &Extrinsics,
    requester: &Requester,
    nonces: Range<Nonce>,
) -> Result<(Nonce, Vec<Refusal>)> {
    let mut refusals = Vec::new();
    for nonce in nonces.clone() {
        let sent = chain.submit(&extrinsics.job(requester, nonce)).await?;
        let Err(refusal) = sent else {
            continue;
        };
        let go_on = refusal.is_of_taken_nonce();
        refusals.push(refusal);
        if !go_on {
            return Ok((nonce, refusals));
        }
    }
    Ok((nonces.end, refusals))
}

/// Sends an attestation until the pool takes it, or says that it never will. Gives the refusals.
pub async fn send_attestation(
    chain: &Chain,
    extrinsics: &Extrinsics,
    provider: &Provider,
    assigned: &Assigned,
) -> Result<Vec<Refusal>> {
    let attestation = extrinsics.attestation(provider, assigned);
    let mut refusals = Vec::new();
    for _ in 0..TRIES {
        tokio::time::sleep(PAUSE).await;
        let Err(refusal) = chain.submit(&attestation).await? else {
            break;
        };
        let is_final = refusal.is_final();
        refusals.push(refusal);
        if is_final {
            break;
        }
    }
    Ok(refusals)
}
