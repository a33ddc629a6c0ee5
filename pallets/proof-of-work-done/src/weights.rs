//! Weights of attestations.

use frame_support::weights::{constants::RocksDbWeight, Weight};

/// Weights of attestations.
pub trait WeightInfo {
    /// Weight of `attest` with so many words of output, its authorisation and what it changes in the market
    /// included.
    fn attest(output: u32) -> Weight;
    /// Weight of `pay_shares`.
    fn pay_shares() -> Weight;
    /// Weight of looking for eras to forget.
    fn prune_base() -> Weight;
    /// Weight of forgetting one record of an era.
    fn prune_record() -> Weight;
    /// Weight of checking an attestation with so many words of output.
    fn authorize_attest(output: u32) -> Weight;
    /// Weight of `commit`, its authorisation and what it changes in the market included, if it is the last of its gang.
    fn commit() -> Weight;
    /// Weight of checking a commitment.
    fn authorize_commit() -> Weight;
}

/// Round figures for the tests of the pallet by itself; a runtime has measured ones.
impl WeightInfo for () {
    fn attest(output: u32) -> Weight {
        let dispatch = Weight::from_parts(10_000_000, 1_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 3));
        dispatch.saturating_add(Self::authorize_attest(output))
    }
    fn pay_shares() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(5, 5))
    }
    fn prune_base() -> Weight {
        Weight::from_parts(10_000_000, 1_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
    fn prune_record() -> Weight {
        Weight::from_parts(10_000_000, 1_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
    fn authorize_attest(output: u32) -> Weight {
        Weight::from_parts(60_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads(4))
            .saturating_add(Weight::from_parts(10_000, 0).saturating_mul(output.into()))
    }
    fn commit() -> Weight {
        Weight::from_parts(20_000_000, 1_000)
            .saturating_add(RocksDbWeight::get().reads_writes(5, 6))
            .saturating_add(Self::authorize_commit())
    }
    fn authorize_commit() -> Weight {
        Weight::from_parts(60_000_000, 4_000).saturating_add(RocksDbWeight::get().reads(4))
    }
}
