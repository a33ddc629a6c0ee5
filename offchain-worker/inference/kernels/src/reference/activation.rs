//! What stands between the two products of a feed-forward network.

use super::exponential::exponential;
use crate::float::Float;

/// `gate / (1 + e^−gate) · up`
pub fn gated<F: Float>(gate: F, up: F) -> F {
    let one = F::of(1.0);
    gate.div(one.add(exponential(gate.neg()))).mul(up)
}

/// `1 / sqrt(2)`
pub const SQRT_HALF: f32 = f32::from_bits(0x3f35_04f3);
/// Coefficients of `ln(erfc(z) · e^(z²) / t)` for `t = 1 / (1 + z / 2)` and z from 0 to 9.4, highest
/// first: the minimax polynomial of degree 9 (error 4·10^-8 before rounding). Beyond, `e^(−z²)` is zero.
pub const TAIL_COEFFICIENTS: [f32; 10] = [
    f32::from_bits(0x3e0c_820b),
    f32::from_bits(0xbf23_7d9b),
    f32::from_bits(0x3f87_4d2b),
    f32::from_bits(0xbf10_23cc),
    f32::from_bits(0xbe43_7199),
    f32::from_bits(0x3d76_aa64),
    f32::from_bits(0x3c6d_61af),
    f32::from_bits(0x3ec8_1ef9),
    f32::from_bits(0x3f7f_861a),
    f32::from_bits(0xbfa1_f967),
];

/// GELU: `x · Φ(x)`, with the normal distribution's own Φ (Hendrycks and Gimpel, "Gaussian Error
/// Linear Units", 2016).
///
/// `Φ(−|x|) = erfc(z) / 2` for `z = |x| / sqrt(2)`, and `erfc(z) = t · e^(p(t) − z²)`.
pub fn gelu<F: Float>(x: F) -> F {
    let (half, one) = (F::of(0.5), F::of(1.0));
    let is_negative = x.less(F::of(0.0));
    let magnitude = if is_negative { x.neg() } else { x };
    let z = magnitude.mul(F::of(SQRT_HALF));
    let t = one.div(z.fma(half, one));
    let mut power = F::of(TAIL_COEFFICIENTS[0]);
    for coefficient in &TAIL_COEFFICIENTS[1..] {
        power = power.fma(t, F::of(*coefficient));
    }
    let tail = t.mul(exponential(z.neg().fma(z, power))).mul(half);
    x.mul(if is_negative {
        tail
    } else {
        one.add(tail.neg())
    })
}
