//! Weights of this chain's own pallets, as `scripts/bench-weights.sh` measures them.

pub mod pallet_compute_market;
pub mod pallet_proof_of_work_done;
