//! Values of arguments: what they look like and how far they go.

use crate::amount::Thousandths;
use kagari_primitives::{Hash, Region, Sampling};

/// The WebSocket address of a node.
pub fn parse_url(text: &str) -> Result<String, String> {
    if text.starts_with("ws://") || text.starts_with("wss://") {
        return Ok(text.to_owned());
    }
    Err("a node's address begins with ws:// or wss://".into())
}

/// Bytes, as 0x and hex digits.
pub fn parse_bytes<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let wrong = || format!("write 0x and {} hex digits", 2 * N);
    let digits = text.strip_prefix("0x").ok_or_else(wrong)?;
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| wrong())?;
    Ok(bytes)
}

/// A hash, as 0x and hex digits.
pub fn parse_hash(text: &str) -> Result<Hash, String> {
    parse_bytes(text).map(Hash::from)
}

/// A provider's words on its machine, as long as the chain takes them.
pub fn parse_description(text: &str) -> Result<String, String> {
    match text.len() {
        0..=128 => Ok(text.to_owned()),
        length => Err(format!("it has {length} bytes, and at most 128 fit")),
    }
}

/// A region's name, in words joined by hyphens.
pub fn parse_region(text: &str) -> Result<Region, String> {
    Ok(match text {
        "africa" => Region::Africa,
        "asia" => Region::Asia,
        "europe" => Region::Europe,
        "latin-america" => Region::LatinAmerica,
        "northern-america" => Region::NorthernAmerica,
        "oceania" => Region::Oceania,
        _ => {
            return Err(
                "it is africa, asia, europe, latin-america, northern-america or oceania".into(),
            )
        }
    })
}

/// A temperature.
pub fn parse_temperature(text: &str) -> Result<Thousandths, String> {
    let most = Thousandths(Sampling::MAX_TEMPERATURE);
    parse_within(text, Thousandths(0), most, "it goes from 0 to 10")
}

/// The share of the probability that is drawn from.
pub fn parse_top_p(text: &str) -> Result<Thousandths, String> {
    parse_within(
        text,
        Thousandths(1),
        Thousandths(1_000),
        "it goes from 0.001 to 1",
    )
}

fn parse_within(
    text: &str,
    least: Thousandths,
    most: Thousandths,
    bounds: &str,
) -> Result<Thousandths, String> {
    let value: Thousandths = text.parse().map_err(|error| format!("{error}"))?;
    if value < least || value > most {
        return Err(bounds.into());
    }
    Ok(value)
}
