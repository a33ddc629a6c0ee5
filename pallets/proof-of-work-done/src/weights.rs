//! Weights of attestations.

use frame_support::weights::{constants::RocksDbWeight, Weight};

/// Weights of attestations; what they change in the market is weighed there.
pub trait WeightInfo {
    /// Weight of `attest` without the market's part.
    fn attest() -> Weight;
    /// Weight of checking an attestation with so many words of output.
    fn authorize_attest(output: u32) -> Weight;
}

/// Round figures for the tests of the pallet by itself; a runtime has measured ones.
impl WeightInfo for () {
    fn attest() -> Weight {
        Weight::from_parts(10_000_000, 1_000).saturating_add(RocksDbWeight::get().reads(1))
    }
    fn authorize_attest(output: u32) -> Weight {
        Weight::from_parts(60_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads(4))
            .saturating_add(Weight::from_parts(10_000, 0).saturating_mul(output.into()))
    }
}
