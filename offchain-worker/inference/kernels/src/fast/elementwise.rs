//! Norms and gates.

use super::{
    dispatch::{InstructionSet, Kernel},
    lanes::{Lanes, WIDTH},
    threads::Threads,
};
use crate::{
    reference::{exponential_terms as terms, lane_sum},
    NonFinite,
};

/// `e^x` in each lane, as [`crate::reference::exponential`] has it.
#[inline(always)]
pub(super) unsafe fn exponential<L: Lanes>(x: L::Floats) -> L::Floats {
    unsafe {
        let (least, most) = (L::splat(terms::LEAST), L::splat(terms::MOST));
        let clamped = L::where_less(most, x, most, x);
        let n = L::to_ints(L::mul(clamped, L::splat(terms::LOG2_E)));
        let count = L::to_floats(n);
        let r = L::fma(count, L::splat(-terms::LN2_HIGH), clamped);
        let r = L::fma(count, L::splat(-terms::LN2_LOW), r);
        let mut power = L::splat(terms::COEFFICIENTS[0]);
        for coefficient in &terms::COEFFICIENTS[1..] {
            power = L::fma(power, r, L::splat(*coefficient));
        }
        let power = L::mul(power, L::power_of_two(n));
        L::where_less(x, least, L::splat(0.0), power)
    }
}

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
            let mean = unsafe { sum_of_squares::<L>(x) } / len as f32 + self.epsilon;
            let inverse = 1.0 / mean.sqrt();
            if !(mean.is_finite() && inverse.is_finite()) {
                return Err(NonFinite);
            }
            let rows = out.iter_mut().zip(x).zip(self.weight);
            rows.for_each(|((out, x), w)| *out = x * inverse * w);
        }
        Ok(())
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

/// `gate / (1 + e^−gate) · up`, into `gate`.
pub fn gate(set: InstructionSet, threads: &Threads, gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len());
    threads.split_rows(GATES, up, gate, |up, gate| set.run(Gate { gate, up }));
}

/// Gates that are shared out together.
const GATES: usize = 256;

/// Adds `y` to `x`.
pub fn add(x: &mut [f32], y: &[f32]) {
    assert_eq!(x.len(), y.len());
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// Multiplies all of `x` by `factor`.
pub fn scale(x: &mut [f32], factor: f32) {
    x.iter_mut().for_each(|x| *x *= factor);
}

struct Gate<'a> {
    gate: &'a mut [f32],
    up: &'a [f32],
}

impl Kernel for Gate<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let (whole, rest) = self.gate.as_chunks_mut::<WIDTH>();
        let (ups, rest_of_ups) = self.up.as_chunks::<WIDTH>();
        for (gate, up) in whole.iter_mut().zip(ups) {
            unsafe { gated::<L>(gate, up) };
        }
        let (mut gate, mut up) = ([0.0; WIDTH], [0.0; WIDTH]);
        gate[..rest.len()].copy_from_slice(rest);
        up[..rest.len()].copy_from_slice(rest_of_ups);
        unsafe { gated::<L>(&mut gate, &up) };
        rest.copy_from_slice(&gate[..rest.len()]);
    }
}

#[inline(always)]
unsafe fn gated<L: Lanes>(gate: &mut [f32; WIDTH], up: &[f32; WIDTH]) {
    unsafe {
        let x = L::load(gate.as_ptr());
        let divisor = L::add(L::splat(1.0), exponential::<L>(L::neg(x)));
        let gated = L::mul(L::div(x, divisor), L::load(up.as_ptr()));
        L::store(gate.as_mut_ptr(), gated);
    }
}

/// `e^((x − greatest) · factor)` for each of `x`, into `out`.
pub fn likelihoods(set: InstructionSet, x: &[f32], greatest: f32, factor: f32, out: &mut [f32]) {
    assert_eq!(x.len(), out.len());
    set.run(Likelihoods {
        x,
        greatest,
        factor,
        out,
    });
}

struct Likelihoods<'a> {
    x: &'a [f32],
    greatest: f32,
    factor: f32,
    out: &'a mut [f32],
}

impl Kernel for Likelihoods<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        for (x, out) in self.x.chunks(WIDTH).zip(self.out.chunks_mut(WIDTH)) {
            let mut lanes = [0.0; WIDTH];
            lanes[..x.len()].copy_from_slice(x);
            unsafe {
                let below = L::sub(L::load(lanes.as_ptr()), L::splat(self.greatest));
                let power = exponential::<L>(L::mul(below, L::splat(self.factor)));
                L::store(lanes.as_mut_ptr(), power);
            }
            out.copy_from_slice(&lanes[..out.len()]);
        }
    }
}
