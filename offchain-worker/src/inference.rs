//! Inference, as the rest of the node asks for it. It happens in a child process, which is started,
//! limited, killed and restarted by the module `child`.

use crate::{
    child::{self, Call, Message},
    metrics::ChildMetrics,
};
use codec::Encode;
use futures::channel::oneshot;
use kagari_inference::{
    protocol::{ChatMessage, Completed, Failure, FailureKind, RequestBody, ResponseBody},
    Replayed,
};
use kagari_primitives::{model::ModelFile, Architecture, Manifest, Task, Word};
use std::{
    path::PathBuf,
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc::{SyncSender, TrySendError},
        Arc,
    },
    thread::JoinHandle,
    time::Duration,
};
use substrate_prometheus_endpoint::Registry;

/// Most bytes of a request to the child. The longest input of a job, as text, has far fewer.
const MAX_REQUEST: usize = 1 << 20;

/// How inference is to run.
#[derive(Clone, Debug)]
pub struct InferenceConfig {
    /// Folder of the models: a subfolder for each, of its manifest's name, that holds `model.gguf`, or
    /// `model.safetensors`, and `tokenizer.json` where the manifest names one.
    pub models_dir: PathBuf,
    /// The program of the child, which is started as `program inference-child ..`.
    pub program: PathBuf,
    /// Most memory that the child may take, in MiB.
    pub memory_mib: u64,
    /// Threads of one computation.
    pub threads: usize,
    /// Jobs that are computed together.
    pub concurrency: usize,
    /// Longest time for anything that the child is asked; then it is killed and restarted.
    pub timeout: Duration,
}

/// Why inference failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InferenceError {
    /// The model's files are not here.
    #[error("the files of the model {name} are not in {dir}, or not as long as its manifest says; put them there")]
    ModelMissing {
        /// The model's name.
        name: String,
        /// Where the files should be.
        dir: String,
    },
    /// The model's files can't be used.
    #[error("{0}")]
    BadModel(String),
    /// The input can't be used.
    #[error("{0}")]
    BadInput(String),
    /// Too much waits already.
    #[error("this node is busy with other inference; try again later")]
    Busy,
    /// It took too long, and the child was killed.
    #[error("inference took longer than {} seconds and was stopped", .0.as_secs_f32())]
    Timeout(Duration),
    /// The child was killed because of another request.
    #[error("inference was interrupted because something else failed; try again")]
    Interrupted,
    /// The child ended.
    #[error("the inference process ended: {0}")]
    ChildDied(String),
    /// The child could not be started.
    #[error("the inference process could not be started: {0}")]
    NotStarted(String),
    /// A fault in the child.
    #[error("inference failed: {0}")]
    Internal(String),
    /// The node is ending.
    #[error("inference was shut down")]
    Stopped,
}

impl InferenceError {
    /// A short name for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::ModelMissing { .. } => "model_missing",
            Self::BadModel(_) => "bad_model",
            Self::BadInput(_) => "bad_input",
            Self::Busy => "busy",
            Self::Timeout(_) => "timeout",
            Self::Interrupted => "interrupted",
            Self::ChildDied(_) => "child_died",
            Self::NotStarted(_) => "not_started",
            Self::Internal(_) => "internal",
            Self::Stopped => "stopped",
        }
    }
}

impl From<Failure> for InferenceError {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::BadModel => Self::BadModel(failure.message),
            FailureKind::BadInput => Self::BadInput(failure.message),
            FailureKind::Busy => Self::Busy,
            // Models are loaded before they are used, so the child has lost count.
            FailureKind::UnknownModel | FailureKind::Internal => Self::Internal(failure.message),
        }
    }
}

/// Inference in a child process. Clones share the child; it ends with the last of them.
#[derive(Clone)]
pub struct Inference {
    inner: Arc<Inner>,
}

struct Inner {
    config: InferenceConfig,
    messages: SyncSender<Message>,
    pid: Arc<AtomicU32>,
    supervisor: Option<JoinHandle<()>>,
}

impl Inference {
    /// Starts the child. If that fails, it is logged and tried again.
    pub fn start(config: InferenceConfig, registry: Option<&Registry>) -> Self {
        let pid = Arc::new(AtomicU32::new(0));
        let metrics = ChildMetrics::new(registry);
        let (messages, supervisor) = child::start(config.clone(), metrics, pid.clone());
        Self {
            inner: Arc::new(Inner {
                config,
                messages,
                pid,
                supervisor,
            }),
        }
    }

    /// Turns text into a model's input.
    pub async fn encode(
        &self,
        model: &Manifest,
        text: String,
    ) -> Result<Vec<Word>, InferenceError> {
        let body = RequestBody::Encode {
            model: model.id(),
            text,
        };
        words(self.call(model, body, unheard).await?)
    }

    /// Turns a conversation into a model's input.
    pub async fn encode_chat(
        &self,
        model: &Manifest,
        messages: Vec<ChatMessage>,
    ) -> Result<Vec<Word>, InferenceError> {
        let body = RequestBody::EncodeChat {
            model: model.id(),
            messages,
        };
        words(self.call(model, body, unheard).await?)
    }

    /// Turns token ids into text.
    pub async fn decode(&self, model: &Manifest, ids: Vec<Word>) -> Result<String, InferenceError> {
        let body = RequestBody::Decode {
            model: model.id(),
            ids,
        };
        match self.call(model, body, unheard).await? {
            ResponseBody::Text(text) => Ok(text),
            other => Err(unexpected(&other)),
        }
    }

    /// Does a job.
    pub async fn run(
        &self,
        model: &Manifest,
        task: Task,
        seed: [u8; 32],
        input: Vec<Word>,
    ) -> Result<Completed, InferenceError> {
        let body = RequestBody::Run {
            model: model.id(),
            task,
            seed,
            input,
        };
        match self.call(model, body, unheard).await? {
            ResponseBody::Done(completed) => Ok(completed),
            other => Err(unexpected(&other)),
        }
    }

    /// Checks what a job is said to have given. `progress` is called with the number of tokens checked
    /// so far.
    pub async fn replay(
        &self,
        model: &Manifest,
        task: Task,
        seed: [u8; 32],
        input: Vec<Word>,
        claimed: Completed,
        progress: impl Fn(u32) + Send + 'static,
    ) -> Result<Replayed, InferenceError> {
        let body = RequestBody::Replay {
            model: model.id(),
            task,
            seed,
            input,
            claimed,
        };
        match self.call(model, body, progress).await? {
            ResponseBody::Replayed(replayed) => Ok(replayed),
            other => Err(unexpected(&other)),
        }
    }

    /// Whether the model's files are here, as long as its manifest says. Their hashes are checked when
    /// the model is loaded.
    pub fn available(&self, model: &Manifest) -> bool {
        let dir = self.dir_of(model);
        let is_there = |(name, file): (&str, ModelFile)| {
            dir.join(name)
                .metadata()
                .is_ok_and(|m| m.is_file() && m.len() == file.len)
        };
        // The name becomes part of a path.
        model.has_valid_name() && files(model).into_iter().all(is_there)
    }

    /// Jobs that are computed together.
    pub fn concurrency(&self) -> usize {
        self.inner.config.concurrency
    }

    /// The process id of the child, while there is one.
    pub fn child_pid(&self) -> Option<u32> {
        match self.inner.pid.load(Ordering::Relaxed) {
            0 => None,
            pid => Some(pid),
        }
    }

    fn dir_of(&self, model: &Manifest) -> PathBuf {
        self.inner.config.models_dir.join(model.name_text())
    }

    async fn call(
        &self,
        model: &Manifest,
        body: RequestBody,
        progress: impl Fn(u32) + Send + 'static,
    ) -> Result<ResponseBody, InferenceError> {
        if !self.available(model) {
            let dir = self.dir_of(model).display().to_string();
            return Err(InferenceError::ModelMissing {
                name: model.name_text(),
                dir,
            });
        }
        let size = body.encoded_size();
        if size > MAX_REQUEST {
            return Err(InferenceError::BadInput(format!(
                "the input takes {size} bytes, at most {MAX_REQUEST} are accepted; shorten it"
            )));
        }
        let (reply, answer) = oneshot::channel();
        let call = Call {
            manifest: model.clone(),
            body,
            progress: Box::new(progress),
            reply,
        };
        let sent = self.inner.messages.try_send(Message::Call(Box::new(call)));
        sent.map_err(|error| match error {
            TrySendError::Full(_) => InferenceError::Busy,
            TrySendError::Disconnected(_) => InferenceError::Stopped,
        })?;
        let abandoned = WakeOnDrop(&self.inner.messages);
        let answer = answer.await;
        std::mem::forget(abandoned);
        answer.unwrap_or(Err(InferenceError::Stopped))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // An error means that the supervisor has ended already.
        let _ = self.messages.send(Message::Stop);
        if let Some(supervisor) = self.supervisor.take() {
            let _ = supervisor.join();
        }
    }
}

/// Lets the supervisor look whether somebody still waits for what the child computes; dropped with a
/// future whose caller has stopped waiting.
struct WakeOnDrop<'a>(&'a SyncSender<Message>);

impl Drop for WakeOnDrop<'_> {
    fn drop(&mut self) {
        // A full queue wakes it as well.
        let _ = self.0.try_send(Message::Wake);
    }
}

/// Progress that nobody wants to hear of.
fn unheard(_: u32) {}

fn words(body: ResponseBody) -> Result<Vec<Word>, InferenceError> {
    match body {
        ResponseBody::Words(words) => Ok(words),
        other => Err(unexpected(&other)),
    }
}

/// The supervisor lets through only answers that fit, so this is a fault of ours.
fn unexpected(_: &ResponseBody) -> InferenceError {
    InferenceError::Internal("an answer of the wrong kind came from the child".into())
}

/// The folder of models that the setup script fills, in the user's cache folder.
pub fn user_models_dir() -> Option<PathBuf> {
    Some(user_cache()?.join("kagari").join("models"))
}

/// The user's cache folder, as the XDG specification has it.
fn user_cache() -> Option<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))
}

/// The files of a model, as the manifest describes them.
fn files(model: &Manifest) -> Vec<(&'static str, ModelFile)> {
    let weights = match model.shape.architecture {
        Architecture::Llama => ("model.gguf", model.weights),
        Architecture::Bert => ("model.safetensors", model.weights),
    };
    let tokenizer = model.tokenizer.map(|file| ("tokenizer.json", file));
    [weights].into_iter().chain(tokenizer).collect()
}
