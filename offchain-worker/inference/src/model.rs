//! A loaded model: text to ids and back, and jobs.

use crate::{
    bert::Bert,
    chat,
    completion::{self, Replayed},
    gguf::Gguf,
    llama::{Decided, Llama},
    memory::job_bytes,
    protocol::{ChatMessage, Completed, Failure},
    safetensors,
    store::{ModelFiles, VerifiedFile},
    text::{unknown_id, Text},
};
use candle_core::Device;
use kagari_primitives::{
    model::{Architecture, Manifest},
    trace::{values_hash, TraceBuilder},
    StopReason, Task, Word, MAX_INPUT,
};
use std::path::Path;

/// Most ids that are turned into text at once.
const MAX_DECODE: usize = 1 << 16;

/// A model, ready to be used by several jobs at once.
pub struct Model {
    manifest: Manifest,
    text: Text,
    network: Network,
    bytes: u64,
}

enum Network {
    Decoder(Llama),
    Encoder(Bert),
}

impl Model {
    /// Checks the files of `manifest` under the folder of all models, and loads them.
    pub fn load(models: &Path, manifest: Manifest, device: &Device) -> Result<Self, Failure> {
        Self::load_within(models, manifest, device, u64::MAX)
    }

    /// The same, if that takes no more than `room` bytes, the mapped file included.
    pub fn load_within(
        models: &Path,
        manifest: Manifest,
        device: &Device,
        room: u64,
    ) -> Result<Self, Failure> {
        check_manifest(&manifest)?;
        // The file is mapped, and its weights are copied.
        if manifest.weights.len.saturating_mul(2) > room {
            return Err(too_large(&manifest));
        }
        let files = ModelFiles::locate(models, &manifest)?;
        let weights = files.weights.open()?;
        let tokenizer = files.tokenizer.map(|file| file.open()).transpose()?;
        let mapped = weights.len() as u64;
        let room = room.saturating_sub(mapped);
        let (network, text, bytes) = match (manifest.shape.architecture, tokenizer) {
            (Architecture::Llama, None) => load_llama(&weights, &manifest, room)?,
            (Architecture::Bert, Some(tokenizer)) => {
                let (network, text) = load_bert(&weights, &tokenizer, &manifest, device)?;
                (network, text, mapped)
            }
            (Architecture::Llama, Some(_)) => {
                return Err(Failure::bad_model(
                    "a Llama's tokenizer is in its GGUF file",
                ));
            }
            (Architecture::Bert, None) => {
                return Err(Failure::bad_model(
                    "a BERT needs a tokenizer file in its manifest",
                ));
            }
        };
        Ok(Self {
            manifest,
            text,
            network,
            bytes,
        })
    }

    /// Bytes that it takes, without the jobs that run on it.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the model is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The input for a text: its ids, with those that the model puts around every text.
    pub fn encode(&self, text: &str) -> Result<Vec<Word>, Failure> {
        if text.is_empty() {
            return Err(Failure::bad_input("the text is empty"));
        }
        let words = self.text.encode(text)?;
        if words.is_empty() {
            return Err(Failure::bad_input(
                "the model knows none of the text's characters",
            ));
        }
        self.check_length(&words)?;
        Ok(words)
    }

    /// The input for a conversation.
    pub fn encode_chat(&self, messages: &[ChatMessage]) -> Result<Vec<Word>, Failure> {
        let Some(template) = &self.manifest.chat_template else {
            let message = format!("{} has no chat template", self.manifest.name_text());
            return Err(Failure::bad_input(message));
        };
        let words = chat::lay_out(template, messages, |content| self.text.encode(content))?;
        self.check_length(&words)?;
        Ok(words)
    }

    /// The text of ids; special ones yield none.
    pub fn decode(&self, ids: &[Word]) -> Result<String, Failure> {
        if ids.len() > MAX_DECODE {
            let message = format!("{} ids, at most {MAX_DECODE} are accepted", ids.len());
            return Err(Failure::bad_input(message));
        }
        self.text.decode(ids)
    }

    /// Bytes that a job takes at most, beside the model.
    pub fn job_bytes(&self, task: &Task, input: &[Word]) -> u64 {
        job_bytes(&self.manifest.shape, task, input.len())
    }

    /// Does a job. `progress` is called as it goes on, with the number of tokens put out so far.
    pub fn run(
        &self,
        task: &Task,
        seed: &[u8; 32],
        input: &[Word],
        progress: impl FnMut(u32),
    ) -> Result<Completed, Failure> {
        self.check_input(input)?;
        match (&self.network, completion_of(task, seed, input)) {
            (Network::Decoder(llama), Some(job)) => {
                completion::run(llama, &self.manifest, &job, progress)
            }
            (Network::Encoder(bert), None) => embed(bert, input),
            (Network::Encoder(_), Some(_)) => Err(self.cannot("complete text")),
            (Network::Decoder(_), None) => Err(self.cannot("embed text")),
        }
    }

    /// Checks a completion by one pass over its prompt and output, which is far cheaper than to generate
    /// it.
    pub fn replay(
        &self,
        task: &Task,
        seed: &[u8; 32],
        input: &[Word],
        claimed: &Completed,
    ) -> Result<Replayed, Failure> {
        self.check_input(input)?;
        match (&self.network, completion_of(task, seed, input)) {
            (Network::Decoder(llama), Some(job)) => {
                completion::replay(llama, &self.manifest, &job, claimed)
            }
            _ => Err(self.cannot("replay anything but completions")),
        }
    }

    /// Shows `each` the logits after every word of an input from number `from` on. No job needs them: they
    /// are for comparisons with other engines.
    pub fn show_logits(
        &self,
        input: &[Word],
        from: usize,
        mut each: impl FnMut(&[f32]),
    ) -> Result<(), Failure> {
        self.check_input(input)?;
        let Network::Decoder(llama) = &self.network else {
            return Err(self.cannot("give logits"));
        };
        let show = |decided: Decided| {
            each(&decided.logits);
            true
        };
        let shown = llama.session(input.len()).feed_each(input, from, show);
        shown.map_err(|e| Failure::internal(e.to_string()))
    }

    fn check_input(&self, input: &[Word]) -> Result<(), Failure> {
        if input.is_empty() {
            return Err(Failure::bad_input("the input is empty"));
        }
        self.check_length(input)?;
        let vocab = self.manifest.shape.vocab;
        match input.iter().find(|id| **id >= vocab) {
            Some(id) => Err(unknown_id(*id, vocab)),
            None => Ok(()),
        }
    }

    fn check_length(&self, input: &[Word]) -> Result<(), Failure> {
        let room = self.manifest.shape.context.min(MAX_INPUT) as usize;
        if input.len() > room {
            let message = format!("the input has {} tokens, at most {room} fit", input.len());
            return Err(Failure::bad_input(message));
        }
        Ok(())
    }

    fn cannot(&self, what: &str) -> Failure {
        Failure::bad_input(format!("{} cannot {what}", self.manifest.name_text()))
    }
}

/// The completion that a task asks for, if it asks for one.
fn completion_of<'a>(
    task: &Task,
    seed: &[u8; 32],
    input: &'a [Word],
) -> Option<completion::Job<'a>> {
    match task {
        Task::Completion {
            max_new_tokens,
            sampling,
        } => Some(completion::Job {
            max_new_tokens: *max_new_tokens,
            sampling: *sampling,
            seed: *seed,
            input,
        }),
        Task::Embedding => None,
    }
}

fn check_manifest(manifest: &Manifest) -> Result<(), Failure> {
    if !manifest.shape.is_sane() {
        return Err(Failure::bad_model("the manifest's shape is out of bounds"));
    }
    // Encoders still run on candle's kernels, which no specification describes.
    let known = match manifest.shape.architecture {
        Architecture::Llama => kagari_kernels::VERSION,
        Architecture::Bert => 0,
    };
    if manifest.kernel_version != known {
        return Err(Failure::bad_model(format!(
            "the manifest names version {} of the kernel specification, known for this architecture is {known}",
            manifest.kernel_version
        )));
    }
    let vocab = manifest.shape.vocab;
    let special = manifest.special_words();
    match special
        .iter()
        .chain(&manifest.stop_tokens)
        .find(|id| **id >= vocab)
    {
        Some(id) => Err(Failure::bad_model(format!(
            "the manifest names the token {id} of {vocab}"
        ))),
        None => Ok(()),
    }
}

fn too_large(manifest: &Manifest) -> Failure {
    Failure::bad_model(format!(
        "{} does not fit into what is left of the half of the child's memory that is for models; give \
         it more (--inference-memory) or offer fewer models",
        manifest.name_text()
    ))
}

fn load_llama(
    weights: &VerifiedFile,
    manifest: &Manifest,
    room: u64,
) -> Result<(Network, Text, u64), Failure> {
    let gguf = Gguf::parse(weights).map_err(|e| weights.failure(e))?;
    let text = Text::from_gguf(&gguf, manifest.shape.vocab).map_err(|e| weights.failure(e))?;
    let bytes = Llama::bytes_of(&gguf, &manifest.shape).map_err(|e| weights.failure(e))?;
    if bytes > room {
        return Err(too_large(manifest));
    }
    let llama = Llama::load(&gguf, manifest.shape).map_err(|e| weights.failure(e))?;
    Ok((Network::Decoder(llama), text, bytes))
}

fn load_bert(
    weights: &VerifiedFile,
    tokenizer: &VerifiedFile,
    manifest: &Manifest,
    device: &Device,
) -> Result<(Network, Text), Failure> {
    let vocab = manifest.shape.vocab;
    let text = Text::from_json(tokenizer, vocab).map_err(|e| tokenizer.failure(e))?;
    safetensors::check_header(weights).map_err(|e| weights.failure(e))?;
    let bert = Bert::load(weights, manifest.shape, device).map_err(|e| weights.failure(e))?;
    Ok((Network::Encoder(bert), text))
}

/// An embedding's trace has one position: the length of the output beside the hash of its values.
fn embed(bert: &Bert, input: &[Word]) -> Result<Completed, Failure> {
    let vector = bert
        .embed(input)
        .map_err(|e| Failure::internal(e.to_string()))?;
    let mut trace = TraceBuilder::default();
    let Some(vector) = vector else {
        let stop = StopReason::NonFinite;
        return Ok(Completed {
            output: Vec::new(),
            stop,
            trace_root: trace.finish(stop),
        });
    };
    trace.push(vector.len() as Word, values_hash(&vector));
    let stop = StopReason::Vector;
    let output = vector.iter().map(|v| v.to_bits()).collect();
    Ok(Completed {
        output,
        stop,
        trace_root: trace.finish(stop),
    })
}
