//! What an owner gains who has several machines, bonds each under another account, and asks more than they cost for
//! some of them: a clearing by itself is truthful for owners of one unit, and this is not one. Jobs come one
//! after the other, and each keeps its machine busy for a while. The best of a grid of strategies is searched
//! for, and printed beside asking the costs, in lines of JSON.
#![allow(missing_docs)]

#[path = "../src/tests/chance.rs"]
mod chance;

use chance::Chance;
use kagari_primitives::{Balance, KGR};
use pallet_compute_market::{clearing::clear, ticks::Tick};

/// Jobs of one run.
const JOBS: u64 = 4_000;
/// Jobs that come while a machine is busy with one.
const BUSY: u64 = 4;
/// How much more is asked, in hundredths.
const MARKUPS: [Balance; 9] = [0, 5, 10, 20, 30, 50, 75, 100, 200];

impl Chance {
    /// A cost between one and two KGR a unit.
    fn cost(&mut self) -> Balance {
        KGR + Balance::from(self.next()) % KGR
    }
}

/// A machine: what a unit costs on it, what it asks, and from which job on it is free.
#[derive(Clone)]
struct Machine {
    cost: Balance,
    ask: Tick,
    free_at: u64,
    is_ours: bool,
}

fn machine(cost: Balance, markup: Balance, is_ours: bool) -> Machine {
    let ask =
        Tick::at_least(cost + cost * markup / 100).expect("costs are far below the highest tick");
    Machine {
        cost,
        ask,
        free_at: 0,
        is_ours,
    }
}

/// What the owner's machines earn above their costs, per job that comes.
fn profit(mut machines: Vec<Machine>, chance: &mut Chance) -> Balance {
    let mut sum = 0;
    for job in 0..JOBS {
        let free = machines
            .iter()
            .enumerate()
            .filter(|(_, m)| m.free_at <= job);
        let mut offers: Vec<_> = free.map(|(i, m)| (m.ask, chance.next(), i)).collect();
        offers.sort();
        let offers = offers.into_iter().map(|(ask, _, i)| (ask.price(), i));
        let Ok(cleared) = clear(offers, 8, 1, |_, _| true) else {
            continue;
        };
        let winner = &mut machines[cleared.winners[0].1];
        winner.free_at = job + BUSY;
        if winner.is_ours {
            sum += cleared.price - winner.cost;
        }
    }
    sum / Balance::from(JOBS)
}

/// The owner's machines, of which all but the first ask more than they cost, and the rivals'.
fn machines(ours: u32, rivals: u32, first: Balance, others: Balance, seed: u64) -> Vec<Machine> {
    let mut chance = Chance(seed);
    let mut all: Vec<_> = (0..rivals)
        .map(|_| machine(chance.cost(), 0, false))
        .collect();
    let cost = chance.cost();
    let markup = |i| if i == 0 { first } else { others };
    all.extend((0..ours).map(|i| machine(cost, markup(i), true)));
    all
}

/// The mean profit over several markets.
fn mean(ours: u32, rivals: u32, first: Balance, others: Balance) -> Balance {
    const MARKETS: u64 = 10;
    let profits = (0..MARKETS).map(|seed| {
        profit(
            machines(ours, rivals, first, others, seed),
            &mut Chance(seed ^ 7),
        )
    });
    profits.sum::<Balance>() / Balance::from(MARKETS)
}

fn main() {
    for (ours, rivals) in [(1, 5), (2, 5), (4, 5), (1, 20), (4, 20), (10, 20)] {
        let honest = mean(ours, rivals, 0, 0);
        let strategies = MARKUPS
            .iter()
            .flat_map(|first| MARKUPS.map(|others| (*first, others)));
        let tried =
            strategies.map(|(first, others)| (mean(ours, rivals, first, others), first, others));
        let (best, first, others) = tried.max().expect("there are strategies");
        let percent = |amount: Balance| (amount as f64 / KGR as f64 * 1e4).round() / 1e2;
        println!(
            "{{\"name\":\"{ours} of {} machines\",\"at cost, % of a KGR a job\":{},\"at best\":{},\
             \"markup of the first, %\":{first},\"of the others, %\":{others}}}",
            ours + rivals,
            percent(honest),
            percent(best),
        );
    }
}
