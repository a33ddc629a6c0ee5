//! Inference: loading models, turning text into token ids and back, completing and embedding.
//!
//! It is made to run in a child process of the node ([`child`]), which talks to its parent in frames
//! ([`protocol`]). A model is loaded ([`Model`]) if its files have the length and hash that its
//! manifest names ([`store`]), and if their headers are sane ([`gguf`], [`safetensors`]).
//!
//! # Exactness
//!
//! Results follow the kernel specification (`KERNELS.md`, and in code `kagari-kernels`): the same bits on
//! every machine, with any number of threads, whatever else is computed at the same time, however a prompt
//! was fed. A manifest says which version of the specification its results follow.

mod bert;
mod chat;
pub mod child;
mod completion;
pub mod gguf;
mod llama;
mod memory;
mod model;
mod processor;
pub mod protocol;
pub mod safetensors;
mod sampling;
pub mod store;
#[cfg(test)]
mod test_models;
mod text;
mod work;

pub use completion::Replayed;
pub use model::Model;
pub use work::{Outcome, Work};
