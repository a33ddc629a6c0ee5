//! Kagari's node: consensus, network, RPC, and the worker of a provider.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod chain_spec;
mod cli;
mod command;
mod job_index;
mod rpc;
mod service;

use kagari_offchain_worker::inference_child;
use std::process::ExitCode;

fn main() -> ExitCode {
    // The child comes before anything of the SDK.
    if let Some(exit) = inference_child::serve_if_asked(std::env::args_os()) {
        return exit;
    }
    match command::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}
