//! Builds the WASM runtime.

fn main() {
    #[cfg(feature = "std")]
    {
        name_workspace();
        build_wasm();
    }
}

/// Says where the workspace is, so that the WASM build takes its `Cargo.lock`: the target directory
/// may lie outside of it, and the builder looks upwards from there.
#[cfg(feature = "std")]
fn name_workspace() {
    let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::env::set_var("WASM_BUILD_WORKSPACE_HINT", workspace);
}

#[cfg(all(feature = "std", not(feature = "metadata-hash")))]
fn build_wasm() {
    substrate_wasm_builder::WasmBuilder::build_using_defaults();
}

/// With the hash of the metadata, which `CheckMetadataHash` compares with what a wallet shows.
#[cfg(all(feature = "std", feature = "metadata-hash"))]
fn build_wasm() {
    substrate_wasm_builder::WasmBuilder::init_with_defaults()
        .enable_metadata_hash("KGR", 12)
        .build();
}
