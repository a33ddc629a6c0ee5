//! Builds the tokenizer that a GGUF file describes: byte-pair encoding with the pre-tokenizer
//! `smollm`, which splits digits one by one.
//!
//! Candle's reader takes `smollm` for plain GPT-2, which keeps digits together: numbers would then be
//! other ids than those that the model was trained with.

use crate::gguf::{shown, Gguf, Malformed, OwnedTexts, Result, Texts, Value};
use std::collections::BTreeSet;
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

/// What a file says of its tokenizer, copied out of it.
pub struct Vocabulary {
    tokens: OwnedTexts,
    /// Tokens that are left out, so that no text can yield them and they yield no text; they come into an
    /// input only by the manifest's chat template.
    special: BTreeSet<u32>,
    merges: OwnedTexts,
}

impl Vocabulary {
    /// Reads it from the file of a model with `vocab` token ids.
    pub fn read(gguf: &Gguf, vocab: u32) -> Result<Self> {
        check_settings(gguf)?;
        Ok(Self {
            tokens: tokens(gguf, vocab)?.into(),
            special: special(gguf, vocab)?,
            merges: merges(gguf)?.into(),
        })
    }

    /// Builds the tokenizer. Of all that can be wrong with a vocabulary, this finds merges of tokens that it
    /// has not.
    pub fn tokenizer(&self) -> std::result::Result<Tokenizer, String> {
        let ordinary = (0..)
            .zip(self.tokens.iter())
            .filter(|(id, _)| !self.special.contains(id));
        let vocabulary: Vocab = ordinary.map(|(id, token)| (token.to_owned(), id)).collect();
        let pair = |(left, right): (&str, &str)| (left.to_owned(), right.to_owned());
        let merges = self.merges.iter().filter_map(in_two).map(pair).collect();
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

fn tokens<'a>(gguf: &Gguf<'a>, vocab: u32) -> Result<Texts<'a>> {
    let tokens = gguf.texts(TOKENS)?;
    let found = tokens.len();
    if found != vocab as usize {
        let problem = format!("has {found} tokens, the manifest says {vocab}");
        return Err(Malformed::new(TOKENS, problem));
    }
    Ok(tokens)
}

/// The tokens that are not ordinary ones.
fn special(gguf: &Gguf, vocab: u32) -> Result<BTreeSet<u32>> {
    let types = gguf.numbers(TYPES)?;
    let found = types.integers().count();
    if found != vocab as usize {
        let problem = format!("has the types of {found} tokens, the manifest says {vocab}");
        return Err(Malformed::new(TYPES, problem));
    }
    let mut special = BTreeSet::new();
    for (id, kind) in (0..vocab).zip(types.integers()) {
        if kind == NORMAL {
            continue;
        }
        if !SPECIAL.contains(&kind) {
            let problem = format!("token {id} is of type {kind}, which is not supported");
            return Err(Malformed::new(TYPES, problem));
        }
        special.insert(id);
    }
    Ok(special)
}

fn merges<'a>(gguf: &Gguf<'a>) -> Result<Texts<'a>> {
    let merges = gguf.texts(MERGES)?;
    match merges.iter().position(|merge| in_two(merge).is_none()) {
        Some(number) => {
            let problem = format!("number {number} is not two tokens");
            Err(Malformed::new(MERGES, problem))
        }
        None => Ok(merges),
    }
}

/// The tokens that a merge makes one of.
fn in_two(merge: &str) -> Option<(&str, &str)> {
    merge.split_once(' ')
}
