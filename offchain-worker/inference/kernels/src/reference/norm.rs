//! Norms: each sum in 16 partial sums.

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

/// `(x − mean) / sqrt(variance + epsilon) · weight + bias`: the deviations first, then their squares.
pub fn layer_norm<F: Float>(
    x: &[F],
    weight: &[F],
    bias: &[F],
    epsilon: F,
) -> Result<Vec<F>, NonFinite> {
    let below = sum(x).div(length(x)).neg();
    let deviations: Vec<F> = x.iter().map(|x| x.add(below)).collect();
    let variance = sum_of_squares(deviations.iter().copied()).div(length(x));
    let inverse = inverse_root(variance.add(epsilon))?;
    let normal = deviations.iter().zip(weight.iter().zip(bias));
    Ok(normal
        .map(|(x, (w, b))| x.mul(inverse).fma(*w, *b))
        .collect())
}

/// The mean of rows as long as `width`, brought to length 1: each element's sum over the rows in their
/// order.
pub fn mean_direction<F: Float>(rows: &[F], width: usize) -> Result<Vec<F>, NonFinite> {
    let mut sums = alloc::vec![F::of(0.0); width];
    for row in rows.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(s, x)| *s = s.add(*x));
    }
    let count = F::from_i32((rows.len() / width) as i32);
    let mean: Vec<F> = sums.into_iter().map(|s| s.div(count)).collect();
    let length = sum_of_squares(mean.iter().copied()).sqrt();
    let direction: Vec<F> = mean.into_iter().map(|x| x.div(length)).collect();
    match direction.iter().all(|x| x.is_finite()) {
        true => Ok(direction),
        false => Err(NonFinite),
    }
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

fn sum<F: Float>(x: &[F]) -> F {
    let mut lanes = [F::of(0.0); LANES];
    for (i, x) in x.iter().enumerate() {
        lanes[i % LANES] = lanes[i % LANES].add(*x);
    }
    lane_sum(lanes)
}

fn sum_of_squares<F: Float>(x: impl Iterator<Item = F>) -> F {
    let mut lanes = [F::of(0.0); LANES];
    for (i, x) in x.enumerate() {
        lanes[i % LANES] = x.fma(x, lanes[i % LANES]);
    }
    lane_sum(lanes)
}
