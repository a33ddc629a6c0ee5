//! The chains that the node knows by name; their genesis comes from the runtime's presets.

use kagari_runtime::WASM_BINARY;
use sc_chain_spec::{
    ChainType, GenericChainSpec, Properties, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET,
};

/// Chain specification: no extensions, no host functions beyond the SDK's.
pub type ChainSpec = GenericChainSpec;

/// Version of the addresses (SS58) that the chain shows.
pub const SS58_PREFIX: u16 = 42;

/// A chain of one validator for trying things out: `--dev`, `--chain dev`.
pub fn development() -> Result<ChainSpec, String> {
    let spec = builder()?
        .with_name("Kagari Development")
        .with_id("kagari_dev")
        .with_chain_type(ChainType::Development)
        .with_genesis_config_preset_name(DEV_RUNTIME_PRESET);
    Ok(spec.build())
}

/// A chain of four validators on one machine or in one room: `--chain local`.
pub fn local_testnet() -> Result<ChainSpec, String> {
    let spec = builder()?
        .with_name("Kagari Local Testnet")
        .with_id("kagari_local")
        .with_chain_type(ChainType::Local)
        .with_genesis_config_preset_name(LOCAL_TESTNET_RUNTIME_PRESET);
    Ok(spec.build())
}

/// What all chains share.
fn builder() -> Result<sc_chain_spec::ChainSpecBuilder, String> {
    let code = WASM_BINARY.ok_or(
        "this node was built with SKIP_WASM_BUILD and has no runtime in it: build it again without \
         that variable, or give a chain specification file with --chain",
    )?;
    Ok(ChainSpec::builder(code, None)
        .with_protocol_id("kgr")
        .with_properties(properties()))
}

/// How wallets show amounts and addresses.
fn properties() -> Properties {
    let mut properties = Properties::new();
    properties.insert("tokenSymbol".into(), "KGR".into());
    properties.insert("tokenDecimals".into(), 12.into());
    properties.insert("ss58Format".into(), SS58_PREFIX.into());
    properties
}
