//! What the node and its inference child say to each other: SCALE-encoded frames over two pipes,
//! each with its length before it (four bytes, little-endian).

use crate::Replayed;
use codec::{Decode, DecodeAll, Encode};
use kagari_primitives::{model::Manifest, Hash, ModelId, StopReason, Task, Word};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// Most bytes of a frame, without its length; each side refuses larger ones.
pub const MAX_FRAME: usize = 8 << 20;

/// A question to the child.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Request {
    /// Chosen by the asker; the answers carry it.
    pub id: u64,
    /// What is asked.
    pub body: RequestBody,
}

/// What the child can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum RequestBody {
    /// Check a model's files and load it. Answered with [`ResponseBody::Loaded`].
    Load {
        /// The model.
        manifest: Manifest,
        /// The folder of all models: the files are in its subfolder of the manifest's name.
        dir: String,
    },
    /// Turn text into a model's input. Answered with [`ResponseBody::Words`].
    Encode {
        /// A loaded model.
        model: ModelId,
        /// The text.
        text: String,
    },
    /// Turn a conversation into a model's input. Answered with [`ResponseBody::Words`].
    EncodeChat {
        /// A loaded model.
        model: ModelId,
        /// The conversation.
        messages: Vec<ChatMessage>,
    },
    /// Turn token ids into text. Answered with [`ResponseBody::Text`].
    Decode {
        /// A loaded model.
        model: ModelId,
        /// The token ids; special ones yield no text.
        ids: Vec<Word>,
    },
    /// Do a job. Answered with any number of [`ResponseBody::Progress`] and one
    /// [`ResponseBody::Done`].
    Run {
        /// A loaded model.
        model: ModelId,
        /// What to compute.
        task: Task,
        /// Seed of the draws.
        seed: [u8; 32],
        /// The input.
        input: Vec<Word>,
    },
    /// Check what a job is said to have given. Answered with any number of
    /// [`ResponseBody::Progress`] and one [`ResponseBody::Replayed`].
    Replay {
        /// A loaded model.
        model: ModelId,
        /// What was to be computed.
        task: Task,
        /// Seed of the draws.
        seed: [u8; 32],
        /// The input.
        input: Vec<Word>,
        /// What is said to have come out.
        claimed: Completed,
    },
}

impl RequestBody {
    /// Whether it computes, and is no matter of text or models.
    pub fn is_job(&self) -> bool {
        matches!(self, Self::Run { .. } | Self::Replay { .. })
    }
}

/// An answer of the child.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Response {
    /// The request's.
    pub id: u64,
    /// The answer.
    pub body: ResponseBody,
}

/// What the child can answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ResponseBody {
    /// The model is loaded.
    Loaded,
    /// A model's input.
    Words(Vec<Word>),
    /// Text.
    Text(String),
    /// A job is being worked on; another answer follows.
    Progress {
        /// Tokens put out, or checked, so far.
        done: u32,
    },
    /// A job is done.
    Done(Completed),
    /// A claim was checked.
    Replayed(Replayed),
    /// It could not be done.
    Failed(Failure),
}

/// The result of a job.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Completed {
    /// Token ids, or, of an embedding, the bits of its f32 values.
    pub output: Vec<Word>,
    /// Why the computation ended.
    pub stop: StopReason,
    /// Commitment to the computation: see [`kagari_primitives::trace`].
    pub trace_root: Hash,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions that stand over the conversation.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind, for programs.
    pub kind: FailureKind,
    /// What was wrong and what to do, for people.
    pub message: String,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum FailureKind {
    /// The model is not loaded.
    UnknownModel,
    /// The model's files are missing, not those of the manifest, or not supported.
    BadModel,
    /// The request itself is wrong.
    BadInput,
    /// Too much waits already.
    Busy,
    /// A fault in here.
    Internal,
}

impl Failure {
    /// A failure of kind [`FailureKind::BadModel`].
    pub fn bad_model(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::BadModel,
            message: message.into(),
        }
    }

    /// A failure of kind [`FailureKind::BadInput`].
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::BadInput,
            message: message.into(),
        }
    }

    /// A failure of kind [`FailureKind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Internal,
            message: message.into(),
        }
    }
}

/// Writes one frame and flushes.
pub fn write_frame(to: &mut (impl Write + ?Sized), message: &impl Encode) -> io::Result<()> {
    let bytes = message.encode();
    if bytes.len() > MAX_FRAME {
        return Err(too_large(bytes.len()));
    }
    let len = u32::try_from(bytes.len()).map_err(|_| too_large(bytes.len()))?;
    to.write_all(&len.to_le_bytes())?;
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads one frame; `None` if the other side closed between two frames.
pub fn read_frame(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let Some(len) = read_length(from)? else {
        return Ok(None);
    };
    if len > MAX_FRAME {
        return Err(too_large(len));
    }
    let mut bytes = vec![0; len];
    from.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

fn read_length(from: &mut impl Read) -> io::Result<Option<usize>> {
    let mut len = [0; 4];
    let mut filled = 0;
    while filled < len.len() {
        match from.read(&mut len[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(Some(u32::from_le_bytes(len) as usize))
}

fn too_large(len: usize) -> io::Error {
    let message = format!("frame of {len} bytes, at most {MAX_FRAME} are accepted");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Decodes what a frame holds; all of it must be used.
pub fn decode<T: Decode>(frame: &[u8]) -> io::Result<T> {
    T::decode_all(&mut &frame[..]).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

/// The id of a request whose body may not be readable.
pub fn request_id(frame: &[u8]) -> Option<u64> {
    frame.first_chunk().map(|id| u64::from_le_bytes(*id))
}

#[cfg(test)]
mod tests;
