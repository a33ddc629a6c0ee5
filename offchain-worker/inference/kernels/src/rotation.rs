//! The angles by which heads are rotated: sines and cosines, in integers throughout, correct to the
//! last bit but for the rarest ties.

use crate::{float::Float, soft::Soft};

/// Fractional bits of the fixed-point numbers here.
const POINT: u32 = 62;
const ONE: u128 = 1 << POINT;
/// `2^64 / 2π`: a radian as a fraction of a turn.
const TURN_PER_RADIAN: u128 = 0x28be_60db_9391_054a;
/// `π / 2`, with 62 fractional bits.
const QUARTER: u128 = 0x6487_ed51_10b4_611a;

/// How far each pair of a head of `width` turns from one position to the next, in 2^-64 turns:
/// pair `i` by `base^(−2i/width)` radians. The base is 1 or more.
pub fn turns(base: f32, width: usize) -> impl Iterator<Item = u64> {
    let log = log2(base);
    (0..width / 2).map(move |pair| {
        let exponent = log * (2 * pair) as u128 / width as u128;
        ((power_of_half(exponent) * TURN_PER_RADIAN) >> POINT) as u64
    })
}

/// Cosine and sine, as bits of binary32, at a position for a pair that turns so far.
pub fn angle(turn: u64, position: u32) -> (u32, u32) {
    let fraction = turn.wrapping_mul(position.into());
    let (quarter, rest) = (fraction >> POINT, u128::from(fraction) & (ONE - 1));
    let angle = (rest * QUARTER) >> POINT;
    let (cos, sin) = (cosine(angle), sine(angle));
    let (cos, sin) = match quarter {
        0 => (cos, sin),
        1 => (-sin, cos),
        2 => (-cos, -sin),
        _ => (sin, -cos),
    };
    (to_bits(cos), to_bits(sin))
}

/// The logarithm of a number of 1 or more, a bit at a time: squaring doubles the logarithm.
fn log2(x: f32) -> u128 {
    let bits = x.to_bits();
    let mut whole = u128::from((bits >> 23).saturating_sub(127));
    let mut power = u128::from(bits & 0x7f_ffff | 0x80_0000) << (POINT - 23);
    for _ in 0..POINT {
        power = (power * power) >> POINT;
        whole <<= 1;
        if power >= 2 * ONE {
            power >>= 1;
            whole |= 1;
        }
    }
    whole
}

/// `2^−exponent`: the product of the roots of one half that the exponent's bits name.
fn power_of_half(exponent: u128) -> u128 {
    let (whole, fraction) = ((exponent >> POINT) as u32, exponent & (ONE - 1));
    let (mut power, mut root) = (ONE, ONE / 2);
    for bit in (0..POINT).rev() {
        root = (root << POINT).isqrt();
        if fraction >> bit & 1 == 1 {
            power = (power * root) >> POINT;
        }
    }
    power.checked_shr(whole).unwrap_or(0)
}

/// The sine of an angle up to π/2.
fn sine(angle: u128) -> i128 {
    series(angle, angle as i128, 2)
}

/// The cosine of an angle up to π/2.
fn cosine(angle: u128) -> i128 {
    series(angle, ONE as i128, 1)
}

/// `first − first·x²/(n·(n+1)) + …`, until the terms vanish.
fn series(angle: u128, first: i128, mut n: i128) -> i128 {
    let square = ((angle * angle) >> POINT) as i128;
    let (mut sum, mut term) = (first, first);
    while term != 0 {
        term = -(((term * square) >> POINT) / (n * (n + 1)));
        sum += term;
        n += 2;
    }
    sum
}

/// The nearest binary32 number.
fn to_bits(value: i128) -> u32 {
    Soft::from_fixed(value as i64, POINT).to_bits()
}
