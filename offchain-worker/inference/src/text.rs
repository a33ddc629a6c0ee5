//! Text to token ids and back.
//!
//! A user's text never yields special ids: what looks like a special token is encoded as the
//! characters that it is made of.

mod gguf_vocabulary;

use crate::{gguf::Gguf, protocol::Failure};
use gguf_vocabulary::Vocabulary;
use kagari_primitives::{Word, MAX_INPUT};
use std::{panic::catch_unwind, sync::LazyLock};
use tokenizers::Tokenizer;

/// Most bytes of a text: 32 for each word of the longest input.
const MAX_TEXT: usize = 32 * MAX_INPUT as usize;

/// A model's tokenizer. Jobs are token ids, so it is built when the first text comes.
pub struct Text {
    tokenizer: LazyLock<Built, Box<dyn FnOnce() -> Built + Send>>,
    vocab: u32,
}

/// A tokenizer, or what is wrong with what it should be built from.
type Built = Result<Tokenizer, String>;

impl Text {
    /// The tokenizer in a GGUF file, for a model with `vocab` token ids.
    pub fn from_gguf(gguf: &Gguf, vocab: u32) -> Result<Self, String> {
        let vocabulary = Vocabulary::read(gguf, vocab).map_err(|e| e.to_string())?;
        let build = move || {
            let built = catch_unwind(|| vocabulary.tokenizer());
            built.unwrap_or_else(|_| Err("its vocabulary made the tokenizer panic".into()))
        };
        Ok(Self {
            tokenizer: LazyLock::new(Box::new(build)),
            vocab,
        })
    }

    /// The tokenizer in a `tokenizer.json`, for a model with `vocab` token ids.
    pub fn from_json(json: &[u8], vocab: u32) -> Result<Self, String> {
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|e| e.to_string())?;
        let size = tokenizer.get_vocab_size(true);
        if size > vocab as usize {
            return Err(format!(
                "vocab: has {size} tokens, the manifest says {vocab}"
            ));
        }
        // Files come with the settings of some training run; a job's input is whole and alone.
        tokenizer.with_truncation(None).map_err(|e| e.to_string())?;
        tokenizer.with_padding(None);
        tokenizer.set_encode_special_tokens(true);
        Ok(Self {
            tokenizer: LazyLock::new(Box::new(|| Ok(tokenizer))),
            vocab,
        })
    }

    fn tokenizer(&self) -> Result<&Tokenizer, Failure> {
        let problem = |problem: &String| Failure::bad_model(problem.clone());
        self.tokenizer.as_ref().map_err(problem)
    }

    /// The ids of a text, with those that the model puts around every text.
    pub fn encode(&self, text: &str) -> Result<Vec<Word>, Failure> {
        if text.len() > MAX_TEXT {
            let message = format!("the text has {} bytes, at most {MAX_TEXT} fit", text.len());
            return Err(Failure::bad_input(message));
        }
        let encoding = self.tokenizer()?.encode_fast(text, true);
        let encoding = encoding.map_err(|e| Failure::internal(format!("tokenizer: {e}")))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of ids; special ones yield none.
    pub fn decode(&self, ids: &[Word]) -> Result<String, Failure> {
        if let Some(id) = ids.iter().find(|id| **id >= self.vocab) {
            return Err(unknown_id(*id, self.vocab));
        }
        let text = self.tokenizer()?.decode(ids, true);
        text.map_err(|e| Failure::internal(format!("tokenizer: {e}")))
    }
}

/// The failure for an id that is none of the model's.
pub fn unknown_id(id: Word, vocab: u32) -> Failure {
    let message = format!(
        "{id} is no token id of this model, its ids end at {}",
        vocab - 1
    );
    Failure::bad_input(message)
}
