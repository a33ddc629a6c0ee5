//! Model files that are not what the manifest says.

use crate::support::models_dir;
use kagari_inference::{
    protocol::FailureKind,
    store::{file_hash, ModelFiles},
    Model,
};
use kagari_primitives::{known_models, model::Manifest};
use std::path::Path;

/// A folder of models that holds a changed copy of the weights of `manifest`.
fn changed_copy(manifest: &Manifest, change: impl Fn(&mut Vec<u8>)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let from = ModelFiles::locate(&models_dir(), manifest).unwrap();
    let to = ModelFiles::locate(dir.path(), manifest).unwrap();
    std::fs::create_dir(to.weights.path.parent().unwrap()).unwrap();
    let mut weights = std::fs::read(&from.weights.path).unwrap();
    change(&mut weights);
    std::fs::write(&to.weights.path, weights).unwrap();
    if let (Some(from), Some(to)) = (from.tokenizer, to.tokenizer) {
        std::fs::copy(from.path, to.path).unwrap();
    }
    dir
}

fn refused(models: &Path, manifest: Manifest) -> String {
    let failure = Model::load(models, manifest).map(|_| ()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::BadModel);
    failure.message
}

/// What a changed file is refused with by a manifest that names it as it is: nobody but its
/// registrar keeps a manifest from naming a bad file.
fn refused_with_own_manifest(manifest: Manifest, change: impl Fn(&mut Vec<u8>)) -> String {
    let dir = changed_copy(&manifest, change);
    let files = ModelFiles::locate(dir.path(), &manifest).unwrap();
    let weights = std::fs::read(files.weights.path).unwrap();
    let mut own = manifest;
    own.weights.hash = file_hash(&weights);
    own.weights.len = weights.len() as u64;
    refused(dir.path(), own)
}

#[test]
fn one_flipped_bit_is_refused() {
    for manifest in known_models::all() {
        let dir = changed_copy(&manifest, |weights| {
            let middle = weights.len() / 2;
            weights[middle] ^= 1;
        });
        let expected = format!("expected {:?}", manifest.weights.hash);
        let message = refused(dir.path(), manifest);
        assert!(message.contains("/model."), "{message}");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn a_cut_file_is_refused() {
    for manifest in known_models::all() {
        let dir = changed_copy(&manifest, |weights| weights.truncate(weights.len() - 1));
        let len = manifest.weights.len;
        let message = refused(dir.path(), manifest);
        let expected = format!("is {} bytes long, expected {len} bytes", len - 1);
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn a_missing_model_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for manifest in known_models::all() {
        assert!(refused(dir.path(), manifest).contains("does not exist; fetch the model"));
    }
}

#[test]
fn absurd_headers_are_refused_though_the_manifest_names_them() {
    let absurd = |weights: &mut Vec<u8>| weights[8..16].fill(0xff);
    let message = refused_with_own_manifest(known_models::smollm2_135m_instruct(), absurd);
    assert!(
        message.contains("model.gguf: tensor_count: is 18446744073709551615"),
        "{message}"
    );

    let absurd = |weights: &mut Vec<u8>| weights[..8].fill(0xff);
    let message = refused_with_own_manifest(known_models::all_minilm_l6_v2(), absurd);
    let expected = "model.safetensors: header length: is 18446744073709551615";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_file_cut_in_its_tensors_is_refused_though_the_manifest_names_it() {
    for manifest in known_models::all() {
        let half = |weights: &mut Vec<u8>| weights.truncate(weights.len() / 2);
        let message = refused_with_own_manifest(manifest, half);
        assert!(message.contains("for all tensors"), "{message}");
    }
}

#[test]
fn a_shape_that_is_not_the_files_is_refused() {
    let mut llama = known_models::smollm2_135m_instruct();
    llama.shape.layers = 29;
    let message = refused(&models_dir(), llama);
    assert!(
        message.contains("llama.block_count: is 30, the manifest says 29"),
        "{message}"
    );

    let mut bert = known_models::all_minilm_l6_v2();
    bert.shape.intermediate = 1_024;
    assert!(refused(&models_dir(), bert).contains("intermediate.dense.weight: has the dimensions"));
    let mut bert = known_models::all_minilm_l6_v2();
    bert.shape.vocab = 30_000;
    assert!(refused(&models_dir(), bert).contains("30522 tokens, the manifest says 30000"));
}

#[test]
fn kernels_that_are_not_known_are_refused() {
    for mut manifest in known_models::all() {
        manifest.kernel_version = 2;
        let refusal = refused(&models_dir(), manifest);
        assert!(
            refusal.contains("version 2 of the kernel specification"),
            "{refusal}"
        );
    }
}
