//! Exposure, as arithmetic on a provider's record: whatever jobs it takes within its headroom, and whoever backs
//! it, leaves, or is slashed, what is held for it covers what its open jobs are worth.

use super::mock::*;
use crate::{
    delegation::Delegated,
    types::{Provider, MAX_LEVERAGE},
};
use kagari_primitives::{Balance, Hardware, KGR};
use proptest::prelude::*;
use sp_runtime::Permill;

const PENALTY: Permill = Permill::from_percent(10);

#[derive(Clone, Debug)]
enum Step {
    /// A job worth so many thousandths of the headroom is taken.
    Take(Balance),
    /// An open job is paid for.
    Settle(prop::sample::Index),
    /// An open job is not done.
    Fail(prop::sample::Index),
    Delegate(Balance),
    /// So many thousandths of what stays begin to leave.
    Undelegate(Balance),
    BondExtra(Balance),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..1_001u128).prop_map(Step::Take),
        2 => any::<prop::sample::Index>().prop_map(Step::Settle),
        2 => any::<prop::sample::Index>().prop_map(Step::Fail),
        1 => (1..10_000 * KGR).prop_map(Step::Delegate),
        1 => (0..1_001u128).prop_map(Step::Undelegate),
        1 => (0..100 * KGR).prop_map(Step::BondExtra),
    ]
}

/// What a failure takes: a share of the worth out of the bond, and the same share of what was delegated for it, twice.
/// Gives what the bond could not pay.
fn fail(provider: &mut Provider, worth: Balance) -> Balance {
    let covered = provider.delegated.part_of(worth, provider.bond);
    let due = PENALTY.mul_ceil(worth);
    let paid = due.min(provider.bond);
    provider.bond -= paid;
    let share = PENALTY.mul_floor(covered);
    let slashed = share.min(provider.delegated.stake).min(provider.bond);
    provider.delegated.stake -= slashed;
    provider.bond -= slashed;
    due - paid + share - slashed
}

proptest! {
    #[test]
    fn what_is_held_covers_what_is_open(
        bond in KGR..1_000 * KGR, steps in prop::collection::vec(step(), 1..80)
    ) {
        let mut provider = Provider::new(bond, worker(&ALICE), Hardware::default(), Default::default());
        let mut open: Vec<Balance> = Vec::new();
        for step in steps {
            match step {
                Step::Take(part) => {
                    let worth = provider.headroom() / 1_000 * part;
                    provider.exposure += worth;
                    open.push(worth);
                }
                Step::Settle(at) | Step::Fail(at) if !open.is_empty() => {
                    let worth = open.swap_remove(at.index(open.len()));
                    provider.exposure -= worth;
                    if matches!(step, Step::Fail(_)) {
                        fail(&mut provider, worth);
                    }
                }
                Step::Delegate(amount) => { provider.delegated.buy(amount); }
                Step::Undelegate(part) => {
                    let staying = provider.delegated.shares - provider.delegated.leaving;
                    provider.delegated.leaving += staying / 1_000 * part;
                }
                Step::BondExtra(amount) => provider.bond += amount,
                _ => (),
            }
            prop_assert!(provider.exposure <= provider.stake());
            prop_assert!(provider.exposure.saturating_add(provider.headroom()) <= provider.stake());
            prop_assert!(provider.cover() <= provider.bond * MAX_LEVERAGE);
        }
    }

    /// However its jobs are cut up, and however much others back it, its own bond pays the penalties for all that it
    /// can have open at once, up to a unit of rounding a job.
    #[test]
    fn the_bond_pays_for_all_that_can_be_open(
        bond in KGR..1_000 * KGR, stake in 0..100_000 * KGR,
        parts in prop::collection::vec(1..1_000u128, 1..64)
    ) {
        let mut provider = Provider::new(bond, worker(&ALICE), Hardware::default(), Default::default());
        provider.delegated = Delegated { stake, shares: stake, leaving: 0 };
        let (all, sum) = (provider.headroom(), parts.iter().sum::<u128>());
        let worths: Vec<_> = parts.iter().map(|part| all / sum * part).collect();
        let unpaid: Balance = worths.iter().map(|worth| fail(&mut provider, *worth)).sum();
        prop_assert!(unpaid <= worths.len() as Balance, "{}", unpaid);
    }
}
