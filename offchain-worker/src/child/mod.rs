//! The inference child, from the node's side.
//!
//! A supervisor thread owns the child: [`process`] starts and kills it and moves frames, [`session`]
//! knows what one child was asked and has loaded, [`supervisor`] restarts it when it dies, hangs or
//! talks nonsense. Everything reaches the supervisor as a [`Message`].
//!
//! The child ends when its stdin does, and, on Linux, when the *thread* that started it does: so the
//! thread that starts it must live as long as the child may.

mod backoff;
mod process;
mod session;
mod supervisor;

pub(crate) use supervisor::start;

use crate::inference::InferenceError;
use futures::channel::oneshot;
use kagari_inference::protocol::{RequestBody, Response, ResponseBody};
use kagari_primitives::Manifest;

const LOG_TARGET: &str = "kagari::inference";

/// Something that the supervisor hears.
pub(crate) enum Message {
    /// Somebody asks for inference.
    Call(Box<Call>),
    /// The child answered.
    Answer {
        /// Which child: one may have taken its place since.
        child: u64,
        /// Its answer.
        response: Response,
    },
    /// The child can't be talked to any more.
    Gone {
        /// Which child.
        child: u64,
        /// Why.
        reason: String,
    },
    /// Somebody may have stopped waiting for an answer.
    Wake,
    /// The last handle is gone.
    Stop,
}

/// Hears of the tokens that are done so far.
pub(crate) type Progress = Box<dyn Fn(u32) + Send>;

/// A request, and who waits for the answer.
pub(crate) struct Call {
    /// The model that it needs.
    pub manifest: Manifest,
    /// The request.
    pub body: RequestBody,
    /// Is told how far a job is.
    pub progress: Progress,
    /// Takes the answer.
    pub reply: oneshot::Sender<Result<ResponseBody, InferenceError>>,
}

impl Call {
    /// Answers. Nobody may be waiting any more, which is no error.
    pub fn answer(self, answer: Result<ResponseBody, InferenceError>) {
        let Self {
            progress, reply, ..
        } = self;
        // Who is answered hears of no more progress.
        drop(progress);
        let _ = reply.send(answer);
    }

    /// Whether nobody waits for the answer any more.
    pub fn is_abandoned(&self) -> bool {
        self.reply.is_canceled()
    }

    /// Whether it is a job, and not a matter of text.
    pub fn is_job(&self) -> bool {
        self.body.is_job()
    }

    /// Whether an answer is of the kind that was asked for.
    pub fn fits(&self, answer: &ResponseBody) -> bool {
        use {RequestBody as Asked, ResponseBody as Answer};
        matches!(
            (&self.body, answer),
            (
                Asked::Encode { .. } | Asked::EncodeChat { .. },
                Answer::Words(_)
            ) | (Asked::Decode { .. }, Answer::Text(_))
                | (Asked::Run { .. }, Answer::Done(_))
                | (Asked::Replay { .. }, Answer::Replayed(_))
        )
    }
}
