//! What all the end-to-end tests use.

pub mod account;
pub mod call;
pub mod chain;
pub mod compute_rpc;
pub mod event;
pub mod job;
pub mod metrics;
pub mod node;
pub mod process;
pub mod provider;
pub mod snapshot;
pub mod submit;

use std::sync::{Mutex, PoisonError};

/// Runs one test. Tests take turns: each has nodes of its own, and nodes are hungry.
pub fn in_turn(test: impl std::future::Future<Output = ()>) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // The test stays on this thread, and nodes with it: they end when it does.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    runtime.expect("a runtime can be made").block_on(test);
}
