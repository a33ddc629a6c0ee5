//! The worker key: the hot key with which a provider's node signs attestations.

use crate::{AccountId, Hash};
use alloc::vec::Vec;
use codec::Encode;
use sp_core::crypto::KeyTypeId;

/// Key type under which a node's keystore holds worker keys.
pub const KEY_TYPE: KeyTypeId = KeyTypeId(*b"kgwk");

mod app {
    use sp_application_crypto::{app_crypto, sr25519};
    app_crypto!(sr25519, super::KEY_TYPE);
}

/// Public part of a worker key.
pub type WorkerId = app::Public;
/// Signature made with a worker key.
pub type WorkerSignature = app::Signature;
/// A worker key with its secret part, for tests and the development chain.
#[cfg(feature = "std")]
pub type WorkerPair = app::Pair;

/// What a worker key signs to show that its holder agrees to work for `provider` on the chain with
/// this genesis. Without it, anyone could register, and so block, somebody else's key.
pub fn ownership_message(genesis: Hash, provider: &AccountId) -> Vec<u8> {
    (b"kagari-worker-of", genesis, provider).encode()
}
