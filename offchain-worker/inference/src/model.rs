//! A loaded model: text to ids and back, and jobs.

use crate::{
    bert::Bert,
    chat,
    completion::{self, Replayed},
    gguf::Gguf,
    llama::{Llama, PreparedLlama},
    memory::job_bytes,
    protocol::{ChatMessage, Completed, Failure},
    safetensors,
    store::{ExpectedFile, ModelFiles},
    text::{unknown_id, Text},
    work::{advance_completions, advance_embeddings, Outcome, Work},
};
use kagari_kernels::NonFinite;
use kagari_primitives::{
    model::{Architecture, Manifest},
    Task, Word, MAX_INPUT,
};
use std::{path::Path, thread};

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
    pub fn load(models: &Path, manifest: Manifest) -> Result<Self, Failure> {
        Self::load_within(models, manifest, u64::MAX)
    }

    /// The same, if that takes no more than `room` bytes, the mapped file included.
    pub fn load_within(models: &Path, manifest: Manifest, room: u64) -> Result<Self, Failure> {
        check_manifest(&manifest)?;
        // The file is mapped, and its weights are copied.
        if manifest.weights.len.saturating_mul(2) > room {
            return Err(too_large(&manifest));
        }
        let files = ModelFiles::locate(models, &manifest)?;
        let room = room.saturating_sub(manifest.weights.len);
        let (network, text, bytes) = match (manifest.shape.architecture, &files.tokenizer) {
            (Architecture::Llama, None) => load_llama(&files.weights, &manifest, room)?,
            (Architecture::Bert, Some(tokenizer)) => {
                load_bert(&files.weights, tokenizer, &manifest)?
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

    /// Starts a job.
    pub fn start(&self, task: &Task, seed: &[u8; 32], input: &[Word]) -> Result<Work, Failure> {
        self.begin(task, seed, input, None)
    }

    /// Starts the replay of a job: a completion is checked by passes over its prompt and output, which is
    /// far cheaper than to generate it, an embedding by computing it again.
    pub fn start_replay(
        &self,
        task: &Task,
        seed: &[u8; 32],
        input: &[Word],
        claimed: Completed,
    ) -> Result<Work, Failure> {
        self.begin(task, seed, input, Some(claimed))
    }

    /// Starts a job, or the replay of what is claimed of one.
    pub(crate) fn begin(
        &self,
        task: &Task,
        seed: &[u8; 32],
        input: &[Word],
        claimed: Option<Completed>,
    ) -> Result<Work, Failure> {
        self.check_input(input)?;
        match (&self.network, completion_of(task, seed, input)) {
            (Network::Decoder(llama), Some(job)) => {
                Work::completion(llama, &self.manifest, job, claimed)
            }
            (Network::Encoder(_), None) => Ok(Work::embedding(input.to_vec(), claimed)),
            (Network::Encoder(_), Some(_)) => Err(self.cannot("complete text")),
            (Network::Decoder(_), None) => Err(self.cannot("embed text")),
        }
    }

    /// Advances work of this model by one pass, all of it together.
    pub fn advance(&self, works: &mut [&mut Work]) {
        match &self.network {
            Network::Decoder(llama) => advance_completions(llama, &self.manifest, works),
            Network::Encoder(bert) => advance_embeddings(bert, works),
        }
    }

    /// Does a job by itself. `progress` is called as it goes on, with the number of tokens put out so far.
    pub fn run(
        &self,
        task: &Task,
        seed: &[u8; 32],
        input: &[Word],
        progress: impl FnMut(u32),
    ) -> Result<Completed, Failure> {
        match self.finish(self.start(task, seed, input)?, progress) {
            Some(Outcome::Completed(completed)) => Ok(completed),
            _ => Err(Failure::internal("the job has no result")),
        }
    }

    /// Replays a job by itself.
    pub fn replay(
        &self,
        task: &Task,
        seed: &[u8; 32],
        input: &[Word],
        claimed: &Completed,
    ) -> Result<Replayed, Failure> {
        let work = self.start_replay(task, seed, input, claimed.clone())?;
        match self.finish(work, |_| ()) {
            Some(Outcome::Replayed(replayed)) => Ok(replayed),
            _ => Err(Failure::internal("the replay has no result")),
        }
    }

    fn finish(&self, mut work: Work, mut progress: impl FnMut(u32)) -> Option<Outcome> {
        progress(work.tokens());
        while !work.is_done() {
            self.advance(&mut [&mut work]);
            progress(work.tokens());
        }
        work.finish()
    }

    /// Shows `each` the logits after every word of an input from number `from` on. No job needs them: they
    /// are for comparisons with other engines.
    pub fn show_logits(
        &self,
        input: &[Word],
        from: usize,
        each: impl FnMut(&[f32]),
    ) -> Result<(), Failure> {
        self.check_input(input)?;
        let Network::Decoder(llama) = &self.network else {
            return Err(self.cannot("give logits"));
        };
        let shown = llama.show_logits(input, from, each);
        shown.map_err(|NonFinite| Failure::internal("a value is not finite"))
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
fn completion_of(task: &Task, seed: &[u8; 32], input: &[Word]) -> Option<completion::Job> {
    match task {
        Task::Completion {
            max_new_tokens,
            sampling,
        } => Some(completion::Job {
            max_new_tokens: *max_new_tokens,
            sampling: *sampling,
            seed: *seed,
            input: input.to_vec(),
        }),
        Task::Embedding => None,
    }
}

fn check_manifest(manifest: &Manifest) -> Result<(), Failure> {
    if !manifest.shape.is_sane() {
        return Err(Failure::bad_model("the manifest's shape is out of bounds"));
    }
    if manifest.kernel_version != kagari_kernels::VERSION {
        return Err(Failure::bad_model(format!(
            "the manifest names version {} of the kernel specification, known is {}",
            manifest.kernel_version,
            kagari_kernels::VERSION
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
    weights: &ExpectedFile,
    manifest: &Manifest,
    room: u64,
) -> Result<(Network, Text, u64), Failure> {
    let file = weights.open()?;
    let (hashed, prepared) = thread::scope(|scope| {
        let hashing = scope.spawn(|| file.check_hash());
        let prepared = prepare_llama(&file.bytes, manifest, room);
        (hashing.join(), prepared)
    });
    let failure = |problem| weights.failure(problem);
    hashed.map_err(|_| failure("could not be hashed".into()))??;
    let Some((text, llama)) = prepared.map_err(failure)? else {
        return Err(too_large(manifest));
    };
    let bytes = llama.bytes();
    let llama = llama.lay_out().map_err(failure)?;
    Ok((Network::Decoder(llama), text, bytes))
}

/// What can be done while the file is hashed, since it needs no more than its header; `None` if there is no
/// room for the rest.
fn prepare_llama<'a>(
    file: &'a [u8],
    manifest: &Manifest,
    room: u64,
) -> Result<Option<(Text, PreparedLlama<'a>)>, String> {
    let gguf = Gguf::parse(file).map_err(|e| e.to_string())?;
    let Some(llama) = Llama::prepare(gguf, manifest.shape, room)? else {
        return Ok(None);
    };
    let text = Text::from_gguf(llama.gguf(), manifest.shape.vocab)?;
    Ok(Some((text, llama)))
}

fn load_bert(
    weights: &ExpectedFile,
    tokenizer: &ExpectedFile,
    manifest: &Manifest,
) -> Result<(Network, Text, u64), Failure> {
    let (shape, vocab) = (manifest.shape, manifest.shape.vocab);
    let text = tokenizer.read(|bytes| Text::from_json(bytes, vocab).map_err(|e| e.to_string()))?;
    let bert = weights.read(|bytes| {
        safetensors::check_header(bytes).map_err(|e| e.to_string())?;
        Bert::load(bytes, shape)
    })?;
    Ok((Network::Encoder(bert), text, manifest.weights.len))
}
