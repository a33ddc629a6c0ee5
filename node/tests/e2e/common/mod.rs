//! What all the end-to-end tests use.

pub mod account;
pub mod call;
pub mod chain;
pub mod command;
pub mod compute_rpc;
pub mod event;
pub mod job;
pub mod metrics;
pub mod node;
pub mod process;
pub mod provider;
pub mod snapshot;
pub mod submit;

use std::future::Future;
use tokio::sync::Semaphore;

/// Nodes that run at the same time: each is hungry.
const NODES: u32 = 2;

/// Runs a test that has one node at a time, beside another such test.
pub fn in_turn(test: impl Future<Output = ()>) {
    run(1, test);
}

/// Runs a test that has the machine for itself: one with two nodes, or one that counts blocks.
pub fn alone(test: impl Future<Output = ()>) {
    run(NODES, test);
}

fn run(nodes: u32, test: impl Future<Output = ()>) {
    static PLACES: Semaphore = Semaphore::const_new(NODES as usize);
    // The test stays on this thread, and nodes with it: they end when it does.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(async {
        let _places = PLACES.acquire_many(nodes).await.expect("nobody closes it");
        test.await;
    });
}
