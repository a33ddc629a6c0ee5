//! What jobs of all outcomes leave behind on the real chain, with the real judge: balances, counters, and the
//! records of eras. `KAGARI_JOBS` says how many jobs there are; 10,000 take five minutes in a debug build.

use crate::{chain::Chain, lasting::lasting};
use frame_support::storage::storage_prefix;
use kagari_primitives::{known_models, AccountId, JobId, KGR};
use kagari_runtime::{ComputeMarket, RuntimeCall};
use pallet_compute_market::{types::Provider, Call, Jobs, Providers};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Ferdie};
use std::collections::BTreeMap;

type Runtime = kagari_runtime::Runtime;

/// Jobs of the ordinary test.
const JOBS: u32 = 800;
/// Jobs that are sent in one block.
const JOBS_OF_A_BLOCK: u32 = 10;
const PROVIDERS: [Sr25519Keyring; 3] = [Bob, Charlie, Dave];
/// Deadlines are 30 blocks, of which there are three at most, and a window.
const LONGEST: u32 = 100;

/// The keys of all that the two pallets and the balances hold, but for the records of eras.
fn keys() -> Vec<Vec<u8>> {
    let of_eras = ["Eras", "History", "CurrentEra", "Emitted", "Pruned"];
    let of_eras = of_eras.map(|item| storage_prefix(b"ProofOfWorkDone", item.as_bytes()));
    // A reputation moves offers among the tiers; that the index is whole is looked at after the test.
    let others = ["Burned", "Pages", "Ticks"];
    let others = others.map(|item| storage_prefix(b"ComputeMarket", item.as_bytes()));
    let pallets = [&b"ComputeMarket"[..], b"ProofOfWorkDone", b"Balances"];
    let pallets = pallets.map(sp_io::hashing::twox_128);
    let mut all = Vec::new();
    let mut key = Vec::new();
    while let Some(next) = sp_io::storage::next_key(&key) {
        key = next;
        let counts = pallets.iter().any(|pallet| key.starts_with(pallet));
        let record = of_eras
            .iter()
            .chain(&others)
            .any(|item| key.starts_with(item));
        if counts && !record {
            all.push(key.clone());
        }
    }
    all
}

/// The providers, as far as they are to be the same afterwards.
fn providers() -> BTreeMap<AccountId, Provider> {
    let all = Providers::<Runtime>::iter();
    all.map(|(who, provider)| (who, lasting(provider)))
        .collect()
}

fn offer_much(chain: &mut Chain, who: Sr25519Keyring, price: u128) {
    chain.bond(who, price);
    let amount = 500_000 * KGR;
    let model = known_models::smollm2_135m_instruct().id();
    let offer = Call::set_offer {
        model,
        price,
        capacity: 64,
    };
    for call in [Call::bond_extra { amount }, offer] {
        chain.sign_and_apply(who, call.into()).unwrap();
    }
}

/// Lets a job end in one of the ways that there are.
fn end(chain: &mut Chain, job: JobId, way: u32) {
    let provider = Jobs::<Runtime>::get(job).unwrap().provider;
    let by = |who: &Sr25519Keyring| who.to_account_id() == provider;
    let provider = PROVIDERS.into_iter().find(by).unwrap();
    let mut call = |who, call: Call<Runtime>| {
        let call = RuntimeCall::from(call);
        chain.sign_and_apply(who, call).unwrap();
    };
    match way {
        0..=3 => {
            let attestation = chain.attestation(job, provider, &[1, 2, 3, 4]);
            chain.apply(attestation).unwrap();
        }
        4 => call(provider, Call::decline_job { job }),
        5 => call(Ferdie, Call::cancel_job { job }),
        // It is late, goes to the next, and so on.
        _ => (),
    }
}

#[test]
fn jobs_leave_nothing_but_balances_counters_and_eras() {
    let jobs = std::env::var("KAGARI_JOBS").map_or(JOBS, |text| text.parse().unwrap());
    Chain::new().run(|chain| {
        for (who, price) in PROVIDERS.into_iter().zip([1, 2, 2]) {
            offer_much(chain, who, price * KGR / 100);
        }
        // The first settlement of all makes what is there from then on.
        let first = chain.submit(Alice);
        end(chain, first, 0);
        chain.go_on(LONGEST);
        let (before, records) = (keys(), providers());
        for done in 0..jobs {
            let job = chain.submit(Ferdie);
            end(chain, job, done % 8);
            if done % JOBS_OF_A_BLOCK == 0 {
                chain.go_on(1 + done % 3);
            }
        }
        chain.go_on(LONGEST);
        assert_eq!(Jobs::<Runtime>::iter().count(), 0);
        assert_eq!(keys(), before, "no entry is left, and none is lost");
        assert_eq!(providers(), records);
        let all = PROVIDERS.map(|who| ComputeMarket::provider(who.to_account_id()).unwrap());
        let settled: u32 = all.iter().map(|p| p.settled).sum();
        let failed: u32 = all.iter().map(|p| p.failed).sum();
        assert!(
            settled > jobs / 3 && failed > jobs / 5,
            "{settled} paid, {failed} failed"
        );
    });
}
