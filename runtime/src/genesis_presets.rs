//! The genesis presets: `development`, with one validator, and `local_testnet`, with four.

use crate::{
    configs::EPOCH_CONFIG, opaque::SessionKeys, AccountId, BabeConfig, Balance, BalancesConfig,
    ComputeMarketConfig, ProofOfWorkDoneConfig, RuntimeGenesisConfig, SessionConfig, SudoConfig,
};
use alloc::{vec, vec::Vec};
use frame_support::build_struct_json_patch;
use kagari_primitives::{known_models, BlockNumber, KGR};
use serde_json::Value;
use sp_consensus_babe::AuthorityId as BabeId;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

/// What every well-known account of a test chain starts with.
const ENDOWMENT: Balance = 1_000_000 * KGR;
/// Audit window of the test chains, in blocks.
const WINDOW: BlockNumber = 4;

/// A validator by its well-known name.
type Validator = (Sr25519Keyring, Ed25519Keyring);

fn genesis(validators: &[Validator]) -> Value {
    build_struct_json_patch!(RuntimeGenesisConfig {
        balances: BalancesConfig {
            balances: endowed()
        },
        babe: BabeConfig {
            epoch_config: EPOCH_CONFIG
        },
        session: SessionConfig {
            keys: validators.iter().map(session_keys).collect::<Vec<_>>()
        },
        sudo: SudoConfig {
            key: Some(Sr25519Keyring::Alice.to_account_id())
        },
        compute_market: ComputeMarketConfig {
            models: known_models::all()
        },
        proof_of_work_done: ProofOfWorkDoneConfig { window: WINDOW },
    })
}

fn endowed() -> Vec<(AccountId, Balance)> {
    Sr25519Keyring::well_known()
        .map(|who| (who.to_account_id(), ENDOWMENT))
        .collect()
}

fn session_keys((account, finality): &Validator) -> (AccountId, AccountId, SessionKeys) {
    let keys = SessionKeys {
        babe: BabeId::from(account.public()),
        grandpa: GrandpaId::from(finality.public()),
    };
    (account.to_account_id(), account.to_account_id(), keys)
}

/// One validator, Alice.
pub fn development() -> Value {
    genesis(&[(Sr25519Keyring::Alice, Ed25519Keyring::Alice)])
}

/// Four validators: Alice, Bob, Charlie and Dave.
pub fn local_testnet() -> Value {
    genesis(&[
        (Sr25519Keyring::Alice, Ed25519Keyring::Alice),
        (Sr25519Keyring::Bob, Ed25519Keyring::Bob),
        (Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
        (Sr25519Keyring::Dave, Ed25519Keyring::Dave),
    ])
}

/// The preset of this name, as JSON.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
    let preset = match id.as_ref() {
        DEV_RUNTIME_PRESET => development(),
        LOCAL_TESTNET_RUNTIME_PRESET => local_testnet(),
        _ => return None,
    };
    serde_json::to_vec(&preset).ok()
}

/// The names of the presets.
pub fn preset_names() -> Vec<PresetId> {
    vec![
        PresetId::from(DEV_RUNTIME_PRESET),
        PresetId::from(LOCAL_TESTNET_RUNTIME_PRESET),
    ]
}
