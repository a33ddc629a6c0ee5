//! Random calls by a few accounts, with time passing and little weight at times: the state holds together
//! after every block, no call weighs more than it was charged for, and no unit is made or lost.
//!
//! `KAGARI_RANDOM_CALLS` says how many calls are made, `KAGARI_SEED` where chance begins.

use super::{chance::Chance, mock::*};
use crate::{judge::Verdict, lease_types::*, types::*, Auctions, Call, Jobs, Leases};
use frame_support::{
    dispatch::GetDispatchInfo,
    storage::with_storage_layer,
    traits::Hooks,
    weights::{Weight, WeightMeter},
};
use kagari_primitives::{
    lease::bid_commitment, payload_hash, AccountId, Attestation, AuctionId, AuctionTerms, Balance,
    Hardware, Hash, JobId, JobSpec, LeaseId, ModelId, Region, StopReason, Task, Tier, Word, KGR,
};
use sp_runtime::{traits::Dispatchable, Permill};

/// Calls that the ordinary tests make.
const CALLS: u64 = 20_000;
/// Calls that one state sees.
const CALLS_OF_A_STATE: u64 = 500;
const PROVIDERS: [AccountId; 4] = [ALICE, BOB, CHARLIE, DAVE];
const REQUESTERS: [AccountId; 4] = [REQUESTER, REQUESTER, ALICE, POOR];

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.below(all.len() as u64) as usize].clone())
    }

    fn provider(&mut self) -> AccountId {
        self.one_of(&PROVIDERS).unwrap()
    }

    fn model(&mut self) -> ModelId {
        self.one_of(&[llm(), llm(), embedder()]).unwrap()
    }

    fn job(&mut self) -> Option<(JobId, Job)> {
        self.one_of(&Jobs::<Test>::iter().collect::<Vec<_>>())
    }

    fn region(&mut self) -> Option<Region> {
        [None, None, None, Some(Region::Asia), Some(Region::Europe)][self.below(5) as usize]
    }

    fn amount(&mut self) -> Balance {
        let exponent = self.below(7) as u32;
        Balance::from(self.below(1_000)) * KGR / 10 * 10u128.pow(exponent) / 1_000
    }
}

fn call(chance: &mut Chance) -> Option<(AccountId, Call<Test>)> {
    let who = chance.provider();
    Some(match chance.below(22) {
        16..=18 => return lease_call(chance, who),
        19 | 20 => return delegation_call(chance, who),
        0 => {
            let (worker, proof) = (worker(&who), proof(&who, &who));
            let (bond, hardware) = (MinBond::get() + chance.amount(), Hardware::default());
            (
                who,
                Call::register_provider {
                    bond,
                    worker,
                    proof,
                    hardware,
                },
            )
        }
        1 | 2 => {
            let price = match chance.one_in(10) {
                true => chance.amount(),
                false => Balance::from(1 + chance.below(200)) * KGR / 100,
            };
            let (model, capacity) = (chance.model(), chance.below(9) as u16);
            (
                who,
                Call::set_offer {
                    model,
                    price,
                    capacity,
                },
            )
        }
        3 => {
            let model = chance.model();
            (who, Call::remove_offer { model })
        }
        4 => {
            let amount = chance.amount();
            (who, Call::bond_extra { amount })
        }
        21 if chance.one_in(2) => (who.clone(), Call::relist_offers { provider: who }),
        21 => {
            let hardware = Hardware {
                region: chance.region(),
                ..Default::default()
            };
            (who, Call::set_hardware { hardware })
        }
        5 if chance.one_in(12) => (who, Call::unbond {}),
        6 => (who, Call::withdraw_bond {}),
        7 => {
            let (job, record) = chance.job()?;
            let who = [record.provider, who][usize::from(chance.one_in(8))].clone();
            (who, Call::decline_job { job })
        }
        8 => {
            let (job, record) = chance.job()?;
            let who = [record.requester, who][usize::from(chance.one_in(8))].clone();
            (who, Call::cancel_job { job })
        }
        _ => submission(chance),
    })
}

fn delegation_call(chance: &mut Chance, provider: AccountId) -> Option<(AccountId, Call<Test>)> {
    let delegator = chance.one_of(&[REQUESTER, ALICE, BOB])?;
    let amount = chance.amount();
    let call = match chance.below(5) {
        0 | 1 => Call::delegate { provider, amount },
        2 => Call::undelegate { provider, amount },
        3 => Call::withdraw_delegation {
            provider,
            delegator: delegator.clone(),
        },
        _ => {
            let commission = Permill::from_percent(chance.below(101) as u32);
            return Some((provider, Call::set_commission { commission }));
        }
    };
    Some((delegator, call))
}

/// What everybody bids in an auction, so that it can be revealed.
fn bid(auction: AuctionId, who: &AccountId) -> (Balance, [u8; 32]) {
    let seed = u128::from(auction.0[0]) + u128::from(AsRef::<[u8; 32]>::as_ref(who)[0]);
    (KGR / 10 * (1 + seed % 20), [seed as u8; 32])
}

fn lease_call(chance: &mut Chance, who: AccountId) -> Option<(AccountId, Call<Test>)> {
    let auctions: Vec<_> = Auctions::<Test>::iter().collect();
    if chance.one_in(4) || auctions.is_empty() {
        let leases: Vec<_> = Leases::<Test>::iter().collect();
        return match chance.one_of(&leases).filter(|_| !chance.one_in(4)) {
            Some((lease, record)) => leased_submission(chance, lease, &record),
            None => Some((REQUESTER, open_auction(chance))),
        };
    }
    let (auction, record) = chance.one_of(&auctions)?;
    let (price, salt) = bid(auction, &who);
    if chance.one_in(6) {
        let who = record.requester;
        return Some((who, Call::cancel_auction { auction }));
    }
    if System::block_number() <= record.commit_until {
        let commitment = bid_commitment(auction, &who, price, salt);
        let call = Call::commit_bid {
            auction,
            commitment,
        };
        return Some((who, call));
    }
    let call = Call::reveal_bid {
        auction,
        price,
        salt,
    };
    Some((who, call))
}

fn open_auction(chance: &mut Chance) -> Call<Test> {
    let terms = AuctionTerms {
        model: chance.model(),
        machines: chance.below(4) as u16,
        blocks: 1 + chance.below(40) as u32,
        max_price: KGR * u128::from(chance.below(4)),
        commit_period: 1 + chance.below(4) as u32,
        reveal_period: 1 + chance.below(4) as u32,
        min_tier: Tier::New,
        class: Default::default(),
        region: chance.region(),
    };
    Call::open_auction { terms }
}

fn leased_submission(
    chance: &mut Chance,
    lease: LeaseId,
    record: &Lease,
) -> Option<(AccountId, Call<Test>)> {
    let machine = chance.one_of(&record.machines)?.provider;
    let (_, call) = submission(chance);
    let Call::submit_job { mut spec, input } = call else {
        return None;
    };
    spec.model = record.terms.model;
    let call = Call::submit_leased_job {
        lease,
        machine,
        spec,
        input,
    };
    Some((record.requester.clone(), call))
}

fn submission(chance: &mut Chance) -> (AccountId, Call<Test>) {
    let model = chance.model();
    let task = match chance.one_in(3) {
        true => Task::Embedding,
        false => completion(1 + chance.below(60) as u32),
    };
    let spec = JobSpec {
        model,
        task,
        max_price: [Balance::MAX, chance.amount()][usize::from(chance.one_in(6))],
        deadline: 1 + chance.below(24) as u32,
        min_tier: [Tier::New, Tier::Proven][usize::from(chance.one_in(6))],
        class: Default::default(),
        region: chance.region(),
        replicas: match chance.below(24) {
            0 => chance.below(7) as u8,
            1..=3 => 3,
            _ => 1,
        },
    };
    let input: Vec<Word> = (0..chance.below(9)).map(|i| i as Word).collect();
    bring(&input);
    let who = chance.one_of(&REQUESTERS).unwrap();
    (who, Call::submit_job { spec, input })
}

/// Makes a call, which may be refused, and checks what it weighed. Says whether it was good.
fn make((who, call): (AccountId, Call<Test>)) -> bool {
    let call = RuntimeCall::Market(call);
    let charged = call.get_dispatch_info().call_weight;
    let result = call.dispatch(signed(&who));
    let info = match &result {
        Ok(info) => info,
        Err(refused) => &refused.post_info,
    };
    let weight = info.actual_weight.unwrap_or(charged);
    assert!(
        weight.all_lte(charged),
        "weighs {weight}, charged {charged}"
    );
    result.is_ok()
}

fn commit_some(chance: &mut Chance) -> bool {
    let any = chance.one_in(8);
    let lacks_it = |job: &Job| job.replica.is_some() && !job.has_committed();
    let jobs = Jobs::<Test>::iter().filter(|(_, job)| any || lacks_it(job));
    let jobs: Vec<_> = jobs.map(|(id, _)| id).collect();
    let Some(job) = chance.one_of(&jobs) else {
        return call(chance).is_some_and(make);
    };
    with_storage_layer(|| Market::commit(job, Hash::repeat_byte(1))).is_ok()
}

fn attest_some(chance: &mut Chance) -> bool {
    let Some((job, record)) = chance.job() else {
        return false;
    };
    let is_early = |replica: &Replica| !replica.may_reveal;
    if record.replica.as_ref().is_some_and(is_early) && !chance.one_in(8) {
        return commit_some(chance);
    }
    let output: Vec<Word> = match record.spec.task {
        Task::Completion { max_new_tokens, .. } => {
            // Replicas agree at times.
            let len = match record.replica.is_some() && !chance.one_in(3) {
                true => max_new_tokens,
                false => 1 + chance.below(max_new_tokens.into()) as u32,
            };
            (0..len).collect()
        }
        Task::Embedding => vec![0; record.shape.hidden as usize],
    };
    bring(&output);
    let attestation = Attestation {
        job,
        assigned_at: record.assigned_at,
        output_hash: payload_hash(&output),
        stop: StopReason::StopToken,
        trace_root: Default::default(),
    };
    with_storage_layer(|| Market::attest(&attestation, &output)).is_ok()
}

/// Lets blocks pass, some of which leave little weight.
fn pass(chance: &mut Chance) {
    let verdict = match chance.one_in(8) {
        true => Verdict::Wait(System::block_number() + chance.below(5) as u32),
        false => Verdict::Settle,
    };
    set_verdict(verdict);
    let blocks = match chance.one_in(200) {
        true => 450,
        false => 1 + chance.below(3) as u32,
    };
    // The blocks of a migration are not polled, and carry no calls.
    if chance.one_in(50) {
        let passed = System::block_number() + chance.below(6) as u32;
        System::set_block_number(passed);
    }
    for _ in 0..blocks {
        let next = System::block_number() + 1;
        System::reset_events();
        System::initialize(&next, &System::parent_hash(), &Default::default());
        let limit = match chance.one_in(4) {
            true => Weight::from_parts(chance.below(4_000_000_000), u64::MAX),
            false => Weight::MAX,
        };
        let mut meter = WeightMeter::with_limit(limit);
        Market::on_poll(next, &mut meter);
        assert!(meter.consumed().all_lte(limit));
        let idle = Market::on_idle(next, limit);
        assert!(idle.all_lte(limit));
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn random_calls_keep_the_state_together() {
    let (calls, seed) = (
        number("KAGARI_RANDOM_CALLS", CALLS),
        number("KAGARI_SEED", 1),
    );
    let mut good = 0;
    for state in 0..calls.div_ceil(CALLS_OF_A_STATE) {
        let mut chance = Chance(seed ^ state.wrapping_mul(0x9e37_79b9));
        TestExt::new().execute_with(|| {
            for _ in 0..CALLS_OF_A_STATE {
                let made = match chance.below(9) {
                    0 | 1 => attest_some(&mut chance),
                    2 => commit_some(&mut chance),
                    _ => call(&mut chance).is_some_and(make),
                };
                good += u64::from(made);
                if chance.one_in(4) {
                    pass(&mut chance);
                    Market::do_try_state()
                        .unwrap_or_else(|e| panic!("state {state} of seed {seed}: {e:?}"));
                    check_issuance();
                }
            }
        });
        if calls > CALLS && state % 100 == 99 {
            println!("{} calls, {good} good", (state + 1) * CALLS_OF_A_STATE);
        }
    }
    assert!(
        good * 4 > calls,
        "most of what is tried must not be refused: {good} of {calls}"
    );
}
