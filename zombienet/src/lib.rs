//! Networks of several Kagari nodes, as separate processes of one machine, and what a test needs in
//! order to use them: the market's calls, the nodes' own RPC, progress, and a table of the outcome.
//!
//! The nodes are run by zombienet with its native provider. Which binary they run and where the models
//! lie comes from the environment: see [`Settings`].

pub mod chain;
pub mod compute_rpc;
pub mod job;
pub mod network;
pub mod progress;
pub mod settings;
pub mod table;

pub use chain::Chain;
pub use compute_rpc::ComputeRpc;
pub use network::Network;
pub use progress::Progress;
pub use settings::Settings;
pub use table::Table;

/// One KGR, in the smallest unit that amounts are counted in.
pub const KGR: u128 = 1_000_000_000_000;

/// Multiply-accumulates in one work unit.
pub const MACS_PER_WORK_UNIT: u128 = 1_000_000_000;

/// An amount for people, in KGR.
pub fn kgr(amount: u128) -> String {
    let text = format!("{}.{:012}", amount / KGR, amount % KGR);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// What `work` multiply-accumulates cost at `price` per work unit: rounded up, as on the chain.
pub fn price_of(price: u128, work: u64) -> u128 {
    (price * u128::from(work)).div_ceil(MACS_PER_WORK_UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_in_kgr() {
        assert_eq!(kgr(0), "0");
        assert_eq!(kgr(3 * KGR), "3");
        assert_eq!(kgr(KGR / 400), "0.0025");
        assert_eq!(kgr(100 * KGR + 1), "100.000000000001");
    }

    #[test]
    fn a_part_of_a_work_unit_is_rounded_up() {
        assert_eq!(price_of(5, 1_000_000_000), 5);
        assert_eq!(price_of(5, 1_000_000_001), 6);
        assert_eq!(price_of(0, 7), 0);
    }
}
