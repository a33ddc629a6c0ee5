//! The clearing of a job among standing offers: a reverse second-price auction, as pure arithmetic.
//!
//! The cheapest eligible offer wins and is paid the price of the cheapest eligible offer of another
//! owner that lost; where there is none, its own. With one unit an owner, naming one's true cost is
//! then a dominant strategy in one clearing (Vickrey, "Counterspeculation, Auctions, and Competitive
//! Sealed Tenders", 1961).
//!
//! A job that is computed by several providers is cleared the same way, among as many winners as it wants: each is
//! paid what the cheapest that lost asks, or, where there is none, what the dearest winner asks.

use alloc::vec::Vec;
use kagari_primitives::Balance;

/// The outcome of a clearing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared<Owner> {
    /// Who won, each with what it asks itself per work unit, the cheapest first.
    pub winners: Vec<(Balance, Owner)>,
    /// What each winner is paid per work unit.
    pub price: Balance,
    /// How many offers were looked at.
    pub examined: u32,
}

/// Why there is no match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMatch {
    /// No offer stands.
    NoOffer,
    /// None of the offers that were examined is eligible for this job.
    NoneEligible,
    /// Fewer of them are eligible than providers are wanted.
    TooFew,
}

/// Clears among `offers` (price and owner, cheapest first, an owner at most once), of which at most
/// `limit` are examined, for as many winners as are `wanted`: all of them, or none. An offer counts only if
/// `is_eligible`.
pub fn clear<Owner>(
    offers: impl Iterator<Item = (Balance, Owner)>,
    limit: usize,
    wanted: usize,
    mut is_eligible: impl FnMut(Balance, &Owner) -> bool,
) -> Result<Cleared<Owner>, NoMatch> {
    let mut offers = offers.take(limit).peekable();
    if offers.peek().is_none() {
        return Err(NoMatch::NoOffer);
    }
    let mut examined = 0u32;
    let mut eligible = offers.filter(|(price, owner)| {
        examined = examined.saturating_add(1);
        is_eligible(*price, owner)
    });
    let winners: Vec<_> = eligible.by_ref().take(wanted).collect();
    let dearest = winners.last().ok_or(NoMatch::NoneEligible)?.0;
    if winners.len() < wanted {
        return Err(NoMatch::TooFew);
    }
    let price = eligible.next().map_or(dearest, |(next, _)| next);
    Ok(Cleared {
        winners,
        price,
        examined,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ticks::Tick;
    use proptest::prelude::*;

    type Offers = Vec<(Balance, u8)>;

    fn run(offers: &Offers, wanted: usize, eligible: &[bool]) -> Result<Cleared<u8>, NoMatch> {
        let mut sorted = offers.clone();
        sorted.sort();
        let ok = |_: Balance, o: &u8| eligible.get(usize::from(*o)).copied().unwrap_or(true);
        clear(sorted.into_iter(), 8, wanted, ok)
    }

    fn owners(prices: Vec<Balance>) -> Offers {
        prices.into_iter().zip(0u8..).collect()
    }

    proptest! {
        #[test]
        fn the_cheapest_eligible_win_and_are_paid_the_next(
            prices in prop::collection::vec(0..50u128, 1..9),
            eligible in prop::collection::vec(any::<bool>(), 8),
            wanted in 1..5usize,
        ) {
            let offers = owners(prices);
            let mut left: Vec<_> =
                offers.iter().filter(|(_, o)| eligible[usize::from(*o)]).copied().collect();
            left.sort();
            match run(&offers, wanted, &eligible) {
                Ok(cleared) => {
                    prop_assert_eq!(&cleared.winners[..], &left[..wanted]);
                    prop_assert_eq!(cleared.price, left.get(wanted).unwrap_or(&left[wanted - 1]).0);
                    prop_assert!(cleared.winners.iter().all(|(asked, _)| cleared.price >= *asked));
                }
                Err(NoMatch::NoneEligible) => prop_assert!(left.is_empty()),
                Err(NoMatch::TooFew) => prop_assert!((1..wanted).contains(&left.len())),
                Err(NoMatch::NoOffer) => prop_assert!(offers.is_empty()),
            }
        }

        /// However many are wanted: with one unit an owner and a rival in reach, nobody gains by asking another price
        /// than its cost.
        #[test]
        fn none_of_several_winners_gains_by_misreporting(
            costs in prop::collection::vec(1..50u128, 3..8),
            wanted in 1..4usize,
            asked in 1..60u128,
            who: prop::sample::Index,
        ) {
            prop_assume!(costs.len() > wanted);
            let me = who.index(costs.len());
            let gain = |ask: Balance| {
                let mut asks = costs.clone();
                asks[me] = ask;
                let cleared = run(&owners(asks), wanted, &[]).unwrap();
                let won = cleared.winners.iter().any(|(_, owner)| usize::from(*owner) == me);
                if won { cleared.price as i128 - costs[me] as i128 } else { 0 }
            };
            prop_assert!(gain(asked) <= gain(costs[me]));
        }

        /// With a rival in reach, no owner gains more than the step to its own tick by asking another price than
        /// the tick above its cost, whichever that is, and however chance decides between equals.
        #[test]
        fn misreporting_gains_less_than_a_tick(
            costs in prop::collection::vec(1..2_000u128, 2..8),
            who: prop::sample::Index,
        ) {
            let me = who.index(costs.len());
            let cost = costs[me] as i128;
            let asks: Vec<Tick> = costs.iter().map(|c| Tick::at_least(*c).unwrap()).collect();
            let honest = worst_and_best(&asks, me, asks[me], cost).0;
            let step = asks[me].price() as i128 - cost;
            // All ticks up to above the dearest.
            let mut asked = 0;
            while asked < 2_200 {
                let tick = Tick::at_least(asked + 1).unwrap();
                asked = tick.price();
                let gain = worst_and_best(&asks, me, tick, cost).1 - honest;
                prop_assert!(gain <= step, "gains {} with {}, a step of {}", gain, asked, step);
            }
        }
    }

    /// What one owner gains if it asks `tick` and the others what they ask: if chance is against it, and if
    /// chance is for it.
    fn worst_and_best(asks: &[Tick], me: usize, tick: Tick, cost: i128) -> (i128, i128) {
        let gain = |first: bool| {
            let mut offers: Vec<_> = (0..).zip(asks).map(|(owner, ask)| (*ask, owner)).collect();
            offers[me].0 = tick;
            offers.sort_by_key(|(ask, owner)| (*ask, (*owner == me) != first));
            let offers = offers.into_iter().map(|(ask, owner)| (ask.price(), owner));
            let cleared = clear(offers, 8, 1, |_, _| true).unwrap();
            if cleared.winners[0].1 == me {
                cleared.price as i128 - cost
            } else {
                0
            }
        };
        (gain(false).min(gain(true)), gain(false).max(gain(true)))
    }

    #[test]
    fn an_offer_alone_is_paid_its_own_price() {
        let cleared = Cleared {
            winners: vec![(7, 0)],
            price: 7,
            examined: 1,
        };
        assert_eq!(run(&vec![(7, 0)], 1, &[]), Ok(cleared));
        assert_eq!(run(&vec![], 1, &[]), Err(NoMatch::NoOffer));
        assert_eq!(run(&vec![(7, 0)], 2, &[]), Err(NoMatch::TooFew));
    }

    #[test]
    fn no_more_is_examined_than_the_winners_and_the_next() {
        let offers: Offers = (0..8).map(|i| (i.into(), i)).collect();
        for wanted in 1..4 {
            let cleared = run(&offers, wanted, &[]).unwrap();
            assert_eq!(cleared.examined as usize, wanted + 1);
        }
    }

    #[test]
    fn no_more_than_the_limit_is_examined() {
        let offers: Offers = (0..20).map(|i| (i.into(), i)).collect();
        let mut examined = 0;
        let count = |_: Balance, _: &u8| {
            examined += 1;
            false
        };
        let result = clear(offers.into_iter(), 8, 1, count);
        assert_eq!((result, examined), (Err(NoMatch::NoneEligible), 8));
    }
}
