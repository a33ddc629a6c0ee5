//! The clearing of sealed bids for several machines, as pure arithmetic: a reverse auction at one price for all.
//!
//! The cheapest bids win, as many as there are machines wanted, and all are paid what the cheapest bid that lost
//! asks, or the most that the requester has said it pays where none lost. With one machine a bidder it is a
//! dominant strategy to bid one's cost (Vickrey, "Counterspeculation, Auctions, and Competitive Sealed
//! Tenders", 1961, section III): a bid decides whether one wins, and not what one is paid. That holds for bidders who
//! act by themselves and reveal what they committed; who owns several can gain by keeping some of them sealed, at the
//! price of their deposits.

use alloc::vec::Vec;
use kagari_primitives::Balance;

/// The outcome of a clearing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared<Owner> {
    /// Who won.
    pub winners: Vec<Owner>,
    /// What each of them is paid.
    pub price: Balance,
}

/// Clears `bids` (price and owner, the cheapest first, an owner once) for so many machines, all of them or none, at
/// `max_price` at most; bids above it count for nothing.
pub fn clear<Owner>(
    bids: impl Iterator<Item = (Balance, Owner)>,
    machines: usize,
    max_price: Balance,
) -> Option<Cleared<Owner>> {
    let mut bids = bids.take_while(|(price, _)| *price <= max_price);
    let winners: Vec<_> = bids.by_ref().take(machines).map(|(_, who)| who).collect();
    let price = bids.next().map_or(max_price, |(price, _)| price);
    (machines > 0 && winners.len() == machines).then_some(Cleared { winners, price })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn run(bids: &[Balance], machines: usize, max_price: Balance) -> Option<Cleared<usize>> {
        let mut bids: Vec<_> = bids.iter().copied().zip(0..).collect();
        bids.sort();
        clear(bids.into_iter(), machines, max_price)
    }

    proptest! {
        /// No bidder gains by bidding anything but its cost, whatever the others bid.
        #[test]
        fn bidding_ones_cost_is_best(
            bids in prop::collection::vec(1..60u128, 1..9), machines in 1..5usize, max_price in 1..60u128,
            who: prop::sample::Index
        ) {
            let me = who.index(bids.len());
            let cost = bids[me] as i128;
            let gain = |bid: Balance| {
                let bids: Vec<_> = bids.iter().enumerate()
                    .map(|(i, b)| if i == me { bid } else { *b }).collect();
                let cleared = run(&bids, machines, max_price);
                cleared.filter(|c| c.winners.contains(&me)).map_or(0, |c| c.price as i128 - cost)
            };
            let honest = gain(bids[me]);
            prop_assert!(honest >= 0);
            for bid in 0..62 {
                prop_assert!(gain(bid) <= honest, "gains {} by bidding {}", gain(bid), bid);
            }
        }

        #[test]
        fn all_machines_or_none_and_never_above_the_most(
            bids in prop::collection::vec(0..60u128, 0..9), machines in 0..5usize, max_price in 0..60u128
        ) {
            let good = bids.iter().filter(|b| **b <= max_price).count();
            match run(&bids, machines, max_price) {
                Some(Cleared { winners, price }) => {
                    prop_assert_eq!(winners.len(), machines);
                    prop_assert!(price <= max_price);
                    prop_assert!(winners.iter().all(|w| bids[*w] <= price));
                    let losers = (0..bids.len()).filter(|b| !winners.contains(b));
                    prop_assert!(losers.map(|l| bids[l]).all(|b| b >= price || b > max_price));
                }
                None => prop_assert!(machines == 0 || good < machines),
            }
        }
    }
}
