//! The files of the real models, which `scripts/setup.sh` puts in place.
#![allow(clippy::expect_used)]

use crate::store::ModelFiles;
use kagari_primitives::model::Manifest;
use std::path::PathBuf;

/// The weights of a model, as they stand in their file.
pub fn weights_of(manifest: &Manifest) -> Vec<u8> {
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set"));
    let models = std::env::var_os("KAGARI_MODELS").map(PathBuf::from);
    let models = models.unwrap_or_else(|| home().join(".cache/kagari/models"));
    let files = ModelFiles::locate(&models, manifest).expect("the manifest has a name");
    let weights = files.weights.read(|bytes| Ok(bytes.to_vec()));
    weights.expect("run scripts/setup.sh")
}
