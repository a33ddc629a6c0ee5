//! One row of one matrix product: the step that a judge computes.

use super::{
    block::{half, Format, SmallWeights, SuperWeights},
    quantise::{Quantised, SmallBlock, SuperBlock},
};
use crate::float::Float;
use alloc::vec::Vec;

/// The product of a row of quantised weights, as its bytes stand in the file, and activations that are
/// quantised in blocks of the same length.
///
/// Within a block the products are summed up as integers, which is exact in any order; the blocks one
/// after the other, with one fused step for the scale and one for the least value.
pub fn dot_row<F: Float>(format: Format, row: &[u8], x: &Quantised<F>) -> F {
    let blocks = row.chunks_exact(format.block_bytes());
    let zero = F::of(0.0);
    match x {
        Quantised::Small(x) => {
            let weights = blocks.map(|b| SmallWeights::read(format, b));
            weights
                .zip(x)
                .fold(zero, |sum, (w, x)| add_small(sum, &w, x))
        }
        Quantised::Super(x) => {
            let weights = blocks.map(|b| SuperWeights::read(format, b));
            weights
                .zip(x)
                .fold(zero, |sum, (w, x)| add_super(sum, &w, x))
        }
    }
}

fn add_small<F: Float>(sum: F, weights: &SmallWeights, x: &SmallBlock<F>) -> F {
    let dot = dot(&weights.values, &x.values);
    let scale = half::<F>(weights.scale).mul(x.scale);
    let sum = scale.fma(F::from_i32(dot), sum);
    match weights.least {
        Some(least) => half::<F>(least).fma(x.scaled_sum, sum),
        None => sum,
    }
}

fn add_super<F: Float>(sum: F, weights: &SuperWeights, x: &SuperBlock<F>) -> F {
    let parts = weights
        .values
        .chunks_exact(16)
        .zip(x.values.chunks_exact(16));
    let scaled = parts.zip(weights.scales);
    // Below 2^28 in magnitude; beyond 2^24, the conversion rounds.
    let dot: i32 = scaled
        .map(|((w, x), scale)| i32::from(scale) * dot(w, x))
        .sum();
    let scale = half::<F>(weights.scale).mul(x.scale);
    let sum = scale.fma(F::from_i32(dot), sum);
    let Some(least) = weights.least else {
        return sum;
    };
    let leasts = weights.leasts.iter().zip(x.sums);
    let below: i32 = leasts.map(|(least, sum)| i32::from(*least) * sum).sum();
    let least = half::<F>(least).mul(x.scale).neg();
    least.fma(F::from_i32(below), sum)
}

fn dot(weights: &[i8], x: &[i8]) -> i32 {
    let pairs = weights.iter().zip(x);
    pairs.map(|(w, x)| i32::from(*w) * i32::from(*x)).sum()
}

/// The product of a row of floats and activations: ascending, fused, from +0.
pub fn dot_float_row<F: Float>(row: &[F], x: &[F]) -> F {
    let pairs = row.iter().zip(x);
    pairs.fold(F::of(0.0), |sum, (w, x)| x.fma(*w, sum))
}

/// A row of weights as floats: an embedding.
pub fn dequantise_row<F: Float>(format: Format, row: &[u8]) -> Vec<F> {
    let blocks = row.chunks_exact(format.block_bytes());
    match format {
        Format::F32 => blocks
            .map(|b| F::from_bits(u32::from_le_bytes([b[0], b[1], b[2], b[3]])))
            .collect(),
        Format::F16 => blocks
            .map(|b| half(u16::from_le_bytes([b[0], b[1]])))
            .collect(),
        Format::Q4K | Format::Q6K => blocks
            .map(|b| SuperWeights::read(format, b))
            .flat_map(|w| w.floats::<F>())
            .collect(),
        _ => blocks
            .map(|b| SmallWeights::read(format, b))
            .flat_map(|w| w.floats::<F>())
            .collect(),
    }
}
