//! The whole runtime, natively, with a chain of blocks in memory.
#![allow(clippy::unwrap_used, missing_docs)]

use pallet_compute_market::types;

mod chain;
mod common;
#[path = "../../../pallets/compute-market/src/tests/lasting.rs"]
mod lasting;

mod job;
mod migrations;
mod replicas;
mod residue;
