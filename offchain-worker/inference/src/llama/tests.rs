//! The pass through the layers: near candle-transformers' own, and the same bits whatever the way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::store::{ModelFiles, VerifiedFile};
use candle_core::{quantized::gguf_file::Content, Device, Tensor};
use candle_transformers::models::quantized_llama::ModelWeights;
use hex_literal::hex;
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
    Llama::load(&Gguf::parse(weights).unwrap(), shape).unwrap()
}

/// So many ordinary words, the same every time.
fn words(count: u32) -> Vec<Word> {
    (0..count).map(|i| 17 + i * 7_919 % 40_000).collect()
}

fn likeliest(logits: &[f32]) -> usize {
    let greatest = |a: &usize, b: &usize| logits[*a].total_cmp(&logits[*b]);
    (0..logits.len()).max_by(greatest).unwrap()
}

/// Candle rounds activations in other places, so its logits are near, and not the same.
#[test]
fn logits_are_near_those_of_candle_transformers() {
    let file = weights();
    let mut reader = Cursor::new(&file[..]);
    let content = Content::read(&mut reader).unwrap();
    let mut reference = ModelWeights::from_gguf(content, &mut reader, &Device::Cpu).unwrap();
    let mut expected = |words: &[Word], position| {
        let ids = Tensor::new(words, &Device::Cpu).unwrap();
        let logits = reference.forward(&ids.unsqueeze(0).unwrap(), position);
        let logits = logits.unwrap().flatten_all().unwrap();
        logits.to_vec1::<f32>().unwrap()
    };
    let llama = llama(&file);
    let mut session = llama.session(CHUNK + 12);
    let mut fed = |words: &[Word]| session.feed(words, || ()).unwrap().logits;
    // Words that make sense, so that the likeliest next one stands out: more than a chunk, then two.
    let template = known_models::smollm2_135m_instruct().chat_template;
    let sentence = template.unwrap().default_system;
    let text: Vec<Word> = sentence.iter().copied().cycle().take(CHUNK + 12).collect();
    let (prompt, more) = text.split_at(CHUNK + 10);
    let pairs = [
        (fed(prompt), expected(prompt, 0)),
        (fed(&more[..1]), expected(&more[..1], CHUNK + 10)),
        (fed(&more[1..]), expected(&more[1..], CHUNK + 11)),
    ];
    for (found, expected) in pairs {
        let difference = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let mean = difference.sum::<f32>() / found.len() as f32;
        println!("mean difference of the logits: {mean}");
        assert!(mean < 0.5, "{mean}");
        assert_eq!(likeliest(&found), likeliest(&expected));
    }
}

fn hashes(decided: &Decided) -> [kagari_primitives::Hash; 2] {
    [&decided.hidden, &decided.logits].map(|v| kagari_primitives::trace::values_hash(v))
}

/// Hashes of state and logits after 261 words, as every machine has them. If they change, so does the
/// version of the kernel specification.
const MANY_WORDS: [[u8; 32]; 2] = [
    hex!("5dead0861845a5cacd86925e563557d476e7c82e76ae565e2ffa0a5f44c00c33"),
    hex!("0ff2f22cec6d30fdea0db424d13ef3ffd48cc3e09893e5127ecfffb721fb5230"),
];
/// The same after nine words.
const NINE_WORDS: [[u8; 32]; 2] = [
    hex!("f929f35b0dd33911d5a56635dad485b336ad70982197d4673d24e562973432f7"),
    hex!("cf10041b63d0786e2b0027f55d09c914199797000e6a0a7cad90358aa50807a1"),
];

#[test]
fn bits_do_not_depend_on_how_a_prompt_is_fed() {
    let file = weights();
    let llama = llama(&file);
    let prompt = words(261);
    let fed_by = |piece: usize| {
        let mut session = llama.session(prompt.len());
        let fed = prompt
            .chunks(piece)
            .map(|p| session.feed(p, || ()).unwrap());
        hashes(&fed.last().unwrap())
    };
    let whole = fed_by(prompt.len());
    assert_eq!(whole.map(|hash| hash.0), MANY_WORDS);
    for piece in [1, 7, 32, 100] {
        assert_eq!(fed_by(piece), whole, "by {piece}");
    }
}

#[test]
fn bits_do_not_depend_on_the_machine_or_its_threads() {
    let file = weights();
    let mut llama = llama(&file);
    let prompt = words(9);
    for set in InstructionSet::ALL.into_iter().filter(|s| s.is_available()) {
        for threads in [1, 3, 8] {
            (llama.set, llama.threads) = (set, Threads::new(threads).unwrap());
            let found = hashes(&llama.session(9).feed(&prompt, || ()).unwrap());
            assert_eq!(found.map(|h| h.0), NINE_WORDS, "{set:?}, {threads} threads");
        }
    }
}

#[test]
fn positions_beyond_the_room_are_refused() {
    let file = weights();
    let llama = llama(&file);
    let mut session = llama.session(2);
    assert!(session.feed(&words(2), || ()).is_ok());
    assert_eq!(session.feed(&words(1), || ()), Err(Unfed::NoRoom));
    assert_eq!(session.feed(&[], || ()), Err(Unfed::NoWords));
}
