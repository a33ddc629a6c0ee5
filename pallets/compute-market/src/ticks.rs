//! Price ticks, and the map of those in use: what makes a match cost the same however many offers stand.
//!
//! Ticks are round prices, each at most a twentieth above the one before. Offers ask prices of ticks, so that
//! those at one price stand in one list, and a set of bits says which lists there are.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use kagari_primitives::Balance;
use scale_info::TypeInfo;

/// The first ticks are the prices 0 to 99; from there on, each decade has the same three digits.
const SMALL: Balance = 100;
/// Ticks of a decade: 100 to 200 by 5, to 500 by 10, to 1,000 by 20.
const DECADE: Balance = 75;
/// Words of a map: fifteen decades more than one.
const WORDS: usize = 22;
/// Number of ticks.
pub const TICKS: u16 = WORDS as u16 * u64::BITS as u16;

/// A price that can be asked per work unit.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Tick(u16);

impl Tick {
    /// The lowest tick that is not below `price`; `None` if all are.
    pub fn at_least(price: Balance) -> Option<Self> {
        let number = match price.checked_ilog10().and_then(|log| log.checked_sub(2)) {
            None => price,
            Some(decade) => {
                let digits = price.div_ceil(10u128.checked_pow(decade)?);
                let within = match digits {
                    ..=200 => digits.saturating_sub(100).div_ceil(5),
                    201..=500 => digits.saturating_sub(200).div_ceil(10).saturating_add(20),
                    _ => digits.saturating_sub(500).div_ceil(20).saturating_add(50),
                };
                let before = Balance::from(decade).saturating_mul(DECADE);
                SMALL.saturating_add(before).saturating_add(within)
            }
        };
        u16::try_from(number).ok().filter(|n| *n < TICKS).map(Self)
    }

    /// The price.
    pub fn price(self) -> Balance {
        let number = Balance::from(self.0);
        let Some(above) = number.checked_sub(SMALL) else {
            return number;
        };
        let (decade, within) = (above / DECADE, above % DECADE);
        let digits = match within {
            ..=20 => within.saturating_mul(5).saturating_add(100),
            21..=50 => within.saturating_mul(10),
            _ => within.saturating_mul(20).saturating_sub(500),
        };
        digits.saturating_mul(10u128.saturating_pow(decade as u32))
    }
}

/// The ticks in use.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct TickMap([u64; WORDS]);

impl TickMap {
    /// Whether no tick is in use.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Whether a tick is in use.
    pub fn has(&self, tick: Tick) -> bool {
        let (word, bit) = place(tick);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Notes that a tick is in use.
    pub fn set(&mut self, tick: Tick) {
        let (word, bit) = place(tick);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    /// Notes that a tick is not in use any more.
    pub fn clear(&mut self, tick: Tick) {
        let (word, bit) = place(tick);
        if let Some(word) = self.0.get_mut(word) {
            *word &= !bit;
        }
    }

    /// The ticks in use in this map or in `other`.
    pub fn or(mut self, other: &Self) -> Self {
        let words = self.0.iter_mut().zip(other.0);
        words.for_each(|(word, other)| *word |= other);
        self
    }

    /// Takes the lowest tick out of those in use.
    pub fn take_lowest(&mut self) -> Option<Tick> {
        let (number, word) = (0u16..).zip(&mut self.0).find(|(_, word)| **word != 0)?;
        let bit = word.trailing_zeros();
        *word &= word.wrapping_sub(1);
        Some(Tick((number << 6) | bit as u16))
    }
}

/// The word and the bit of a tick.
fn place(Tick(number): Tick) -> (usize, u64) {
    (usize::from(number >> 6), 1 << (number & 63))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kagari_primitives::KGR;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The numbers of the ticks in use, the lowest first.
    fn ticks(mut map: TickMap) -> impl Iterator<Item = u16> {
        std::iter::from_fn(move || map.take_lowest()).map(|tick| tick.0)
    }

    #[test]
    fn every_tick_is_the_lowest_at_its_own_price() {
        for number in 0..TICKS {
            assert_eq!(Tick::at_least(Tick(number).price()), Some(Tick(number)));
        }
    }

    #[test]
    fn ticks_rise_by_a_twentieth_at_most() {
        for number in 1..TICKS - 1 {
            let (low, high) = (Tick(number).price(), Tick(number + 1).price());
            let step = high - low;
            assert!(step == 1 || (step > 0 && step * 20 <= low), "{number}");
        }
    }

    #[test]
    fn ticks_are_round() {
        let at_least = |price| Tick::at_least(price).map(Tick::price);
        for price in [1, 7, 98, 100, 105, 195, 200, 210, 500, 520, 980] {
            assert_eq!(at_least(price * KGR), Some(price * KGR));
        }
        for (price, above) in [(101, 105), (201, 210), (499, 500), (501, 520), (999, 1_000)] {
            assert_eq!(at_least(price * KGR), Some(above * KGR));
        }
    }

    #[test]
    fn the_highest_price_has_a_tick_and_absurd_ones_have_none() {
        assert!(Tick::at_least(1_000_000 * KGR).is_some());
        assert_eq!(Tick::at_least(Balance::MAX), None);
    }

    proptest! {
        #[test]
        fn a_tick_is_the_lowest_that_is_not_below(price in 1..1u128 << 61) {
            if let Some(tick) = Tick::at_least(price) {
                prop_assert!(tick.price() >= price);
                prop_assert!(tick.0 == 0 || Tick(tick.0 - 1).price() < price);
            }
        }

        #[test]
        fn a_map_is_a_set(
            changes in prop::collection::vec((0..TICKS, any::<bool>()), 0..200),
            others in prop::collection::vec(0..TICKS, 0..50),
        ) {
            let (mut map, mut set) = (TickMap::default(), BTreeSet::new());
            for (number, adds) in changes {
                if adds {
                    map.set(Tick(number));
                    set.insert(number);
                } else {
                    map.clear(Tick(number));
                    set.remove(&number);
                }
            }
            prop_assert!(ticks(map).eq(set.iter().copied()));
            prop_assert_eq!(map.is_empty(), set.is_empty());
            prop_assert!((0..TICKS).all(|n| map.has(Tick(n)) == set.contains(&n)));
            let mut other = TickMap::default();
            others.iter().for_each(|n| other.set(Tick(*n)));
            set.extend(others);
            prop_assert!(ticks(map.or(&other)).eq(set));
        }
    }
}
