//! One query's attention over the keys and values up to its position.

use super::{
    exponential::exponential,
    sum::{lane_sum, LANES},
};
use crate::{float::Float, NonFinite};
use alloc::{vec, vec::Vec};

/// What a query is multiplied by: `1 / sqrt(width)`, in two roundings.
pub fn score_scale<F: Float>(width: usize) -> F {
    F::of(1.0).div(F::from_i32(width as i32).sqrt())
}

/// Rotates neighbouring pairs of a head by the angles of its position (RoPE as Llama's files want it).
pub fn rotate<F: Float>(head: &mut [F], cos: &[F], sin: &[F]) {
    for (pair, (cos, sin)) in head.chunks_exact_mut(2).zip(cos.iter().zip(sin)) {
        (pair[0], pair[1]) = rotated(pair[0], pair[1], *cos, *sin);
    }
}

/// Rotates each element of a head's first half with its fellow in the second (RoPE as Qwen's files
/// want it).
pub fn rotate_halves<F: Float>(head: &mut [F], cos: &[F], sin: &[F]) {
    let (first, second) = head.split_at_mut(head.len() / 2);
    for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(cos.iter().zip(sin)) {
        (*a, *b) = rotated(*a, *b, *cos, *sin);
    }
}

fn rotated<F: Float>(a: F, b: F, cos: F, sin: F) -> (F, F) {
    (a.fma(cos, b.mul(sin).neg()), b.fma(cos, a.mul(sin)))
}

/// Attention of one query head, scaled and rotated, over `keys` and `values`: as many rows of its
/// width as there are positions up to its own.
pub fn attend<F: Float>(query: &[F], keys: &[F], values: &[F]) -> Result<Vec<F>, NonFinite> {
    let width = query.len();
    let scores: Vec<F> = keys
        .chunks_exact(width)
        .map(|key| dot(query, key))
        .collect();
    let mut greatest = scores.first().copied().ok_or(NonFinite)?;
    for score in &scores {
        if greatest.less(*score) {
            greatest = *score;
        }
    }
    let below = greatest.neg();
    let shares: Vec<F> = scores
        .iter()
        .map(|score| exponential(score.add(below)))
        .collect();

    let mut lanes = [F::of(0.0); LANES];
    let mut mixed = vec![F::of(0.0); width];
    for (i, (share, value)) in shares.iter().zip(values.chunks_exact(width)).enumerate() {
        lanes[i % LANES] = lanes[i % LANES].add(*share);
        for (sum, v) in mixed.iter_mut().zip(value) {
            *sum = share.fma(*v, *sum);
        }
    }
    let sum = lane_sum(lanes);
    if !sum.is_finite() {
        return Err(NonFinite);
    }
    Ok(mixed.into_iter().map(|m| m.div(sum)).collect())
}

/// Over the width ascending, fused, from +0.
fn dot<F: Float>(query: &[F], key: &[F]) -> F {
    let pairs = query.iter().zip(key);
    pairs.fold(F::of(0.0), |sum, (q, k)| q.fma(*k, sum))
}
