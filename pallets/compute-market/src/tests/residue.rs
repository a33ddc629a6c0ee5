//! What ten thousand jobs, and leases and delegations, leave behind: balances and counters.

use super::{lasting::lasting, mock::*};
use crate::{types::Provider, Gangs, Jobs, Leases, Providers};
use frame_support::{assert_ok, storage::storage_prefix};
use kagari_primitives::{
    lease::{auction_id, bid_commitment},
    AccountId, AuctionTerms, Hash, JobId, JobSpec, KGR,
};
use std::collections::BTreeMap;

const JOBS: u32 = 10_000;

type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// All that the market and the balances hold, but for what may change.
fn state() -> State {
    let may_change = [
        storage_prefix(b"Market", b"Burned"),
        storage_prefix(b"Market", b"Served"),
        storage_prefix(b"Market", b"Judged"),
        storage_prefix(b"Market", b"Polled"),
        // A reputation moves offers among the tiers; that the index is whole is looked at after the test.
        storage_prefix(b"Market", b"Pages"),
        storage_prefix(b"Market", b"Ticks"),
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

fn providers() -> BTreeMap<AccountId, Provider> {
    let all = Providers::<Test>::iter();
    all.map(|(who, provider)| (who, lasting(provider)))
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

/// Opens an auction, has everybody bid, and lets it go one of the ways that there are: too few bids, a lease that
/// is kept, a lease that is broken.
fn auction(way: u32) {
    let terms = AuctionTerms {
        model: llm(),
        machines: 2,
        blocks: 20,
        max_price: KGR,
        commit_period: 2,
        reveal_period: 2,
        min_tier: Default::default(),
        class: Default::default(),
        region: None,
    };
    assert_ok!(Market::open_auction(signed(&REQUESTER), terms));
    let id = auction_id(&REQUESTER, 0, System::block_number());
    let bidders = [ALICE, BOB, CHARLIE];
    for who in &bidders {
        let commitment = bid_commitment(id, who, KGR / 2, [0; 32]);
        assert_ok!(Market::commit_bid(signed(who), id, commitment));
    }
    run_to(System::block_number() + 3);
    for who in bidders.iter().skip(way as usize) {
        assert_ok!(Market::reveal_bid(signed(who), id, KGR / 2, [0; 32]));
    }
    run_to(System::block_number() + 2);
    let Some(lease) = Leases::<Test>::get(id) else {
        return;
    };
    let machine = lease.machines[0].provider.clone();
    let input = vec![1, System::block_number()];
    bring(&input);
    let sent = Market::submit_leased_job(signed(&REQUESTER), id, machine, spec(), input);
    assert!(sent.is_ok());
    if way == 0 {
        let job = Jobs::<Test>::iter_keys().next().unwrap();
        assert_ok!(attest(job, 10));
    }
    run_to(System::block_number() + 40);
}

#[test]
fn auctions_leases_and_delegations_leave_nothing_but_balances_and_counters() {
    TestExt::new()
        .offer(ALICE, 1, 60)
        .offer(BOB, 2, 60)
        .offer(CHARLIE, 2, 60)
        .execute_with(|| {
            assert_ok!(Market::set_commission(signed(&ALICE), Default::default()));
            let (before, records) = (state(), providers());
            for round in 0..15 {
                let amount = 500 * KGR;
                assert_ok!(Market::delegate(signed(&DAVE), ALICE, amount));
                auction(round % 3);
                assert_ok!(Market::undelegate(signed(&DAVE), ALICE, amount));
                run_to(System::block_number() + 420);
                assert_ok!(Market::withdraw_delegation(signed(&BOB), ALICE, DAVE));
            }
            compare(&before, &records);
            let (settled, failed) = outcomes();
            assert_eq!((settled, failed), (5, 5));
        });
}

/// Lets a job with replicas end in one of the ways that there are: paid for, outvoted, or failed before
/// they are committed to or before they are revealed; declined besides.
fn gang(way: u32) {
    let spec = JobSpec {
        replicas: 3,
        ..spec()
    };
    assert_ok!(submit(&REQUESTER, spec, &[1, System::block_number()]));
    let jobs = Gangs::<Test>::iter_values().next().unwrap().jobs;
    let decline = |id| {
        let who = Jobs::<Test>::get(id).unwrap().provider;
        assert!(Market::decline_job(signed(&who), id).is_ok());
    };
    for (index, id) in (0..).zip(jobs) {
        let commits = match (way, index) {
            (0, _) => false,
            (1, 0) => {
                decline(id);
                false
            }
            (2, 1) => {
                decline(id);
                false
            }
            _ => true,
        };
        if commits {
            assert!(Market::commit(id, Hash::repeat_byte(1)).is_ok());
        }
    }
    run_to(System::block_number() + 1);
    for (index, id) in (0..).zip(Jobs::<Test>::iter_keys().collect::<Vec<_>>()) {
        match (way, index) {
            (0, _) | (3, 0) => (),
            (4, 0) => {
                assert_ok!(attest(id, 9));
            }
            (5, 1) => decline(id),
            _ => {
                assert_ok!(attest(id, 10));
            }
        }
    }
    run_to(System::block_number() + 60);
}

#[test]
fn replicas_leave_nothing_but_balances_and_counters() {
    TestExt::new()
        .offer(ALICE, 1, 60)
        .offer(BOB, 2, 60)
        .offer(CHARLIE, 2, 60)
        .execute_with(|| {
            for who in [ALICE, BOB, CHARLIE] {
                assert_ok!(Market::bond_extra(signed(&who), 500_000 * KGR));
            }
            let (before, records) = (state(), providers());
            (0..120).for_each(|round| gang(round % 7));
            assert_eq!(Jobs::<Test>::iter().count(), 0);
            assert_eq!(Gangs::<Test>::iter().count(), 0);
            compare(&before, &records);
            let (settled, failed) = outcomes();
            assert!(
                settled > 100 && failed > 50,
                "{settled} paid, {failed} failed"
            );
        });
}

/// Compares what is there, and the providers' records, with what was there before.
fn compare(before: &State, records: &BTreeMap<AccountId, Provider>) {
    let held = |state: &State| state.keys().cloned().collect::<Vec<_>>();
    assert_eq!(held(&state()), held(before));
    assert_eq!(providers(), *records);
}

/// Jobs that were paid, and that failed, over all providers.
fn outcomes() -> (u32, u32) {
    let all = Providers::<Test>::iter_values();
    all.fold((0, 0), |(settled, failed), p| {
        (settled + p.settled, failed + p.failed)
    })
}
