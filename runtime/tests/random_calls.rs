//! Random calls on the real runtime, with time passing: whatever is called, the pallets' states hold together and no
//! unit is made or lost. The calls and what is asked of the chain stand in the crate that fuzzes them, `runtime/fuzz`.
//!
//! `KAGARI_RANDOM_CALLS` says how many calls are made, `KAGARI_SEED` where chance begins. A release build makes them
//! many times as fast; `CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true` has it check what a debug build does.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../pallets/compute-market/src/tests/chance.rs"]
mod chance;
#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use chance::Chance;
use frame_support::traits::GetCallMetadata;
use fuzz::{Bytes, Choices, Tally};
use kagari_runtime::RuntimeCall;
use std::{fs, path::Path};

/// Calls that the ordinary tests make.
const CALLS: u64 = 20_000;
/// Calls that one state sees.
const CALLS_OF_A_STATE: u64 = 500;
/// States after which a long run says how far it is.
const STATES_OF_A_LINE: u64 = 100;

impl Choices for Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Says, if the test fails, how to have it fail again.
struct Again {
    seed: u64,
}

impl Drop for Again {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.seed;
            eprintln!("Again: KAGARI_SEED={seed} KAGARI_RANDOM_CALLS={CALLS_OF_A_STATE}");
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn make(calls: u64, seed: u64) -> Tally {
    let mut all = Tally::default();
    for state in 0..calls.div_ceil(CALLS_OF_A_STATE) {
        let seed = seed ^ state.wrapping_mul(0x9e37_79b9);
        let _again = Again { seed };
        all.add(fuzz::run(Chance(seed), CALLS_OF_A_STATE));
        if calls > CALLS && state % STATES_OF_A_LINE == STATES_OF_A_LINE - 1 {
            println!("{} calls, {} good", all.made(), all.good());
        }
    }
    all
}

#[test]
fn random_calls_keep_the_runtime_together() {
    let (calls, seed) = (
        number("KAGARI_RANDOM_CALLS", CALLS),
        number("KAGARI_SEED", 1),
    );
    let all = make(calls, seed);
    println!("{all}");
    let (made, good) = (all.made(), all.good());
    assert!(
        good * 4 > made,
        "most of what is tried must not be refused: {good} of {made}"
    );
    if calls < CALLS {
        return;
    }
    for pallet in ["ComputeMarket", "ProofOfWorkDone"] {
        for call in RuntimeCall::get_call_names(pallet) {
            assert!(all.good_of(pallet, call) > 0, "no {pallet}.{call} was good");
        }
    }
}

/// The inputs that fuzzing begins with, and those that it has found.
#[test]
fn the_fuzzers_inputs_keep_the_runtime_together() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/market");
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert!(!files.is_empty(), "{folder:?}");
    for path in files {
        println!("{}", path.display());
        let tally = fuzz::run(Bytes::new(&fs::read(&path).unwrap()), u64::MAX);
        println!("{tally}");
    }
}
