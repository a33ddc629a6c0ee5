//! What is done to each number by itself.

use super::{
    dispatch::{InstructionSet, Kernel},
    lanes::{Lanes, WIDTH},
    threads::Threads,
};
use crate::reference::{exponential_terms as terms, gelu_terms};

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

/// `gate / (1 + e^−gate) · up`, into `gate`.
pub fn gate(set: InstructionSet, threads: &Threads, gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len());
    threads.split_rows(SHARED, up, gate, |up, gate| set.run(Gate { gate, up }));
}

/// Numbers that are shared out together.
const SHARED: usize = 256;

/// `x · Φ(x)` for each of `x`.
pub fn gelu(set: InstructionSet, threads: &Threads, x: &mut [f32]) {
    threads.split_mut(SHARED, x, |x| set.run(Gelu { x }));
}

/// Adds `y` to `x`.
pub fn add(x: &mut [f32], y: &[f32]) {
    assert_eq!(x.len(), y.len());
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// Adds `row` to each row of `x`.
pub fn add_to_rows(x: &mut [f32], row: &[f32]) {
    assert!(x.len().is_multiple_of(row.len()));
    x.chunks_exact_mut(row.len()).for_each(|x| add(x, row));
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

struct Gelu<'a> {
    x: &'a mut [f32],
}

impl Kernel for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let (whole, rest) = self.x.as_chunks_mut::<WIDTH>();
        for x in whole {
            unsafe { gelu_of::<L>(x) };
        }
        let mut x = [0.0; WIDTH];
        x[..rest.len()].copy_from_slice(rest);
        unsafe { gelu_of::<L>(&mut x) };
        rest.copy_from_slice(&x[..rest.len()]);
    }
}

#[inline(always)]
unsafe fn gelu_of<L: Lanes>(x: &mut [f32; WIDTH]) {
    unsafe {
        let (zero, half, one) = (L::splat(0.0), L::splat(0.5), L::splat(1.0));
        let values = L::load(x.as_ptr());
        let magnitude = L::where_less(values, zero, L::neg(values), values);
        let z = L::mul(magnitude, L::splat(gelu_terms::SQRT_HALF));
        let t = L::div(one, L::fma(z, half, one));
        let mut power = L::splat(gelu_terms::TAIL_COEFFICIENTS[0]);
        for coefficient in &gelu_terms::TAIL_COEFFICIENTS[1..] {
            power = L::fma(power, t, L::splat(*coefficient));
        }
        let tail = exponential::<L>(L::fma(L::neg(z), z, power));
        let tail = L::mul(L::mul(t, tail), half);
        let share = L::where_less(values, zero, tail, L::sub(one, tail));
        L::store(x.as_mut_ptr(), L::mul(values, share));
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
