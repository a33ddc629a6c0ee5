//! Builds the tokenizer that a GGUF file describes: byte-pair encoding with the pre-tokenizer
//! `smollm`, which splits digits one by one.
//!
//! Candle's reader takes `smollm` for plain GPT-2, which keeps digits together: numbers would then be
//! other ids than those that the model was trained with.

use crate::gguf::{shown, Gguf, Malformed, Result, Value};
use tokenizers::{
    decoders::byte_level::ByteLevel,
    models::bpe::{Vocab, BPE},
    pre_tokenizers::{digits::Digits, sequence::Sequence},
    Tokenizer,
};

const MODEL: &str = "tokenizer.ggml.model";
const PRE_TOKENIZER: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";
/// Settings that would change the ids, and are not supported.
const SWITCHES: [&str; 4] = [
    "tokenizer.ggml.add_space_prefix",
    "tokenizer.ggml.add_bos_token",
    "tokenizer.ggml.add_eos_token",
    "tokenizer.ggml.ignore_merges",
];

/// Type of an ordinary token.
const NORMAL: u64 = 1;
/// Types of special tokens: unknown, control, unused.
const SPECIAL: [u64; 3] = [2, 3, 5];

/// The tokenizer of a model with `vocab` token ids.
pub fn tokenizer(gguf: &Gguf, vocab: u32) -> std::result::Result<Tokenizer, String> {
    check_settings(gguf).map_err(|e| e.to_string())?;
    let vocabulary = vocabulary(gguf, vocab).map_err(|e| e.to_string())?;
    let merges = merges(gguf).map_err(|e| e.to_string())?;
    let model = BPE::builder().vocab_and_merges(vocabulary, merges).build();
    let mut tokenizer = Tokenizer::new(model.map_err(|e| format!("{MERGES}: {e}"))?);
    let byte_level = ByteLevel::new(false, false, true);
    tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![
        Digits::new(true).into(),
        byte_level.into(),
    ])));
    tokenizer.with_decoder(Some(byte_level));
    Ok(tokenizer)
}

fn check_settings(gguf: &Gguf) -> Result<()> {
    for (key, expected) in [(MODEL, "gpt2"), (PRE_TOKENIZER, "smollm")] {
        let found = gguf.text(key)?;
        if found != expected {
            let problem = format!("is {:?}, only {expected:?} is supported", shown(found));
            return Err(Malformed::new(key, problem));
        }
    }
    for key in SWITCHES {
        match gguf.value(key) {
            Ok(Value::Bool(false)) | Err(_) => {}
            Ok(_) => return Err(Malformed::new(key, "only false is supported")),
        }
    }
    Ok(())
}

/// The ordinary tokens. Special ones are left out, so that no text can yield them and they yield no
/// text; they come into an input only by the manifest's chat template.
fn vocabulary(gguf: &Gguf, vocab: u32) -> Result<Vocab> {
    let tokens = gguf.texts(TOKENS)?;
    let types = gguf.numbers(TYPES)?;
    let (found, typed) = (tokens.len(), types.integers().count());
    if found != vocab as usize || typed != found {
        let problem = format!("has {found} tokens and {typed} types, the manifest says {vocab}");
        return Err(Malformed::new(TOKENS, problem));
    }
    let mut vocabulary = Vocab::default();
    for ((id, token), kind) in (0..vocab).zip(tokens.iter()).zip(types.integers()) {
        match kind {
            NORMAL => drop(vocabulary.insert(token.to_owned(), id)),
            kind if SPECIAL.contains(&kind) => {}
            kind => {
                let problem = format!("token {id} is of type {kind}, which is not supported");
                return Err(Malformed::new(TYPES, problem));
            }
        }
    }
    Ok(vocabulary)
}

fn merges(gguf: &Gguf) -> Result<Vec<(String, String)>> {
    let pair = |merge: &str| {
        let (left, right) = merge.split_once(' ')?;
        Some((left.to_owned(), right.to_owned()))
    };
    let merges: Option<_> = gguf.texts(MERGES)?.iter().map(pair).collect();
    merges.ok_or_else(|| Malformed::new(MERGES, "one of them is not two tokens"))
}
