//! What a job would cost now, and how long to give it.

use super::json::{Address, Amount, Decimal};
use kagari_primitives::{self as primitives, Balance, BlockNumber, Work, MACS_PER_WORK_UNIT};
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

/// The price of a job, were it submitted now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// The provider that would get the job; of replicas, the first one.
    pub provider: Address,
    /// Price per work unit that the provider itself asks.
    pub asked: Amount,
    /// Price per work unit that would be paid: that of the cheapest losing offer of another provider, or
    /// the provider's own where there is none.
    pub price: Amount,
    /// Most that the job would cost, all replicas together.
    pub total: Amount,
}

impl From<primitives::Quote> for Quote {
    fn from(quote: primitives::Quote) -> Self {
        Self {
            provider: Address(quote.provider),
            asked: Decimal(quote.asked),
            price: Decimal(quote.price),
            total: Decimal(quote.escrow),
        }
    }
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
        assert_eq!(work_units(2_500_000_000), "2.5");
        assert_eq!(work_units(20 * MACS_PER_WORK_UNIT), "20");
    }
}
