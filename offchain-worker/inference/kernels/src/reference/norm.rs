//! The norm: two passes, the sum in 16 partial sums.

use super::sum::{lane_sum, LANES};
use crate::{float::Float, NonFinite};
use alloc::vec::Vec;

/// `x / sqrt(mean(x²) + epsilon) · weight`
pub fn rms_norm<F: Float>(x: &[F], weight: &[F], epsilon: F) -> Result<Vec<F>, NonFinite> {
    let mean = sum_of_squares(x.iter().copied()).div(length(x));
    let inverse = inverse_root(mean.add(epsilon))?;
    let normal = x.iter().zip(weight);
    Ok(normal.map(|(x, w)| x.mul(inverse).mul(*w)).collect())
}

fn length<F: Float>(x: &[F]) -> F {
    F::from_i32(x.len() as i32)
}

/// `1 / sqrt(x)`, in two roundings.
fn inverse_root<F: Float>(x: F) -> Result<F, NonFinite> {
    let inverse = F::of(1.0).div(x.sqrt());
    if x.is_finite() && inverse.is_finite() {
        Ok(inverse)
    } else {
        Err(NonFinite)
    }
}

fn sum_of_squares<F: Float>(x: impl Iterator<Item = F>) -> F {
    let mut lanes = [F::of(0.0); LANES];
    for (i, x) in x.enumerate() {
        lanes[i % LANES] = x.fma(x, lanes[i % LANES]);
    }
    lane_sum(lanes)
}
