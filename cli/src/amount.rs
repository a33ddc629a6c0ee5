//! Amounts of KGR: exact, with integers only, from text and back.

use kagari_primitives::Balance;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// Digits after the point of one KGR.
const DECIMALS: u32 = 12;

/// An amount, in units of 10^-12 KGR. People read and write it in KGR, programs as a string of
/// units, since JSON's numbers don't hold it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub Balance);

impl FromStr for Amount {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_decimal(text, DECIMALS).map(Self)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KGR", decimal_text(self.0, DECIMALS))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Number(u64),
            Text(String),
        }
        match Wire::deserialize(deserializer)? {
            Wire::Number(units) => Ok(Self(units.into())),
            Wire::Text(units) => units.parse().map(Self).map_err(serde::de::Error::custom),
        }
    }
}

/// A figure in thousandths, as `--temperature` and `--top-p` take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thousandths(pub u32);

impl Thousandths {
    /// The figure as JSON has it. Thousandths below 2^53 survive the way there and back.
    pub fn as_number(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }
}

impl FromStr for Thousandths {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let value = parse_decimal(text, 3)?;
        value
            .try_into()
            .map(Self)
            .map_err(|_| DecimalError::TooLarge)
    }
}

/// Why a text is no decimal figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// It begins with a minus.
    Negative,
    /// It has anything but digits around at most one point.
    NotANumber,
    /// It has more digits after the point than it can have.
    TooManyDecimals {
        /// As many as it can have.
        most: u32,
    },
    /// It is beyond what fits.
    TooLarge,
}

impl std::error::Error for DecimalError {}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Negative => write!(f, "it can't be negative"),
            Self::NotANumber => {
                write!(
                    f,
                    "write it in digits, with a point before the decimals: 12 or 0.05"
                )
            }
            Self::TooManyDecimals { most } => {
                write!(f, "at most {most} digits can stand after the point")
            }
            Self::TooLarge => write!(f, "it is too large"),
        }
    }
}

/// The text's value times 10^`decimals`.
fn parse_decimal(text: &str, decimals: u32) -> Result<u128, DecimalError> {
    let text = text.trim();
    if text.starts_with('-') {
        return Err(DecimalError::Negative);
    }
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(DecimalError::NotANumber),
        Some(parts) => parts,
        None => (text, ""),
    };
    if whole.is_empty() || !(whole.chars().chain(fraction.chars())).all(|c| c.is_ascii_digit()) {
        return Err(DecimalError::NotANumber);
    }
    let missing = u32::try_from(fraction.len())
        .ok()
        .and_then(|len| decimals.checked_sub(len))
        .ok_or(DecimalError::TooManyDecimals { most: decimals })?;
    let zeros = (0..missing).map(|_| '0');
    digits_value(whole.chars().chain(fraction.chars()).chain(zeros))
}

fn digits_value(mut digits: impl Iterator<Item = char>) -> Result<u128, DecimalError> {
    let append = |sum: u128, digit: char| {
        let digit = digit.to_digit(10)?;
        sum.checked_mul(10)?.checked_add(digit.into())
    };
    digits.try_fold(0, append).ok_or(DecimalError::TooLarge)
}

/// `value` over 10^`decimals`, without trailing zeros.
fn decimal_text(value: u128, decimals: u32) -> String {
    let one = 10u128.pow(decimals);
    let (whole, rest) = (value / one, value % one);
    if rest == 0 {
        return whole.to_string();
    }
    let width = decimals as usize;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(text: &str) -> Result<u128, DecimalError> {
        text.parse::<Amount>().map(|a| a.0)
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(value: u128) {
            let text = decimal_text(value, DECIMALS);
            prop_assert_eq!(units(&text), Ok(value));
        }

        #[test]
        fn no_trailing_zeros_are_printed(value: u128) {
            let text = decimal_text(value, DECIMALS);
            prop_assert!(!text.contains('.') || !text.ends_with(['0', '.']));
        }

        #[test]
        fn parsing_is_exact(whole in 0..1u64 << 60, fraction in "[0-9]{1,12}") {
            let scale = 10u128.pow(12 - fraction.len() as u32);
            let rest: u128 = fraction.parse().expect("digits");
            let exact = u128::from(whole) * 10u128.pow(12) + rest * scale;
            prop_assert_eq!(units(&format!("{whole}.{fraction}")), Ok(exact));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = units(&text);
        }

        #[test]
        fn json_carries_every_amount(value: u128) {
            let json = serde_json::to_string(&Amount(value)).expect("serialises");
            prop_assert_eq!(&json, &format!("\"{value}\""));
            prop_assert_eq!(serde_json::from_str::<Amount>(&json).expect("parses"), Amount(value));
        }
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        assert_eq!(units("1"), Ok(1_000_000_000_000));
        assert_eq!(units("0.000000000001"), Ok(1));
        assert_eq!(units("007.50"), Ok(7_500_000_000_000));
        assert_eq!(Amount(7_500_000_000_000).to_string(), "7.5 KGR");
        assert_eq!(Amount(0).to_string(), "0 KGR");
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_reason() {
        assert_eq!(units("-1"), Err(DecimalError::Negative));
        assert_eq!(
            units("0.0000000000001"),
            Err(DecimalError::TooManyDecimals { most: 12 })
        );
        assert_eq!(
            units("1.0000000000000"),
            Err(DecimalError::TooManyDecimals { most: 12 })
        );
        assert_eq!(
            units("340282366920938463463374607432"),
            Err(DecimalError::TooLarge)
        );
        for text in [
            "", ".", "1.", ".5", "1,5", "1e3", "+1", "0x1", "1.2.3", "1 2", "١", "NaN",
        ] {
            assert_eq!(units(text), Err(DecimalError::NotANumber), "{text:?}");
        }
    }

    #[test]
    fn thousandths_keep_three_decimals() {
        assert_eq!("0.7".parse(), Ok(Thousandths(700)));
        assert_eq!(
            "1.25".parse::<Thousandths>().map(Thousandths::as_number),
            Ok(1.25)
        );
        let refused = "0.7001".parse::<Thousandths>();
        assert_eq!(refused, Err(DecimalError::TooManyDecimals { most: 3 }));
        assert_eq!(
            "9999999".parse::<Thousandths>(),
            Err(DecimalError::TooLarge)
        );
    }
}
