//! The gate of a feed-forward network.

use super::exponential::exponential;
use crate::float::Float;

/// `gate / (1 + e^−gate) · up`
pub fn gated<F: Float>(gate: F, up: F) -> F {
    let one = F::of(1.0);
    gate.div(one.add(exponential(gate.neg()))).mul(up)
}
