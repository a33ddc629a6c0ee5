//! What ten thousand jobs leave behind: balances and counters.

use super::mock::*;
use crate::{types::Provider, Jobs, Providers};
use frame_support::{assert_ok, storage::storage_prefix};
use kagari_primitives::{JobId, KGR};
use std::collections::BTreeMap;

const JOBS: u32 = 10_000;

type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// All that the market and the balances hold, but for what may change.
fn state() -> State {
    let may_change = [
        storage_prefix(b"Market", b"Burned"),
        storage_prefix(b"Market", b"Served"),
        storage_prefix(b"Market", b"Judged"),
        storage_prefix(b"Market", b"Providers"),
        storage_prefix(b"Balances", b"TotalIssuance"),
    ];
    let mut all = State::new();
    let mut key = Vec::new();
    while let Some(next) = sp_io::storage::next_key(&key) {
        key = next;
        let counts = [&b"Market"[..], b"Balances"]
            .iter()
            .any(|pallet| key.starts_with(&sp_io::hashing::twox_128(pallet)));
        if counts && !may_change.iter().any(|prefix| key.starts_with(prefix)) {
            all.insert(key.clone(), sp_io::storage::get(&key).unwrap().to_vec());
        }
    }
    all
}

/// A provider without its counters, and without its bond, which penalties are taken from.
fn without_counters(provider: Provider) -> Provider {
    Provider {
        bond: 0,
        settled: 0,
        failed: 0,
        era_work: Default::default(),
        reputation: Default::default(),
        free_decline: 0,
        ..provider
    }
}

fn providers() -> BTreeMap<kagari_primitives::AccountId, Provider> {
    let all = Providers::<Test>::iter();
    all.map(|(who, provider)| (who, without_counters(provider)))
        .collect()
}

/// Lets a job end in one of the ways that there are.
fn end(id: JobId, way: u32) {
    let provider = |id| Jobs::<Test>::get(id).unwrap().provider;
    let ended = match way {
        0..=2 => attest(id, 10),
        3 => attest(id, 1),
        4 => Market::decline_job(signed(&provider(id)), id)
            .map(|_| ())
            .map_err(|refused| refused.error),
        5 => Market::cancel_job(signed(&REQUESTER), id)
            .map(|_| ())
            .map_err(|refused| refused.error),
        // It is late, goes to the next, and so on.
        _ => Ok(()),
    };
    assert_ok!(ended);
}

#[test]
fn ten_thousand_jobs_leave_nothing_but_balances_and_counters() {
    TestExt::new()
        .offer(ALICE, 1, 60)
        .offer(BOB, 2, 60)
        .offer(CHARLIE, 2, 60)
        .execute_with(|| {
            for who in [ALICE, BOB, CHARLIE] {
                assert_ok!(Market::bond_extra(signed(&who), 500_000 * KGR));
            }
            let (before, records) = (state(), providers());
            let mut done = 0;
            while done < JOBS {
                for _ in 0..20 {
                    let id = submitted(spec());
                    end(id, done % 8);
                    done += 1;
                }
                run_to(System::block_number() + 1 + done % 3);
            }
            // The last deadlines pass.
            run_to(System::block_number() + 50);
            assert_eq!(Jobs::<Test>::iter().count(), 0);
            let held = |state: &State| state.keys().cloned().collect::<Vec<_>>();
            assert_eq!(
                held(&state()),
                held(&before),
                "no entry is left, and none is lost"
            );
            assert_eq!(providers(), records);
            let (settled, failed) = outcomes();
            assert!(
                settled > 4_000 && failed > 1_000,
                "{settled} paid, {failed} failed"
            );
        });
}

/// Jobs that were paid, and that failed, over all providers.
fn outcomes() -> (u32, u32) {
    let all = Providers::<Test>::iter_values();
    all.fold((0, 0), |(settled, failed), p| {
        (settled + p.settled, failed + p.failed)
    })
}
