//! What a job's life weighs by the benchmarked weights: accesses of the database, bytes of proof and time of each
//! step, beside Acurast's shortest job; and how many lives a block holds. Prints lines of JSON;
//! `scripts/bench-chain.sh` makes a table of them.
#![allow(missing_docs)]

use counting::Counting;
use frame_support::{
    dispatch::{DispatchClass, GetDispatchInfo},
    weights::Weight,
};
use kagari_primitives::{
    worker_key::WorkerSignature, Attestation, JobSpec, Sampling, StopReason, Task, Word,
};
use kagari_runtime::{
    configs::RuntimeBlockWeights,
    extension,
    weights::{
        pallet_compute_market::WeightInfo as MarketWeights,
        pallet_proof_of_work_done::WeightInfo as ProofWeights,
    },
    Runtime, RuntimeCall,
};
use pallet_compute_market::WeightInfo as _;
use pallet_proof_of_work_done::WeightInfo as _;
use serde_json::json;
use sp_core::crypto::ByteArray;
use sp_runtime::{generic::Era, traits::TransactionExtension};

/// Words of the input and of the output of the job that is weighed.
const WORDS: u32 = 64;
/// Jobs that are settled together.
const BATCH: u64 = 100;
/// Picoseconds of a microsecond.
const MICROSECOND: u64 = 1_000_000;
/// Bits of a weight below those that count reads, and below those that count writes.
const READS: u32 = 40;
const WRITES: u32 = 50;

/// A runtime in which a weight tells the accesses that it counts from the time.
mod counting {
    use super::{READS, WRITES};
    use frame_support::{derive_impl, parameter_types, weights::RuntimeDbWeight};

    frame_support::construct_runtime!(
        pub enum Counting {
            System: frame_system,
        }
    );

    parameter_types! {
        /// No step takes a second, nor reads a thousand times.
        pub const Counts: RuntimeDbWeight = RuntimeDbWeight { read: 1 << READS, write: 1 << WRITES };
    }

    #[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
    impl frame_system::Config for Counting {
        type Block = frame_system::mocking::MockBlock<Counting>;
        type DbWeight = Counts;
    }
}

type Market = MarketWeights<Counting>;
type Proof = ProofWeights<Counting>;

/// The weights as they were written down, with what was measured in comments.
const MARKET_FILE: &str = include_str!("../src/weights/pallet_compute_market.rs");
const PROOF_FILE: &str = include_str!("../src/weights/pallet_proof_of_work_done.rs");

/// What a step costs.
#[derive(Clone, Copy, Default)]
struct Cost {
    reads: f64,
    writes: f64,
    /// Bytes of proof that its weight has: what was measured, and what a large state may add.
    estimated: f64,
    /// Bytes of proof that were measured.
    measured: f64,
    microseconds: f64,
}

impl Cost {
    /// Of one of so many that `weight` is for.
    fn of(weight: Weight, measured: f64, many: u64) -> Self {
        let (counted, many) = (weight.ref_time(), many as f64);
        let reads = counted >> READS & ((1 << (WRITES - READS)) - 1);
        Self {
            reads: reads as f64 / many,
            writes: (counted >> WRITES) as f64 / many,
            estimated: weight.proof_size() as f64 / many,
            measured: measured / many,
            microseconds: (counted & ((1 << READS) - 1)) as f64 / MICROSECOND as f64 / many,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            writes: self.writes + other.writes,
            estimated: self.estimated + other.estimated,
            measured: self.measured + other.measured,
            microseconds: self.microseconds + other.microseconds,
        }
    }

    fn print(self, name: &str) {
        let row = json!({
            "name": name,
            "reads": (self.reads * 100.0).round() / 100.0,
            "writes": (self.writes * 100.0).round() / 100.0,
            "proof by weight, B": self.estimated.round(),
            "measured, B": self.measured.round(),
            "time, us": self.microseconds.round(),
        });
        println!("{row}");
    }
}

/// Bytes of proof that were measured for a function with these components: what its comment says.
fn measured(file: &str, function: &str, components: &[(&str, u64)]) -> f64 {
    let from = file.find(&format!("fn {function}(")).expect("it is there");
    let formula = file[from..]
        .split('`')
        .nth(1)
        .expect("it says what was measured");
    let term = |term: &str| {
        let numbers = |text: &str| -> f64 {
            let digits = text.trim().trim_start_matches('(');
            let digits = digits.split(' ').next().unwrap_or_default();
            digits.parse().expect("it is a number")
        };
        match term.split_once('*') {
            None => numbers(term),
            Some((name, slope)) => {
                let component = components.iter().find(|(n, _)| *n == name.trim());
                component.map_or(0.0, |(_, value)| *value as f64 * numbers(slope))
            }
        }
    };
    formula.split('+').map(term).sum()
}

fn main() {
    let market = |function, components: &[(&str, u64)]| measured(MARKET_FILE, function, components);
    let proof = |function, components: &[(&str, u64)]| measured(PROOF_FILE, function, components);
    let words = u64::from(WORDS);
    let submission = Cost::of(
        Market::submit_job(WORDS),
        market("submit_job", &[("i", words)]),
        1,
    );
    let more = Market::examine_offers(8).saturating_sub(Market::examine_offers(2));
    let more = Cost::of(more, f64::NAN, 1);
    let attestation = Cost::of(Proof::attest(WORDS), proof("attest", &[("o", words)]), 1);
    let settlement = Cost::of(
        Market::settle_jobs(BATCH as u32),
        market("settle_jobs", &[("n", BATCH)]),
        BATCH,
    );
    submission.print("request with match");
    attestation.print("attestation");
    settlement.print("settlement, of 100");
    submission
        .plus(attestation)
        .plus(settlement)
        .print("a job's life");
    let acurast = Cost {
        reads: 25.0,
        writes: 17.0,
        estimated: 83_860.0,
        measured: f64::NAN,
        microseconds: f64::NAN,
    };
    acurast.print("Acurast's shortest job");
    let alone = Market::serve_queue_passed().saturating_sub(Market::serve_queue_list());
    Cost::of(alone, f64::NAN, 1).print("old place passed");
    Cost::of(
        Market::delist_offers(1),
        market("delist_offers", &[("k", 1)]),
        1,
    )
    .print("an offer leaves");
    Cost::of(
        Market::list_offers(1),
        market("list_offers", &[("k", 1)]),
        1,
    )
    .print("an offer comes back");
    more.print("six more are examined");
    print_block();
}

/// How many lives a block holds by weight and by length.
fn print_block() {
    let limits = RuntimeBlockWeights::get();
    let submission = RuntimeCall::ComputeMarket(pallet_compute_market::Call::submit_job {
        spec: spec(),
        input: vec![1; WORDS as usize],
    });
    let attesting = attestation();
    let around = |call: &RuntimeCall, class| {
        let extension = extension(Era::Immortal, 0).weight(call);
        extension.saturating_add(limits.get(class).base_extrinsic)
    };
    let submitted = MarketWeights::<Runtime>::submit_job(WORDS)
        .saturating_add(around(&submission, DispatchClass::Normal));
    // Authorising is a part of the extension's weight and of the attestation's.
    let attested = ProofWeights::<Runtime>::attest(WORDS)
        .saturating_sub(ProofWeights::<Runtime>::authorize_attest(WORDS))
        .saturating_add(around(&attesting, DispatchClass::Operational));
    let settled = MarketWeights::<Runtime>::settle_jobs(BATCH as u32).ref_time() / BATCH;
    let life = submitted.ref_time() + attested.ref_time() + settled;
    let block = limits.max_block.ref_time() - limits.base_block.ref_time();
    let milliseconds = |time: u64| (time as f64 / 1e7).round() / 100.0;
    println!(
        "{}",
        json!({
            "name": "one life in a block, ms",
            "request": milliseconds(submitted.ref_time()),
            "attestation": milliseconds(attested.ref_time()),
            "settlement": milliseconds(settled),
            "lives in a block": block / life,
        })
    );
    assert!(submission
        .get_dispatch_info()
        .call_weight
        .all_lte(limits.max_block));
}

fn spec() -> JobSpec {
    JobSpec::new(
        Default::default(),
        Task::Completion {
            max_new_tokens: WORDS,
            sampling: Sampling::GREEDY,
        },
        0,
        0,
    )
}

fn attestation() -> RuntimeCall {
    let output: Vec<Word> = vec![1; WORDS as usize];
    let attestation = Attestation {
        job: Default::default(),
        assigned_at: 0,
        output_hash: Default::default(),
        stop: StopReason::Length,
        trace_root: Default::default(),
    };
    let signature = WorkerSignature::from_slice(&[0; 64]).expect("a signature has 64 bytes");
    RuntimeCall::ProofOfWorkDone(pallet_proof_of_work_done::Call::attest {
        attestation,
        signature,
        output,
    })
}
