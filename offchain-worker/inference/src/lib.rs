//! Inference: loading models, turning text into token ids and back, completing and embedding.
//!
//! It is made to run in a child process of the node ([`child`]), which talks to its parent in frames
//! ([`protocol`]). A model is loaded ([`Model`]) if its files have the length and hash that its
//! manifest names ([`store`]), and if their headers are sane ([`gguf`], [`safetensors`]).
//!
//! # Where exact kernels go
//!
//! Results are those of candle's kernels: the same on one machine for the same job, and not yet bit
//! for bit on another. The kernel specification, `KERNELS.md`, will stand beside this crate's
//! manifest, and its kernels in a module `kernels`: `llama` and `bert` then call them in place of
//! candle's products, norms, softmax and activations, and `sampling` in place of the platform's `exp`.
//! A manifest says which version of the specification its results follow; 0 says none.

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
pub use model::Model;
