//! A panic of the worker under the node's panic hook, which ends the process on any panic in a thread
//! without a guard.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{chain::TestChain, *};
use kagari_offchain_worker::{journal::Journal, metrics::WorkerMetrics, task};
use tempfile::TempDir;

#[test]
fn a_panic_in_the_worker_leaves_the_node_running() {
    sp_panic_handler::set("https://example.org", "0.0.0");
    let (chain, models, base) = (TestChain::default(), models_dir(), TempDir::new().unwrap());
    let calls = ["assignments", "input", "sign", "submit", "job"];
    chain.state().panics = calls.map(|call| (call, 1)).into();
    let journal = Journal::open(base.path().into());
    let worker = task::start(
        chain.clone(),
        echo(&models),
        journal,
        WorkerMetrics::new(None),
    )
    .unwrap();
    let job = chain.assign(&[1]);
    wait_until("an attestation", || {
        chain.block();
        chain.state().attested.contains_key(&job.job)
    });
    assert!(worker.is_running());
}
