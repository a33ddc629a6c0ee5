//! The clearing of a job among standing offers: a reverse second-price auction, as pure arithmetic.
//!
//! The cheapest eligible offer wins and is paid the price of the cheapest eligible offer of another
//! owner that lost; where there is none, its own. With one unit an owner, naming one's true cost is
//! then a dominant strategy in one clearing (Vickrey, "Counterspeculation, Auctions, and Competitive
//! Sealed Tenders", 1961).

use kagari_primitives::Balance;

/// The outcome of a clearing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared<Owner> {
    /// Who won.
    pub winner: Owner,
    /// What the winner itself asks per work unit.
    pub asked: Balance,
    /// What the winner is paid per work unit.
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
}

/// Clears among `offers` (price and owner, cheapest first, an owner at most once), of which at most
/// `limit` are examined. An offer counts only if `is_eligible`.
pub fn clear<Owner>(
    offers: impl Iterator<Item = (Balance, Owner)>,
    limit: usize,
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
    let (asked, winner) = eligible.next().ok_or(NoMatch::NoneEligible)?;
    let price = eligible.next().map_or(asked, |(next, _)| next);
    Ok(Cleared {
        winner,
        asked,
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

    fn run(offers: &Offers, eligible: &[bool]) -> Result<Cleared<u8>, NoMatch> {
        let mut sorted = offers.clone();
        sorted.sort();
        let ok = |_: Balance, o: &u8| eligible.get(usize::from(*o)).copied().unwrap_or(true);
        clear(sorted.into_iter(), 8, ok)
    }

    fn owners(prices: Vec<Balance>) -> Offers {
        prices.into_iter().zip(0u8..).collect()
    }

    proptest! {
        #[test]
        fn the_cheapest_eligible_wins_and_is_paid_the_next(
            prices in prop::collection::vec(0..50u128, 1..9),
            eligible in prop::collection::vec(any::<bool>(), 8),
        ) {
            let offers = owners(prices);
            let mut left: Vec<_> =
                offers.iter().filter(|(_, o)| eligible[usize::from(*o)]).copied().collect();
            left.sort();
            match run(&offers, &eligible) {
                Ok(cleared) => {
                    prop_assert_eq!((cleared.asked, cleared.winner), left[0]);
                    prop_assert_eq!(cleared.price, left.get(1).unwrap_or(&left[0]).0);
                    prop_assert!(cleared.price >= cleared.asked);
                }
                Err(error) => {
                    prop_assert_eq!(error, NoMatch::NoneEligible);
                    prop_assert!(left.is_empty());
                }
            }
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
            let cleared = clear(offers, 8, |_, _| true).unwrap();
            if cleared.winner == me {
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
            winner: 0,
            asked: 7,
            price: 7,
            examined: 1,
        };
        assert_eq!(run(&vec![(7, 0)], &[]), Ok(cleared));
        assert_eq!(run(&vec![], &[]), Err(NoMatch::NoOffer));
    }

    #[test]
    fn no_more_than_the_limit_is_examined() {
        let offers: Offers = (0..20).map(|i| (i.into(), i)).collect();
        let mut examined = 0;
        let count = |_: Balance, _: &u8| {
            examined += 1;
            false
        };
        let result = clear(offers.into_iter(), 8, count);
        assert_eq!((result, examined), (Err(NoMatch::NoneEligible), 8));
    }
}
