//! How long `submit_job` takes with many standing offers for its model beside few, and what it weighs: the real
//! call in the real runtime, built natively, on a state in a trie behind the cache that a node has. Prints lines of
//! JSON.
//!
//! All jobs are sent on top of one state, as those of one block are. Both states are measured in turns, so that what else the machine does slows down both.
#![allow(missing_docs)]

use codec::Encode;
use frame_support::{
    dispatch::GetDispatchInfo,
    storage::{with_transaction_unchecked, TransactionOutcome},
    traits::fungible::Mutate,
};
use kagari_primitives::{
    known_models, payload_bytes,
    worker_key::{ownership_message, WorkerPair},
    AccountId, Balance, Hardware, JobSpec, Sampling, Task, Word, KGR,
};
use kagari_runtime::{
    Balances, ComputeMarket, RuntimeCall, RuntimeGenesisConfig, RuntimeOrigin, System,
};
use serde_json::json;
use sp_core::{Blake2Hasher, Pair};
use sp_io::TestExternalities;
use sp_runtime::{traits::Dispatchable, BuildStorage};
use sp_state_machine::{Ext, OverlayedChanges, TrieBackendBuilder};
use sp_trie::cache::{CacheSize, SharedTrieCache};
use std::time::{Duration, Instant};

/// Offers of the states that are compared.
const FEW: u32 = 10;
const MANY: u32 = 100_000;
/// Times that each is measured.
const TIMES: usize = 400;
/// Providers that are put into the state between two writes to its trie.
const BATCH: u32 = 2_000;
/// Bytes of the cache: a node's default is larger.
const CACHE: usize = 64 * 1024 * 1024;
/// Words of the job's input.
const WORDS: u32 = 64;
const REQUESTER: AccountId = AccountId::new([1; 32]);

fn main() {
    let (few, many) = (Cached::new(state(FEW)), Cached::new(state(MANY)));
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for nonce in 0..TIMES as u32 {
        short.push(few.submit(nonce));
        long.push(many.submit(nonce));
    }
    let (few, many) = (median(&mut short), median(&mut long));
    for (offers, time) in [(FEW, few), (MANY, many)] {
        let row = json!({
            "name": format!("submit_job, {offers} offers"),
            "weight, us": call(0).get_dispatch_info().call_weight.ref_time() / 1_000_000,
            "time, us": time.as_micros() as u64,
            "ratio": (time.as_secs_f64() / few.as_secs_f64() * 100.0).round() / 100.0,
        });
        println!("{row}");
    }
}

/// A state with so many standing offers for one model, each of another provider.
fn state(offers: u32) -> TestExternalities {
    let genesis = pallet_compute_market::GenesisConfig {
        models: known_models::all(),
        ..Default::default()
    };
    let genesis = RuntimeGenesisConfig {
        compute_market: genesis,
        ..Default::default()
    };
    let storage = genesis.build_storage().expect("it is well formed");
    let mut ext = TestExternalities::new(storage);
    for first in (0..offers).step_by(BATCH as usize) {
        let batch = first..offers.min(first + BATCH);
        ext.execute_with(|| batch.for_each(offer));
        ext.commit_all().expect("nothing is open");
        eprint!("\r{} of {offers} offers", first + BATCH.min(offers - first));
    }
    eprintln!();
    ext.execute_with(|| {
        System::set_block_number(1);
        Balances::set_balance(&REQUESTER, 1_000_000 * KGR);
    });
    ext.commit_all().expect("nothing is open");
    ext
}

/// Has provider number `i` bond and offer; prices lie on some hundreds of ticks.
fn offer(i: u32) {
    let pair = WorkerPair::from_seed_slice(&(b"worker", i, [0u8; 22]).encode())
        .expect("a seed has 32 bytes");
    let who = AccountId::new(
        (b"provider", i, [0u8; 20])
            .encode()
            .try_into()
            .expect("32 bytes"),
    );
    Balances::set_balance(&who, 2_000 * KGR);
    let message = ownership_message(ComputeMarket::genesis_hash(), &who);
    let register = pallet_compute_market::Call::register_provider {
        bond: 1_000 * KGR,
        worker: pair.public(),
        proof: pair.sign(&message),
        hardware: Hardware::default(),
    };
    let price = KGR / 1_000 * Balance::from(100 + i % 5_000);
    let offer = pallet_compute_market::Call::set_offer {
        model: known_models::smollm2_135m_instruct().id(),
        price,
        capacity: 4,
    };
    for call in [RuntimeCall::from(register), RuntimeCall::from(offer)] {
        let done = call.dispatch(RuntimeOrigin::signed(who.clone()));
        done.expect("the provider is rich, and the model registered");
    }
}

fn input(nonce: u32) -> Vec<Word> {
    (0..WORDS).map(|i| (i + nonce) % 1_000).collect()
}

fn call(nonce: u32) -> RuntimeCall {
    let spec = JobSpec::new(
        known_models::smollm2_135m_instruct().id(),
        Task::Completion {
            max_new_tokens: WORDS,
            sampling: Sampling::GREEDY,
        },
        Balance::MAX,
        100,
    );
    pallet_compute_market::Call::submit_job {
        spec,
        input: input(nonce),
    }
    .into()
}

/// A state, and the cache that a node keeps over it.
struct Cached {
    ext: TestExternalities,
    cache: SharedTrieCache<Blake2Hasher>,
}

impl Cached {
    fn new(ext: TestExternalities) -> Self {
        let cache = SharedTrieCache::new(CacheSize::new(CACHE), None);
        Self { ext, cache }
    }

    /// How long the call takes. What it does is not kept.
    fn submit(&self, nonce: u32) -> Duration {
        let backend = TrieBackendBuilder::wrap(&self.ext.backend)
            .with_cache(self.cache.local_cache_trusted())
            .build();
        let mut changes = OverlayedChanges::default();
        let mut ext = Ext::new(&mut changes, &backend, None);
        sp_externalities::set_and_run_with_externalities(&mut ext, || submit(nonce))
    }
}

fn submit(nonce: u32) -> Duration {
    with_transaction_unchecked(|| {
        System::note_extrinsic(payload_bytes(&input(nonce)));
        sp_io::storage::set(b":extrinsic_index", &0u32.encode());
        let call = call(nonce);
        let began = Instant::now();
        let done = call.dispatch(RuntimeOrigin::signed(REQUESTER));
        let took = began.elapsed();
        done.expect("there are offers");
        TransactionOutcome::Rollback(took)
    })
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}
