//! The whole runtime, natively, with a chain of blocks in memory.
#![allow(clippy::unwrap_used, missing_docs)]

mod chain;
mod common;

mod job;
mod migrations;
mod replicas;
mod residue;
