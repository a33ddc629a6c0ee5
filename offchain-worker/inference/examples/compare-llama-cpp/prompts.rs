//! The distributions of the next token along greedy continuations of prompts, with teacher forcing:
//! whatever an engine would have put out, all of them are fed the same words.

use crate::{
    distributions::{Comparison, Distribution, COLUMNS},
    llama_cpp::{Feeding, LlamaCpp},
    truth::Truth,
    Result,
};
use kagari_inference::{protocol::ChatMessage, Model};
use kagari_primitives::{Sampling, Task, Word};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

const PROMPTS: &str = include_str!("prompts.json");
/// Most tokens of a continuation.
const NEW: u32 = 64;
/// The least share of the positions where the likeliest token is llama.cpp's.
const LEAST_AGREEMENT: f64 = 0.98;

/// What is compared.
pub struct Engines {
    /// The exact kernels.
    pub model: Model,
    /// llama.cpp.
    pub llama_cpp: LlamaCpp,
    /// What both of them round.
    pub truth: Truth,
}

/// A prompt of the data file.
#[derive(Deserialize)]
struct Prompt {
    kind: String,
    #[serde(flatten)]
    content: Content,
}

/// Text, or a conversation that is laid out by the model's template.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Content {
    Text(String),
    Messages(Vec<ChatMessage>),
}

/// A prompt and its continuation as ids.
struct Words {
    input: Vec<Word>,
    output: Vec<Word>,
}

/// The distributions of one position.
struct Position {
    kagari: Distribution,
    llama_cpp: Distribution,
    llama_cpp_one_by_one: Distribution,
    truth: Distribution,
}

/// What was found of all prompts.
#[derive(Default, Serialize)]
pub struct Prompts {
    prompts: usize,
    /// Prompts that llama.cpp would go on with the same way, to the last token.
    same_continuations: usize,
    kagari_beside_llama_cpp: Comparison,
    /// What is left to chance: how words are fed changes where llama.cpp rounds, and nothing else.
    llama_cpp_one_by_one_beside_llama_cpp: Comparison,
    kagari_beside_floats: Comparison,
    llama_cpp_beside_floats: Comparison,
    /// Our kernels beside llama.cpp, by kind of prompt.
    kinds: BTreeMap<String, Comparison>,
}

/// Compares the distributions of all prompts.
pub fn compare(engines: &mut Engines) -> Result<Prompts> {
    let prompts: Vec<Prompt> = serde_json::from_str(PROMPTS)?;
    let mut found = Prompts::default();
    for prompt in &prompts {
        found.prompts += 1;
        eprintln!(
            "==> Comparing prompt {} of {}",
            found.prompts,
            prompts.len()
        );
        let words = engines.complete(&prompt.content)?;
        let mut same = true;
        engines.show(&words, |position| {
            same &= position.kagari.likeliest() == position.llama_cpp.likeliest();
            found.add(&prompt.kind, &position);
        })?;
        found.same_continuations += usize::from(same);
    }
    Ok(found)
}

impl Words {
    /// All that is fed: the last token that is put out is not.
    fn fed(&self) -> Vec<Word> {
        let fed = self.output.len() - 1;
        [&self.input, &self.output[..fed]].concat()
    }
}

impl Engines {
    fn complete(&self, content: &Content) -> Result<Words> {
        let input = match content {
            Content::Text(text) => self.model.encode(text)?,
            Content::Messages(messages) => self.model.encode_chat(messages)?,
        };
        let task = Task::Completion {
            max_new_tokens: NEW,
            sampling: Sampling::GREEDY,
        };
        let output = self.model.run(&task, &[0; 32], &input, |_| ())?.output;
        match output.is_empty() {
            true => Err("a prompt's continuation has no token: a value was not finite".into()),
            false => Ok(Words { input, output }),
        }
    }

    /// Shows `each` what all engines say before each word of the continuation.
    fn show(&mut self, words: &Words, mut each: impl FnMut(Position)) -> Result<()> {
        let (fed, from) = (words.fed(), words.input.len() - 1);
        let others = [
            self.llama_cpp.logits(&fed, from, Feeding::Together)?,
            self.llama_cpp.logits(&fed, from, Feeding::OneByOne)?,
            self.truth.logits(&fed, from)?,
        ];
        let all = words.output.len() * self.model.manifest().shape.vocab as usize;
        if let Some(other) = others.iter().find(|other| other.len() != all) {
            return Err(format!("{} logits came, and not {all}", other.len()).into());
        }
        let mut likeliest = Vec::new();
        self.model.show_logits(&fed, from, |logits| {
            let row = likeliest.len() * logits.len();
            let row = |other: &Vec<f32>| Distribution::of(&other[row..][..logits.len()]);
            let [llama_cpp, llama_cpp_one_by_one, truth] = others.each_ref().map(row);
            let kagari = Distribution::of(logits);
            likeliest.push(kagari.likeliest() as Word);
            each(Position {
                kagari,
                llama_cpp,
                llama_cpp_one_by_one,
                truth,
            });
        })?;
        match likeliest == words.output {
            true => Ok(()),
            false => Err("one pass gives other tokens than the greedy run: a fault of ours".into()),
        }
    }
}

impl Prompts {
    fn add(&mut self, kind: &str, position: &Position) {
        let Position {
            kagari,
            llama_cpp,
            llama_cpp_one_by_one,
            truth,
        } = position;
        self.kagari_beside_llama_cpp.add(llama_cpp, kagari);
        self.llama_cpp_one_by_one_beside_llama_cpp
            .add(llama_cpp, llama_cpp_one_by_one);
        self.kagari_beside_floats.add(truth, kagari);
        self.llama_cpp_beside_floats.add(truth, llama_cpp);
        let of_kind = self.kinds.entry(kind.to_owned()).or_default();
        of_kind.add(llama_cpp, kagari);
    }

    /// Whether the likeliest tokens are llama.cpp's often enough.
    pub fn are_near(&self) -> bool {
        self.kagari_beside_llama_cpp.agreement() >= LEAST_AGREEMENT
    }
}

impl fmt::Display for Prompts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let positions = self.kagari_beside_llama_cpp.positions();
        let prompts = self.prompts;
        writeln!(
            f,
            "Along greedy continuations of {prompts} prompts, at {positions} positions:"
        )?;
        for columns in COLUMNS {
            writeln!(f, "{:<36}{columns}", "")?;
        }
        let rows = [
            ("kagari, beside llama.cpp", &self.kagari_beside_llama_cpp),
            (
                "llama.cpp one by one, beside itself",
                &self.llama_cpp_one_by_one_beside_llama_cpp,
            ),
            ("kagari, beside 32-bit floats", &self.kagari_beside_floats),
            (
                "llama.cpp, beside 32-bit floats",
                &self.llama_cpp_beside_floats,
            ),
        ];
        for (name, comparison) in rows {
            writeln!(f, "{name:<36}{comparison}")?;
        }
        writeln!(f, "kagari, beside llama.cpp, by kind:")?;
        for (kind, comparison) in &self.kinds {
            writeln!(f, "  {kind:<34}{comparison}")?;
        }
        let same = self.same_continuations;
        writeln!(
            f,
            "{same} of {prompts} continuations are llama.cpp's to the last token"
        )?;
        let verdict = match self.are_near() {
            true => "as it should be",
            false => "TOO LOW",
        };
        let agreement = 100.0 * self.kagari_beside_llama_cpp.agreement();
        let least = 100.0 * LEAST_AGREEMENT;
        write!(
            f,
            "Top-1 agreement with llama.cpp is {agreement:.2} %, of {least} % at least: {verdict}"
        )
    }
}
