//! Weights of the market's calls and of its queue.

use frame_support::weights::{constants::RocksDbWeight, Weight};

/// Weights of the market's calls and of its queue.
pub trait WeightInfo {
    /// Weight of `register_provider`.
    fn register_provider() -> Weight;
    /// Weight of `set_worker`.
    fn set_worker() -> Weight;
    /// Weight of `set_hardware`.
    fn set_hardware() -> Weight;
    /// Weight of `bond_extra`.
    fn bond_extra() -> Weight;
    /// Weight of `unbond`.
    fn unbond() -> Weight;
    /// Weight of `withdraw_bond`.
    fn withdraw_bond() -> Weight;
    /// Weight of `register_model`.
    fn register_model() -> Weight;
    /// Weight of `set_offer`.
    fn set_offer() -> Weight;
    /// Weight of `remove_offer`.
    fn remove_offer() -> Weight;
    /// Weight of `submit_job` with an input of so many words, its match included.
    fn submit_job(input: u32) -> Weight;
    /// Weight of what an attestation with so many words of output changes in the market.
    fn attest(output: u32) -> Weight;
    /// Weight of judging an attested job and settling it.
    fn settle_job() -> Weight;
    /// Weight of timing an assigned job out and assigning it anew, or refunding it.
    fn time_out_job() -> Weight;
    /// Weight of looking where the queue is served up to.
    fn serve_queue_base() -> Weight;
    /// Weight of looking into one block of the queue, or one empty place.
    fn serve_queue_block() -> Weight;
}

/// Round figures for the tests of the pallet by itself; a runtime has measured ones.
impl WeightInfo for () {
    fn register_provider() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn set_worker() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn set_hardware() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn bond_extra() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn unbond() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn withdraw_bond() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn register_model() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn set_offer() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn remove_offer() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn submit_job(input: u32) -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(14, 10))
            .saturating_add(Weight::from_parts(20_000, 0).saturating_mul(input.into()))
    }
    fn attest(output: u32) -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(6, 8))
            .saturating_add(Weight::from_parts(20_000, 0).saturating_mul(output.into()))
    }
    fn settle_job() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(8, 8))
    }
    fn time_out_job() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(14, 10))
    }
    fn serve_queue_base() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
    fn serve_queue_block() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
}
