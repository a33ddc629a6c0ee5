//! The exponential function.

use crate::float::Float;

/// Below it, the function is zero: subnormal numbers, which some machines are slow at, do not come up.
pub const LEAST: f32 = -87.0;
/// Above it, the function stays what it is there.
pub const MOST: f32 = 88.0;
/// `1 / ln 2`
pub const LOG2_E: f32 = f32::from_bits(0x3fb8_aa3b);
/// `ln 2`, its first bits: a multiple of it by an integer below 256 is exact.
pub const LN2_HIGH: f32 = f32::from_bits(0x3f31_7200);
/// `ln 2`, the rest.
pub const LN2_LOW: f32 = f32::from_bits(0x35bf_be8e);
/// Coefficients of `e^r` for `|r| ≤ ln 2 / 2`, highest first: the minimax polynomial of degree 6
/// whose last two are 1 (relative error 3·10^-9 before rounding).
pub const COEFFICIENTS: [f32; 7] = [
    f32::from_bits(0x3ab5_11e8),
    f32::from_bits(0x3c09_1d10),
    f32::from_bits(0x3d2a_ac79),
    f32::from_bits(0x3e2a_aa49),
    f32::from_bits(0x3eff_fffe),
    1.0,
    1.0,
];

/// `e^x`: 0 below [`LEAST`], constant above [`MOST`].
///
/// `x = n · ln 2 + r`; a polynomial in `r` by Horner's rule, times `2^n`.
pub fn exponential<F: Float>(x: F) -> F {
    if x.less(F::of(LEAST)) {
        return F::of(0.0);
    }
    let x = if F::of(MOST).less(x) { F::of(MOST) } else { x };
    let n = x.mul(F::of(LOG2_E)).to_i32();
    let count = F::from_i32(n);
    let r = count.fma(F::of(-LN2_HIGH), x);
    let r = count.fma(F::of(-LN2_LOW), r);
    let mut power = F::of(COEFFICIENTS[0]);
    for coefficient in &COEFFICIENTS[1..] {
        power = power.fma(r, F::of(*coefficient));
    }
    // n is −126 to 127, but for a NaN, which stays one whatever it is multiplied by.
    let scale = F::from_bits((n.wrapping_add(127) as u32) << 23);
    power.mul(scale)
}
