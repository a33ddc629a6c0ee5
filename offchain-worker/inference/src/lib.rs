//! Inference: loading models, turning text into token ids and back, completing and embedding.
//!
//! It is made to run in a child process of the node ([`child`]), which talks to its parent in frames
//! ([`protocol`]). A model is loaded ([`Model`]) if its files have the length and hash that its
//! manifest names ([`store`]), and if their headers are sane ([`gguf`], [`safetensors`]).
//!
//! # Exactness
//!
//! Completions follow the kernel specification (`KERNELS.md`, and in code `kagari-kernels`): the same
//! bits on every machine, with any number of threads, however a prompt was fed. Embeddings are those of
//! candle's kernels still: the same on one machine for the same job, and not bit for bit on another. A
//! manifest says which version of the specification its results follow; 0 says none.

mod bert;
mod chat;
pub mod child;
mod completion;
pub mod gguf;
mod llama;
mod memory;
mod model;
pub mod protocol;
pub mod safetensors;
mod sampling;
pub mod store;
mod text;

pub use candle_core::Device;
pub use completion::Replayed;
pub use model::Model;
