//! Token ids of texts, beside llama.cpp's with special tokens off: a user's text never yields any.

use crate::{llama_cpp::LlamaCpp, texts, Result};
use kagari_inference::Model;
use kagari_primitives::Word;
use serde::Serialize;
use std::fmt;

const TEXTS: usize = 10_000;
const TEXTS_WITH_UNKNOWN_CHARACTERS: usize = 1_000;
/// Most disagreements that are shown.
const SHOWN: usize = 10;

/// What was found.
#[derive(Serialize)]
pub struct Ids {
    /// Texts whose characters the vocabulary has: all of them are to agree.
    known: Agreement,
    /// Texts with characters that it lacks, which llama.cpp takes another way than the tokenizer that
    /// the model was trained with.
    unknown: Agreement,
}

/// Texts that agree, and some that don't.
#[derive(Serialize)]
struct Agreement {
    texts: usize,
    agreeing: usize,
    disagreements: Vec<Disagreement>,
}

#[derive(Serialize)]
struct Disagreement {
    text: String,
    kagari: Vec<Word>,
    llama_cpp: Vec<Word>,
}

/// Compares the ids of all texts.
pub fn compare(model: &Model, llama_cpp: &mut LlamaCpp) -> Result<Ids> {
    eprintln!("==> Comparing the token ids of {TEXTS} texts");
    let unknown = texts::texts_with_unknown_characters(TEXTS_WITH_UNKNOWN_CHARACTERS);
    Ok(Ids {
        known: agreement(&texts::texts(TEXTS), model, llama_cpp)?,
        unknown: agreement(&unknown, model, llama_cpp)?,
    })
}

fn agreement(texts: &[String], model: &Model, llama_cpp: &mut LlamaCpp) -> Result<Agreement> {
    let (mut agreeing, mut disagreements) = (0, Vec::new());
    for text in texts {
        let (kagari, llama_cpp) = (ids(model, text)?, llama_cpp.ids(text)?);
        if kagari == llama_cpp {
            agreeing += 1;
        } else if disagreements.len() < SHOWN {
            disagreements.push(Disagreement {
                text: text.clone(),
                kagari,
                llama_cpp,
            });
        }
    }
    Ok(Agreement {
        texts: texts.len(),
        agreeing,
        disagreements,
    })
}

/// No ids are added to a text by SmolLM2's tokenizer, nor by llama.cpp when it is asked for none.
fn ids(model: &Model, text: &str) -> Result<Vec<Word>> {
    let ids = model.encode(text);
    ids.map_err(|e| format!("{text:?} can't be encoded: {e}").into())
}

impl Ids {
    /// Whether the ids of all texts agree whose characters the vocabulary has.
    pub fn agree(&self) -> bool {
        self.known.agreeing == self.known.texts
    }
}

impl fmt::Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { known, unknown } = self;
        let verdict = match self.agree() {
            true => "as they should",
            false => "TOO FEW, all of them should",
        };
        let (agreeing, texts) = (known.agreeing, known.texts);
        writeln!(
            f,
            "Token ids of {agreeing} of {texts} texts agree: {verdict}"
        )?;
        for Disagreement {
            text,
            kagari,
            llama_cpp,
        } in &known.disagreements
        {
            writeln!(
                f,
                "  {text:?}\n    kagari    {kagari:?}\n    llama.cpp {llama_cpp:?}"
            )?;
        }
        let (agreeing, texts) = (unknown.agreeing, unknown.texts);
        write!(
            f,
            "With characters that the vocabulary lacks, where llama.cpp differs from the tokenizer of the \
             training: {agreeing} of {texts}"
        )
    }
}
