//! End-to-end tests: the real node binary with the real WASM runtime and the real models, driven from
//! outside as a stranger would drive it.
//!
//! They are one binary, for the sake of the time that it takes to link, and take turns on the machine.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_models;
mod common;
mod job_path;
mod kills;
mod lagging_node;
mod payloads;
mod refused_attestations;
mod refused_jobs;
mod refused_offers;
mod refused_requests;
mod replicas;
mod verify;
