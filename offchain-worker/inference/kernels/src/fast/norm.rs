//! Norms of rows.

use super::{
    dispatch::{InstructionSet, Kernel},
    lanes::{Lanes, WIDTH},
    threads::Threads,
};
use crate::{reference::lane_sum, NonFinite};

/// The sum of the lanes, in the one order.
#[inline(always)]
pub(super) unsafe fn sum_lanes<L: Lanes>(x: L::Floats) -> f32 {
    let mut lanes = [0.0; WIDTH];
    unsafe { L::store(lanes.as_mut_ptr(), x) };
    lane_sum(lanes.map(crate::float::Hard)).0
}

/// `x / sqrt(mean(x²) + epsilon) · weight` for each row of `x`; rows are as long as `weight`.
pub fn rms_norm(
    set: InstructionSet,
    threads: &Threads,
    x: &[f32],
    weight: &[f32],
    epsilon: f32,
    out: &mut [f32],
) -> Result<(), NonFinite> {
    assert!(x.len() == out.len() && x.len().is_multiple_of(weight.len()));
    let norm = |x: &[f32], out: &mut [f32]| {
        set.run(RmsNorm {
            x,
            weight,
            epsilon,
            out,
        })
    };
    threads
        .split_rows(weight.len(), x, out, norm)
        .into_iter()
        .collect()
}

struct RmsNorm<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    epsilon: f32,
    out: &'a mut [f32],
}

impl Kernel for RmsNorm<'_> {
    type Output = Result<(), NonFinite>;

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) -> Result<(), NonFinite> {
        let len = self.weight.len();
        for (x, out) in self.x.chunks_exact(len).zip(self.out.chunks_exact_mut(len)) {
            let mean = unsafe { sum_of_squares::<L>(x) } / len as f32;
            let inverse = inverse_root(mean + self.epsilon)?;
            let rows = out.iter_mut().zip(x).zip(self.weight);
            rows.for_each(|((out, x), w)| *out = x * inverse * w);
        }
        Ok(())
    }
}

/// `1 / sqrt(x)`, in two roundings.
#[inline(always)]
fn inverse_root(x: f32) -> Result<f32, NonFinite> {
    let inverse = 1.0 / x.sqrt();
    match x.is_finite() && inverse.is_finite() {
        true => Ok(inverse),
        false => Err(NonFinite),
    }
}

#[inline(always)]
unsafe fn sum_of_squares<L: Lanes>(x: &[f32]) -> f32 {
    let (whole, rest) = x.as_chunks::<WIDTH>();
    unsafe {
        let mut sum = L::splat(0.0);
        for x in whole {
            let x = L::load(x.as_ptr());
            sum = L::fma(x, x, sum);
        }
        // Zeros at the end change no partial sum: none is −0.
        let mut last = [0.0; WIDTH];
        last[..rest.len()].copy_from_slice(rest);
        let last = L::load(last.as_ptr());
        sum_lanes::<L>(L::fma(last, last, sum))
    }
}

/// `(x − mean) / sqrt(variance + epsilon) · weight + bias` for each row of `x`; rows are as long as
/// `weight` and `bias`, whole vectors.
pub fn layer_norm(
    set: InstructionSet,
    threads: &Threads,
    x: &mut [f32],
    (weight, bias): (&[f32], &[f32]),
    epsilon: f32,
) -> Result<(), NonFinite> {
    assert!(weight.len() == bias.len() && weight.len().is_multiple_of(WIDTH));
    assert!(x.len().is_multiple_of(weight.len()));
    let norm = |x: &mut [f32]| {
        set.run(LayerNorm {
            x,
            weight,
            bias,
            epsilon,
        })
    };
    let normed = threads.split_mut(weight.len(), x, norm);
    normed.into_iter().collect()
}

struct LayerNorm<'a> {
    x: &'a mut [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    epsilon: f32,
}

impl Kernel for LayerNorm<'_> {
    type Output = Result<(), NonFinite>;

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) -> Result<(), NonFinite> {
        let len = self.weight.len();
        for x in self.x.chunks_exact_mut(len) {
            let mean = unsafe { sum::<L>(x) } / len as f32;
            x.iter_mut().for_each(|x| *x -= mean);
            let variance = unsafe { sum_of_squares::<L>(x) } / len as f32;
            let inverse = inverse_root(variance + self.epsilon)?;
            let (weights, biases) = (self.weight.as_chunks::<WIDTH>().0, self.bias.as_chunks().0);
            let vectors = x.as_chunks_mut::<WIDTH>().0.iter_mut();
            for (x, (weight, bias)) in vectors.zip(weights.iter().zip(biases)) {
                unsafe { scale_and_shift::<L>(x, inverse, weight, bias) };
            }
        }
        Ok(())
    }
}

#[inline(always)]
unsafe fn scale_and_shift<L: Lanes>(
    x: &mut [f32; WIDTH],
    factor: f32,
    weight: &[f32; WIDTH],
    bias: &[f32; WIDTH],
) {
    unsafe {
        let scaled = L::mul(L::load(x.as_ptr()), L::splat(factor));
        let (weight, bias) = (L::load(weight.as_ptr()), L::load(bias.as_ptr()));
        L::store(x.as_mut_ptr(), L::fma(scaled, weight, bias));
    }
}

/// The sum of whole vectors.
#[inline(always)]
unsafe fn sum<L: Lanes>(x: &[f32]) -> f32 {
    unsafe {
        let mut sum = L::splat(0.0);
        for x in x.chunks_exact(WIDTH) {
            sum = L::add(sum, L::load(x.as_ptr()));
        }
        sum_lanes::<L>(sum)
    }
}
