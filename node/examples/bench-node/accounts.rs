//! The accounts that the load comes from. Their keys are derived, and worth nothing outside of a test.

use anyhow::{anyhow, Result};
use kagari_primitives::worker_key::WorkerPair;
use kagari_runtime::AccountId;
use sp_core::{sr25519, Pair};
use std::sync::Arc;

/// Who asks for jobs.
pub struct Requester {
    /// Tells it from the others.
    pub number: u32,
    /// Its account.
    pub account: AccountId,
    /// Its key.
    pub pair: sr25519::Pair,
}

/// Who does jobs.
pub struct Provider {
    /// Tells it from the others.
    pub number: u32,
    /// Its account.
    pub account: AccountId,
    /// Its key.
    pub pair: sr25519::Pair,
    /// The key that signs its attestations.
    pub worker: WorkerPair,
}

/// So many requesters.
pub fn requesters(count: u32) -> Result<Vec<Arc<Requester>>> {
    let requester = |number: u32| -> Result<Arc<Requester>> {
        let pair: sr25519::Pair = key(&format!("//bench//requester//{number}"))?;
        let account = pair.public().into();
        Ok(Arc::new(Requester {
            number,
            account,
            pair,
        }))
    };
    (0..count).map(requester).collect()
}

/// So many providers.
pub fn providers(count: u32) -> Result<Vec<Arc<Provider>>> {
    let provider = |number: u32| -> Result<Arc<Provider>> {
        let pair: sr25519::Pair = key(&format!("//bench//provider//{number}"))?;
        let account = pair.public().into();
        Ok(Arc::new(Provider {
            number,
            account,
            pair,
            worker: key(&format!("//bench//worker//{number}"))?,
        }))
    };
    (0..count).map(provider).collect()
}

fn key<P: Pair>(path: &str) -> Result<P> {
    P::from_string(path, None).map_err(|error| anyhow!("{path} names no key: {error:?}"))
}
