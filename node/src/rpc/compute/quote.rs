//! What a job would cost now, and how long to give it.

use super::json::{Address, Amount, Decimal};
use kagari_primitives::{
    price_of, AccountId, Balance, BlockNumber, OfferInfo, Work, MACS_PER_WORK_UNIT,
};
use serde::Serialize;

/// Share that a suggested maximum price lies above the price of now, in hundredths: between asking and
/// submitting, the cheapest offer may go to somebody else.
const MARGIN: Balance = 10;

/// Blocks that any job is given, for its way through the pool and the queue of its provider.
const BASE_DEADLINE: BlockNumber = 60;
/// Longest deadline that is suggested: ten minutes.
const MAX_DEADLINE: BlockNumber = 300;
/// Work units that a slow, busy machine does in a block's time.
const SLOW_UNITS_PER_BLOCK: u64 = 1;

/// An offer, with what the bond of its provider still covers.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The offer.
    pub offer: OfferInfo,
    /// How much more open jobs may be worth.
    pub headroom: Balance,
}

/// The price of a job, were it submitted now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// The provider that would get the job.
    pub provider: Address,
    /// Price per work unit that the provider itself asks.
    pub asked: Amount,
    /// Price per work unit that would be paid: that of the cheapest losing offer of another provider, or
    /// the provider's own where there is none.
    pub price: Amount,
    /// Most that the job would cost.
    pub total: Amount,
}

/// The price that the chain would find among these offers.
pub fn quote(mut candidates: Vec<Candidate>, work: Work) -> Option<Quote> {
    candidates.retain(|candidate| is_eligible(candidate, work));
    candidates.sort_by_key(|candidate| candidate.offer.price);
    let offers: Vec<&OfferInfo> = candidates
        .iter()
        .map(|candidate| &candidate.offer)
        .collect();
    let winner = offers.first()?;
    let is_rival = |offer: &&&OfferInfo| offer.provider != winner.provider;
    let price = offers
        .iter()
        .find(is_rival)
        .map_or(winner.price, |rival| rival.price);
    Some(Quote {
        provider: Address(AccountId::clone(&winner.provider)),
        asked: Decimal(winner.price),
        price: Decimal(price),
        total: Decimal(price_of(price, work)),
    })
}

fn is_eligible(candidate: &Candidate, work: Work) -> bool {
    let Candidate { offer, headroom } = candidate;
    offer.in_use < offer.capacity && price_of(offer.price, work) <= *headroom
}

/// A maximum price with which a job of this price finds a provider even if the market moves a little.
pub fn max_price(total: Balance) -> Balance {
    let margin = total / 100 * MARGIN + (total % 100 * MARGIN).div_ceil(100);
    total.saturating_add(margin)
}

/// Blocks in which even a slow machine does the work.
pub fn deadline(work: Work) -> BlockNumber {
    let blocks = work / MACS_PER_WORK_UNIT / SLOW_UNITS_PER_BLOCK;
    let blocks = BlockNumber::try_from(blocks).unwrap_or(BlockNumber::MAX);
    blocks.saturating_add(BASE_DEADLINE).min(MAX_DEADLINE)
}

/// Work as work units: a decimal fraction with no zero at its end.
pub fn work_units(work: Work) -> String {
    let (whole, rest) = (work / MACS_PER_WORK_UNIT, work % MACS_PER_WORK_UNIT);
    let text = format!("{whole}.{rest:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kagari_primitives::ModelId;

    const WORK: Work = 2_500_000_000;

    fn offer(owner: u8, price: Balance) -> Candidate {
        let provider = AccountId::new([owner; 32]);
        let offer = OfferInfo {
            provider,
            model: ModelId::zero(),
            price,
            capacity: 2,
            in_use: 1,
        };
        Candidate {
            offer,
            headroom: Balance::MAX,
        }
    }

    fn terms(candidates: Vec<Candidate>) -> Option<(u8, Balance, Balance, Balance)> {
        let quote = quote(candidates, WORK)?;
        let owner: &[u8] = quote.provider.0.as_ref();
        Some((owner[0], quote.asked.0, quote.price.0, quote.total.0))
    }

    #[test]
    fn the_cheapest_wins_and_is_paid_what_the_next_asks() {
        assert_eq!(
            terms(vec![offer(1, 30), offer(2, 10), offer(3, 20)]),
            Some((2, 10, 20, 50))
        );
    }

    #[test]
    fn an_offer_alone_is_paid_its_own_price() {
        assert_eq!(terms(vec![offer(1, 10)]), Some((1, 10, 10, 25)));
        assert_eq!(
            terms(vec![offer(1, 10), offer(1, 40)]),
            Some((1, 10, 10, 25))
        );
        assert_eq!(terms(vec![]), None);
    }

    #[test]
    fn offers_without_room_do_not_count() {
        let mut full = offer(1, 5);
        full.offer.in_use = full.offer.capacity;
        let mut poor = offer(2, 6);
        poor.headroom = price_of(6, WORK) - 1;
        assert_eq!(
            terms(vec![full.clone(), poor.clone(), offer(3, 7)]),
            Some((3, 7, 7, 18))
        );
        full.offer.in_use -= 1;
        poor.headroom += 1;
        assert_eq!(terms(vec![full, poor, offer(3, 7)]), Some((1, 5, 6, 15)));
    }

    #[test]
    fn the_suggested_maximum_lies_a_tenth_above() {
        assert_eq!(max_price(0), 0);
        assert_eq!(max_price(1), 2);
        assert_eq!(max_price(1_000), 1_100);
        assert_eq!(max_price(Balance::MAX), Balance::MAX);
    }

    #[test]
    fn more_work_is_given_more_time() {
        assert_eq!(deadline(0), BASE_DEADLINE);
        assert_eq!(deadline(20 * MACS_PER_WORK_UNIT), BASE_DEADLINE + 20);
        assert_eq!(deadline(Work::MAX), MAX_DEADLINE);
    }

    #[test]
    fn work_units_are_exact() {
        assert_eq!(work_units(0), "0");
        assert_eq!(work_units(1), "0.000000001");
        assert_eq!(work_units(WORK), "2.5");
        assert_eq!(work_units(20 * MACS_PER_WORK_UNIT), "20");
    }
}
