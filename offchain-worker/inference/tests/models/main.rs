//! Inference on the real models.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod files;
mod minilm;
mod replay;
mod smollm2;
mod support;
mod token_ids;
