//! The pass through the blocks, compared with the one of candle-transformers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::store::{ModelFiles, VerifiedFile};
use candle_core::quantized::gguf_file::Content;
use candle_transformers::models::quantized_llama::ModelWeights;
use kagari_primitives::known_models;
use std::{io::Cursor, path::PathBuf};

fn weights() -> VerifiedFile {
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set"));
    let models = std::env::var_os("KAGARI_MODELS").map(PathBuf::from);
    let models = models.unwrap_or_else(|| home().join(".cache/kagari/models"));
    let files = ModelFiles::locate(&models, &known_models::smollm2_135m_instruct()).unwrap();
    files.weights.open().expect("run scripts/setup.sh")
}

fn llama(weights: &VerifiedFile) -> Llama {
    let shape = known_models::smollm2_135m_instruct().shape;
    Llama::load(&Gguf::parse(weights).unwrap(), shape, &Device::Cpu).unwrap()
}

/// So many ordinary words, the same every time.
fn words(count: u32) -> Vec<Word> {
    (0..count).map(|i| 17 + i * 7_919 % 40_000).collect()
}

fn greatest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

#[test]
fn logits_are_those_of_candle_transformers() {
    let file = weights();
    let mut reader = Cursor::new(&file[..]);
    let content = Content::read(&mut reader).unwrap();
    let mut reference = ModelWeights::from_gguf(content, &mut reader, &Device::Cpu).unwrap();
    let mut expected = |words: &[Word], position| {
        let ids = Tensor::new(words, &Device::Cpu)
            .unwrap()
            .unsqueeze(0)
            .unwrap();
        let logits = reference.forward(&ids, position).unwrap();
        logits.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let llama = llama(&file);
    let mut session = llama.session(CHUNK + 12).unwrap();
    // More than a chunk, then single tokens.
    let prompt = words(CHUNK as u32 + 10);
    let mut fed = |words: &[Word]| session.feed(words, || ()).unwrap();
    assert!(greatest_difference(&fed(&prompt), &expected(&prompt, 0)) < 1e-2);
    for (position, word) in [(prompt.len(), 5_000), (prompt.len() + 1, 42)] {
        assert!(greatest_difference(&fed(&[word]), &expected(&[word], position)) < 1e-2);
    }
}

#[test]
fn a_prompt_fed_whole_or_word_by_word_gives_the_same_logits() {
    let file = weights();
    let llama = llama(&file);
    let prompt = words(9);
    let mut whole = llama.session(9).unwrap();
    let mut single = llama.session(9).unwrap();
    let expected = whole.feed(&prompt, || ()).unwrap();
    let found = prompt
        .iter()
        .map(|word| single.feed(&[*word], || ()).unwrap())
        .last()
        .unwrap();
    assert!(greatest_difference(&found, &expected) < 1e-2);
}

#[test]
fn positions_beyond_the_room_are_refused() {
    let file = weights();
    let llama = llama(&file);
    let mut session = llama.session(2).unwrap();
    assert!(session.feed(&words(2), || ()).is_ok());
    assert!(session.feed(&words(1), || ()).is_err());
    assert!(session.feed(&[], || ()).is_err());
}

#[test]
fn angles_reach_to_the_end_of_the_context() {
    let shape = known_models::smollm2_135m_instruct().shape;
    let rotation = Rotation::new(&shape, 100_000.0, &Device::Cpu).unwrap();
    assert!(rotation.at(shape.context as usize - 1, 1).is_ok());
    assert!(rotation.at(shape.context as usize, 1).is_err());
}
