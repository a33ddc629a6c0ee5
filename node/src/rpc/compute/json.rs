//! How ids, amounts and accounts look in JSON.

use crate::chain_spec::SS58_PREFIX;
use kagari_primitives::{AccountId, Balance};
use serde::{de::Error as _, Deserialize, Deserializer, Serialize, Serializer};
use sp_core::crypto::{Ss58AddressFormat, Ss58Codec};
use std::fmt::Display;

/// A number as a decimal string, since readers of JSON lose digits of large numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal<T>(pub T);

/// An amount of KGR in its smallest unit.
pub type Amount = Decimal<Balance>;

impl<T: Display> Serialize for Decimal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    /// Takes a string or a number.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(Decimal(number.into())),
            Written::Text(text) => text.parse().map(Decimal).map_err(|_| {
                D::Error::custom(format!(
                    "`{text}` is no amount: give a whole number, as a string"
                ))
            }),
        }
    }
}

/// An account, in JSON its SS58 address; a public key in hex is understood too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(pub AccountId);

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let format = Ss58AddressFormat::custom(SS58_PREFIX);
        serializer.serialize_str(&self.0.to_ss58check_with_version(format))
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|why| {
            D::Error::custom(format!(
                "`{text}` is no account ({why}): give an SS58 address or 0x and 64 hex digits"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json, to_value};

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const ALICE_HEX: &str = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";

    #[test]
    fn amounts_keep_every_digit() {
        assert_eq!(
            to_value(Decimal(u128::MAX)).ok(),
            Some(json!(u128::MAX.to_string()))
        );
        let read = |value| from_value::<Amount>(value).ok();
        assert_eq!(read(json!(u128::MAX.to_string())), Some(Decimal(u128::MAX)));
        assert_eq!(read(json!(12)), Some(Decimal(12)));
    }

    #[test]
    fn amounts_that_are_none_are_refused() {
        for bad in [
            json!("1.5"),
            json!(-1),
            json!("KGR"),
            json!(1.5),
            json!(null),
        ] {
            assert!(from_value::<Amount>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn accounts_are_addresses() {
        let read = |text: &str| from_value::<Address>(json!(text)).ok();
        let alice = read(ALICE);
        assert!(alice.is_some());
        assert_eq!(read(ALICE_HEX), alice);
        assert_eq!(to_value(alice).ok(), Some(json!(ALICE)));
    }

    #[test]
    fn accounts_that_are_none_are_refused() {
        for bad in ["", "Alice", &ALICE[1..], "0x12"] {
            assert!(from_value::<Address>(json!(bad)).is_err(), "{bad}");
        }
    }
}
