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
    /// Weight of `submit_job` with an input of so many words and a match that examines two offers.
    fn submit_job(input: u32) -> Weight;
    /// Weight of submitting so many replicas of a job with an input of so many words, with a match that examines as
    /// many offers as it can.
    fn submit_replicas(input: u32, replicas: u32) -> Weight;
    /// Weight of looking for the providers of a gang, and of a replica's leaving it, by which the reveals are opened.
    fn leave_gang() -> Weight;
    /// Weight of a match that examines so many offers, two at least.
    fn examine_offers(offers: u32) -> Weight;
    /// Weight of reading one more page of the index.
    fn turn_page() -> Weight;
    /// Weight of serving a list of so many attested jobs and settling them.
    fn settle_jobs(jobs: u32) -> Weight;
    /// Weight of taking so many offers of a provider into the index.
    fn list_offers(offers: u32) -> Weight;
    /// Weight of taking so many offers of a provider out of the index.
    fn delist_offers(offers: u32) -> Weight;
    /// Weight of handing a provider's work of an era to the history.
    fn archive_era_work() -> Weight;
    /// Weight of timing an assigned job out and assigning it anew, or refunding it.
    fn time_out_job() -> Weight;
    /// Weight of `decline_job`, its match included.
    fn decline_job() -> Weight;
    /// Weight of `cancel_job`.
    fn cancel_job() -> Weight;
    /// Weight of `delegate`.
    fn delegate() -> Weight;
    /// Weight of `undelegate`.
    fn undelegate() -> Weight;
    /// Weight of `withdraw_delegation`.
    fn withdraw_delegation() -> Weight;
    /// Weight of `open_auction`.
    fn open_auction() -> Weight;
    /// Weight of `cancel_auction`.
    fn cancel_auction() -> Weight;
    /// Weight of `commit_bid`.
    fn commit_bid() -> Weight;
    /// Weight of `reveal_bid`.
    fn reveal_bid() -> Weight;
    /// Weight of sharing a reward with delegators.
    fn share_reward() -> Weight;
    /// Weight of `submit_leased_job` with an input of so many words.
    fn submit_leased_job(input: u32) -> Weight;
    /// Weight of clearing an auction with so many bids for so many machines.
    fn clear_auction(bids: u32, machines: u32) -> Weight;
    /// Weight of ending a lease of so many machines.
    fn end_lease(machines: u32) -> Weight;
    /// Weight of looking where the queue is served up to.
    fn serve_queue_base() -> Weight;
    /// Weight of looking for a list of the queue, and of writing back what is left of it.
    fn serve_queue_list() -> Weight;
    /// Weight of passing over a place whose job has moved on.
    fn serve_queue_passed() -> Weight;
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
            .saturating_add(RocksDbWeight::get().reads_writes(16, 10))
            .saturating_add(Weight::from_parts(20_000, 0).saturating_mul(input.into()))
    }
    fn turn_page() -> Weight {
        Weight::from_parts(3_000_000, 3_000).saturating_add(RocksDbWeight::get().reads(1))
    }
    fn submit_replicas(input: u32, replicas: u32) -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(30, 4))
            .saturating_add(
                RocksDbWeight::get()
                    .reads_writes(2, 3)
                    .saturating_mul(replicas.into()),
            )
            .saturating_add(Weight::from_parts(20_000, 0).saturating_mul(input.into()))
    }
    fn leave_gang() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(5, 5))
    }
    fn examine_offers(offers: u32) -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads(offers.into()))
    }
    fn settle_jobs(jobs: u32) -> Weight {
        let one = Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(8, 8));
        one.saturating_mul(jobs.into())
    }
    fn time_out_job() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(14, 10))
    }
    fn delegate() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn undelegate() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn withdraw_delegation() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn open_auction() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn cancel_auction() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn commit_bid() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn reveal_bid() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn share_reward() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(4, 4))
    }
    fn submit_leased_job(input: u32) -> Weight {
        Weight::from_parts(30_000_000, 8_000)
            .saturating_add(Weight::from_parts(4_000, 0).saturating_mul(input.into()))
            .saturating_add(RocksDbWeight::get().reads_writes(8, 5))
    }
    fn clear_auction(bids: u32, machines: u32) -> Weight {
        let db = RocksDbWeight::get();
        Weight::from_parts(30_000_000, 8_000)
            .saturating_add(db.reads_writes(3, 3).saturating_mul(bids.into()))
            .saturating_add(db.reads_writes(1, 1).saturating_mul(machines.into()))
    }
    fn end_lease(machines: u32) -> Weight {
        let db = RocksDbWeight::get();
        Weight::from_parts(30_000_000, 8_000)
            .saturating_add(db.reads_writes(5, 5).saturating_mul(machines.into()))
    }
    fn serve_queue_base() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
    fn serve_queue_list() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
    fn list_offers(_: u32) -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
    fn delist_offers(_: u32) -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
    fn archive_era_work() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
    fn serve_queue_passed() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
    fn decline_job() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
    fn cancel_job() -> Weight {
        Weight::from_parts(30_000_000, 4_000)
            .saturating_add(RocksDbWeight::get().reads_writes(1, 1))
    }
}
