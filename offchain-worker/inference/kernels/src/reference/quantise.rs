//! Activations as 8-bit integers with a scale for each block.

use super::block::{K_BLOCK, SMALL_BLOCK};
use crate::{float::Float, NonFinite};
use alloc::vec::Vec;

/// Below it, the greatest magnitude of a block counts as zero: 2^-76. The scale times the least binary16
/// number is then no subnormal, at which some machines are slow.
pub const LEAST: f32 = f32::from_bits(0x1980_0000);

/// 32 activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmallBlock<F> {
    /// What one unit of a value stands for.
    pub scale: F,
    /// The values, −127 to 127.
    pub values: [i8; SMALL_BLOCK],
    /// `scale · Σ values`
    pub scaled_sum: F,
}

/// 256 activations, for weights in super-blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuperBlock<F> {
    /// What one unit of a value stands for.
    pub scale: F,
    /// The values, −127 to 127.
    pub values: [i8; K_BLOCK],
    /// The sums of 32 values each.
    pub sums: [i32; K_BLOCK / SMALL_BLOCK],
}

/// A vector of activations, as the products want it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quantised<F> {
    /// In blocks of 32.
    Small(Vec<SmallBlock<F>>),
    /// In blocks of 256.
    Super(Vec<SuperBlock<F>>),
}

impl<F: Float> Quantised<F> {
    /// Quantises in blocks of 32; the length of `x` is a multiple of it.
    pub fn small(x: &[F]) -> Result<Self, NonFinite> {
        x.chunks_exact(SMALL_BLOCK)
            .map(small_block)
            .collect::<Result<_, _>>()
            .map(Self::Small)
    }

    /// Quantises in blocks of 256; the length of `x` is a multiple of it.
    pub fn super_blocks(x: &[F]) -> Result<Self, NonFinite> {
        x.chunks_exact(K_BLOCK)
            .map(super_block)
            .collect::<Result<_, _>>()
            .map(Self::Super)
    }
}

fn small_block<F: Float>(x: &[F]) -> Result<SmallBlock<F>, NonFinite> {
    let mut values = [0; SMALL_BLOCK];
    let scale = quantise(x, &mut values)?;
    let scaled_sum = scale.mul(F::from_i32(sum(&values)));
    Ok(SmallBlock {
        scale,
        values,
        scaled_sum,
    })
}

fn super_block<F: Float>(x: &[F]) -> Result<SuperBlock<F>, NonFinite> {
    let mut values = [0; K_BLOCK];
    let scale = quantise(x, &mut values)?;
    let mut sums = [0; K_BLOCK / SMALL_BLOCK];
    for (sum_of, part) in sums.iter_mut().zip(values.chunks_exact(SMALL_BLOCK)) {
        *sum_of = sum(part);
    }
    Ok(SuperBlock {
        scale,
        values,
        sums,
    })
}

fn sum(values: &[i8]) -> i32 {
    values.iter().map(|v| i32::from(*v)).sum()
}

/// Sets the values and gives the scale.
///
/// No value needs clamping: two roundings of `x · (127 / greatest)` come nowhere near 127.5.
fn quantise<F: Float>(x: &[F], values: &mut [i8]) -> Result<F, NonFinite> {
    // Magnitudes compare as their bits do, and a NaN is above all.
    let magnitude = |x: &F| x.to_bits() & 0x7fff_ffff;
    let greatest = F::from_bits(x.iter().map(magnitude).max().unwrap_or(0));
    if !greatest.is_finite() {
        return Err(NonFinite);
    }
    if greatest.less(F::of(LEAST)) {
        return Ok(F::of(0.0));
    }
    let inverse = F::of(127.0).div(greatest);
    for (value, x) in values.iter_mut().zip(x) {
        *value = x.mul(inverse).to_i32() as i8;
    }
    Ok(greatest.div(F::of(127.0)))
}
