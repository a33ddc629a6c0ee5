//! Random calls on the whole runtime, as time passes. Whatever is called, by whom and when: nothing panics, the
//! pallets' states hold together after every block, no unit is made or lost, and nothing weighs more than it was
//! charged for.
//!
//! The fuzz target runs it on the fuzzer's bytes. The runtime's test `random_calls` builds this file into itself, and
//! runs it on chance that can be had again.

mod accounts;
mod calls;
mod chain;
mod choices;
#[path = "../../tests/chain/common.rs"]
mod common;

pub use choices::{Bytes, Choices};

use calls::{Outcome, SealedBid};
use chain::{genesis_state, Chain};
use frame_support::{
    traits::{CallMetadata, Get, GetCallMetadata},
    weights::{constants::WEIGHT_REF_TIME_PER_MILLIS, Weight},
};
use kagari_primitives::BlockNumber;
use kagari_runtime::{constants::HOURS, Runtime};
use std::{collections::BTreeMap, fmt};

/// Blocks that are executed on one state at most, so that no run takes long.
const MOST_BLOCKS: u32 = 1_000;

/// Makes calls on a new state, as many as `most`, as long as there are choices. Says what became of them.
pub fn run(choices: impl Choices + 'static, most: u64) -> Tally {
    let mut tally = Tally::default();
    genesis_state().execute_with(|| {
        let mut driver = Driver {
            choices: Box::new(choices),
            chain: Chain::begin(),
            bids: Vec::new(),
            committed: Vec::new(),
        };
        driver.begin();
        while tally.made() < most && driver.goes_on() {
            if let Some(transaction) = driver.transaction() {
                let kind = transaction.1.get_call_metadata();
                tally.note(kind, driver.chain.apply(transaction));
            }
            if driver.one_in(4) {
                driver.pass();
            }
        }
        driver.go_on(1);
    });
    tally
}

/// Makes up calls and lets time pass, as its choices say.
struct Driver {
    choices: Box<dyn Choices>,
    chain: Chain,
    /// What was bid in the open auctions, to be revealed.
    bids: Vec<SealedBid>,
    /// What replicas were committed to, to be revealed.
    committed: Vec<Outcome>,
}

impl Driver {
    fn below(&mut self, n: u64) -> u64 {
        self.choices.below(n)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        let at = self.below(all.len().max(1) as u64);
        all.get(at as usize).cloned()
    }

    fn goes_on(&self) -> bool {
        !self.choices.are_over() && self.chain.blocks < MOST_BLOCKS
    }

    /// Lets time pass: a block mostly, at times so much that eras, periods and leases end.
    fn pass(&mut self) {
        match self.below(256) {
            0 => {
                let period: BlockNumber =
                    <Runtime as pallet_compute_market::Config>::UnbondingPeriod::get();
                self.chain.leap(period + 1);
            }
            1 | 2 => self.chain.leap(HOURS),
            3 => {
                let blocks = 1 + self.below(40) as BlockNumber;
                self.chain.pause(blocks);
            }
            4..=6 => self.go_on(50),
            7..=40 => {
                let blocks = 1 + self.below(8) as BlockNumber;
                self.go_on(blocks);
            }
            _ => self.go_on(1),
        }
    }

    fn go_on(&mut self, blocks: BlockNumber) {
        for _ in 0..blocks {
            let (idle, poll) = (self.most_of_hook(), self.most_of_hook());
            self.chain.go_on(idle, poll);
        }
    }

    /// Most that a hook may weigh: what the block leaves it, or, as in a full block, little of it.
    fn most_of_hook(&mut self) -> Weight {
        match self.one_in(4) {
            true => Weight::from_parts(self.below(64) * WEIGHT_REF_TIME_PER_MILLIS, u64::MAX),
            false => Weight::MAX,
        }
    }
}

/// How many calls of each kind were made, and how many of them were good.
#[derive(Default)]
pub struct Tally(BTreeMap<(&'static str, &'static str), Count>);

#[derive(Clone, Copy, Default)]
struct Count {
    made: u64,
    good: u64,
}

impl Tally {
    fn note(&mut self, kind: CallMetadata, good: bool) {
        let kind = (kind.pallet_name, kind.function_name);
        let count = self.0.entry(kind).or_default();
        count.made += 1;
        count.good += u64::from(good);
    }

    /// Adds what another has counted.
    pub fn add(&mut self, other: Self) {
        for (kind, Count { made, good }) in other.0 {
            let count = self.0.entry(kind).or_default();
            count.made += made;
            count.good += good;
        }
    }

    /// Calls that were made.
    pub fn made(&self) -> u64 {
        self.0.values().map(|count| count.made).sum()
    }

    /// Calls that were good.
    pub fn good(&self) -> u64 {
        self.0.values().map(|count| count.good).sum()
    }

    /// Calls of one kind that were good.
    pub fn good_of(&self, pallet: &'static str, call: &'static str) -> u64 {
        self.0.get(&(pallet, call)).map_or(0, |count| count.good)
    }
}

/// A line for each kind.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for ((pallet, call), Count { made, good }) in &self.0 {
            let kind = format!("{pallet}.{call}");
            writeln!(f, "{kind:<40} {made:>9} made {good:>9} good")?;
        }
        Ok(())
    }
}
