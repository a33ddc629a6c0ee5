//! See [`kagari_runtime_fuzz::run`]. Says now and then how many calls were made.
#![no_main]

use kagari_runtime_fuzz::{run, Bytes};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Calls after which it says how many there were.
const OFTEN: u64 = 10_000;

static MADE: AtomicU64 = AtomicU64::new(0);
static GOOD: AtomicU64 = AtomicU64::new(0);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let tally = run(Bytes::new(bytes), u64::MAX);
    let before = MADE.fetch_add(tally.made(), Relaxed);
    let good = GOOD.fetch_add(tally.good(), Relaxed) + tally.good();
    let made = before + tally.made();
    if before / OFTEN != made / OFTEN {
        eprintln!("calls: {made} made, {good} good");
    }
});
