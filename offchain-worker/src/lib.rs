//! What a provider does off the chain: watch, infer, attest.
//!
//! ```text
//!   chain ──blocks──> task ──events──> machine ──commands──> task ──> journal (disk)
//!     ^                                                       │ └──> inference ──pipes──> child
//!     └────────────── attestations, through the pool ─────────┘
//! ```
//!
//! [`machine`] decides, without input or output of its own. [`task`] carries its commands out, on a
//! thread of its own whose panics do not end the node. [`inference`] keeps the child process in which
//! models run; the node's RPC uses it as well, to turn text into token ids and back, and the command, to
//! replay jobs. [`journal`] keeps what was done over a restart.

pub mod chain;
mod child;
pub mod inference;
pub mod inference_child;
pub mod journal;
pub mod machine;
pub mod metrics;
pub mod payload;
pub mod record;
pub mod resources;
pub mod task;
#[cfg(test)]
mod test_data;

pub use inference::{Inference, InferenceConfig, InferenceError};
pub use task::{start_worker, WorkerHandle, WorkerParams};

pub(crate) const LOG_TARGET: &str = "kagari::worker";
