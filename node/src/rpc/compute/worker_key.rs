//! New worker keys.

use super::error::Error;
use kagari_primitives::{
    worker_key::{ownership_message, KEY_TYPE},
    AccountId, Hash,
};
use serde::Serialize;
use sp_core::Bytes;
use sp_keystore::Keystore;

/// A new worker key, ready to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewWorkerKey {
    /// The public key.
    pub worker: Bytes,
    /// Its signature over the chain and the provider's account, without which anyone could register
    /// somebody else's key.
    pub proof: Bytes,
}

/// Makes a key in the keystore that works for `owner` on the chain with this genesis.
pub fn generate(
    keystore: &dyn Keystore,
    genesis: Hash,
    owner: &AccountId,
) -> Result<NewWorkerKey, Error> {
    let failed = |why: String| Error::Internal(format!("its keystore failed: {why}"));
    let worker = keystore
        .sr25519_generate_new(KEY_TYPE, None)
        .map_err(|error| failed(error.to_string()))?;
    let proof = keystore
        .sr25519_sign(KEY_TYPE, &worker, &ownership_message(genesis, owner))
        .map_err(|error| failed(error.to_string()))?
        .ok_or_else(|| failed("it lost the key that it had just made".into()))?;
    Ok(NewWorkerKey {
        worker: Bytes(worker.0.to_vec()),
        proof: Bytes(proof.0.to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sc_keystore::LocalKeystore;
    use sp_core::{sr25519, Pair};

    const GENESIS: Hash = Hash::repeat_byte(1);
    const OWNER: AccountId = AccountId::new([2; 32]);

    fn verifies(key: &NewWorkerKey, genesis: Hash, owner: &AccountId) -> bool {
        let public = sr25519::Public::try_from(&key.worker[..]).expect("it has 32 bytes");
        let proof = sr25519::Signature::try_from(&key.proof[..]).expect("it has 64 bytes");
        sr25519::Pair::verify(&proof, ownership_message(genesis, owner), &public)
    }

    #[test]
    fn the_proof_binds_key_chain_and_owner() {
        let keystore = LocalKeystore::in_memory();
        let key = generate(&keystore, GENESIS, &OWNER).expect("the keystore works");
        assert!(verifies(&key, GENESIS, &OWNER));
        assert!(!verifies(&key, Hash::zero(), &OWNER));
        assert!(!verifies(&key, GENESIS, &AccountId::new([3; 32])));
    }

    #[test]
    fn each_key_is_new_and_stays_in_the_keystore() {
        let keystore = LocalKeystore::in_memory();
        let first = generate(&keystore, GENESIS, &OWNER).expect("the keystore works");
        let second = generate(&keystore, GENESIS, &OWNER).expect("the keystore works");
        assert_ne!(first.worker, second.worker);
        assert_eq!(keystore.sr25519_public_keys(KEY_TYPE).len(), 2);
    }
}
