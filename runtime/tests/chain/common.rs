//! What a chain in memory is made of: the genesis of the development preset, headers of blocks, and the extensions of
//! transactions.

use codec::Encode;
use kagari_primitives::{BlockNumber, Hash, Nonce};
use kagari_runtime::{
    constants::SLOT_MILLIS, genesis_presets, Header, RuntimeGenesisConfig, TxExtension,
};
use sp_consensus_babe::digests::{PreDigest, SecondaryPlainPreDigest};
use sp_runtime::{
    generic::{Digest, DigestItem, Era},
    traits::Header as _,
};

/// The development preset.
pub fn genesis() -> RuntimeGenesisConfig {
    let config = serde_json::to_value(RuntimeGenesisConfig::default());
    let mut config = config.expect("a configuration is JSON");
    json_merge(&mut config, genesis_presets::development());
    serde_json::from_value(config).expect("the preset fits the configuration")
}

/// Puts what `patch` has in place of what `into` has.
fn json_merge(into: &mut serde_json::Value, patch: serde_json::Value) {
    use serde_json::Value::Object;
    match (into, patch) {
        (Object(into), Object(patch)) => {
            for (key, value) in patch {
                json_merge(into.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}

/// The header that a block begins with.
pub fn header(number: BlockNumber, parent: Hash) -> Header {
    let digest = Digest {
        logs: vec![slot_claim(slot_of(number))],
    };
    Header::new(
        number,
        Default::default(),
        Default::default(),
        parent,
        digest,
    )
}

/// A block's time, in milliseconds.
pub fn time_of(number: BlockNumber) -> u64 {
    slot_of(number) * SLOT_MILLIS
}

fn slot_of(number: BlockNumber) -> u64 {
    500_000_000 + u64::from(number)
}

/// The digest with which the only validator claims a slot.
fn slot_claim(slot: u64) -> DigestItem {
    let claim = SecondaryPlainPreDigest {
        authority_index: 0,
        slot: slot.into(),
    };
    let claim = PreDigest::SecondaryPlain(claim);
    DigestItem::PreRuntime(sp_consensus_babe::BABE_ENGINE_ID, claim.encode())
}

/// The extensions of a transaction that is good at any time.
pub fn extension(nonce: Nonce) -> TxExtension {
    kagari_runtime::extension(Era::Immortal, nonce)
}
