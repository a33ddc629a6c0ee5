//! IEEE 754 binary32 in integers: what the judge computes with, where a float instruction's NaN could
//! differ from one machine to another. Every operation rounds once, to nearest, ties to even.

use crate::float::Float;

/// Bits of the stored significand.
const STORED: u32 = 23;
const INFINITY: u32 = 0x7f80_0000;
const NAN: u32 = 0x7fc0_0000;
const SIGN: u32 = 0x8000_0000;
const ONE: Soft = Soft(0x3f80_0000);

/// A binary32 number, by its bits. Every NaN that an operation gives is the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Soft(u32);

/// A finite number that is not zero: `±significand · 2^exponent`, the significand of 24 bits.
struct Parts {
    negative: bool,
    significand: u32,
    exponent: i32,
}

impl Soft {
    fn negative(self) -> bool {
        self.0 & SIGN != 0
    }

    fn magnitude(self) -> u32 {
        self.0 & !SIGN
    }

    fn is_nan(self) -> bool {
        self.magnitude() > INFINITY
    }

    fn is_infinite(self) -> bool {
        self.magnitude() == INFINITY
    }

    fn is_zero(self) -> bool {
        self.magnitude() == 0
    }

    fn infinity(negative: bool) -> Self {
        Self(INFINITY | u32::from(negative) << 31)
    }

    fn zero(negative: bool) -> Self {
        Self(u32::from(negative) << 31)
    }

    /// `value · 2^−point`, rounded.
    pub fn from_fixed(value: i64, point: u32) -> Self {
        round(value < 0, value.unsigned_abs(), -(point as i32))
    }

    fn parts(self) -> Parts {
        let stored = self.magnitude() & ((1 << STORED) - 1);
        let field = (self.magnitude() >> STORED) as i32;
        let (significand, exponent) = if field == 0 {
            // Below the smallest normal number: the significand is shifted up to 24 bits.
            let shift = stored.leading_zeros() - 8;
            (stored << shift, -149 - shift as i32)
        } else {
            (stored | 1 << STORED, field - 150)
        };
        Parts {
            negative: self.negative(),
            significand,
            exponent,
        }
    }
}

/// `±significand · 2^exponent`, rounded. Of what lies below the significand's last bit, the last bit
/// tells that there is something.
fn round(negative: bool, significand: u64, exponent: i32) -> Soft {
    if significand == 0 {
        return Soft::zero(negative);
    }
    let up = significand.leading_zeros();
    let significand = u128::from(significand << up);
    // Exponent of the leading bit.
    let leading = exponent - up as i32 + 63;
    if leading > 127 {
        return Soft::infinity(negative);
    }
    let below_normal = (-126 - leading).clamp(0, 26) as u32;
    let shift = 40 + below_normal;
    let (kept, lost) = (significand >> shift, significand & ((1 << shift) - 1));
    let half = 1u128 << (shift - 1);
    let kept = kept as u32 + u32::from(lost > half || (lost == half && kept & 1 == 1));
    // A carry out of the significand goes up into the exponent, to infinity at the top.
    let field = if below_normal > 0 { 0 } else { leading + 126 };
    Soft((u32::from(negative) << 31) | (((field as u32) << STORED) + kept))
}

/// The same for a significand of up to 127 bits.
fn round_wide(negative: bool, significand: u128, exponent: i32) -> Soft {
    let excess = 64u32.saturating_sub(significand.leading_zeros());
    let lost = significand & ((1 << excess) - 1);
    let kept = (significand >> excess) as u64 | u64::from(lost != 0);
    round(negative, kept, exponent + excess as i32)
}

/// The exact sum of `product · 2^scale` and `addend`, rounded. The product has 47 or 48 bits.
fn add_to_product(negative: bool, product: u64, scale: i32, addend: Parts) -> Soft {
    let significand = i128::from(addend.significand);
    let (product, distance) = (i128::from(product), scale - addend.exponent);
    // Beyond these distances, the smaller of the two is no more than a hint for the rounding.
    let (product, significand, exponent) = match distance {
        77.. => (product << 40, 1, scale - 40),
        0..=76 => (product << distance, significand, addend.exponent),
        -100..=-1 => (product, significand << -distance, scale),
        _ => (1, significand << 50, addend.exponent - 50),
    };
    let signed = |negative, value: i128| if negative { -value } else { value };
    let sum = signed(negative, product) + signed(addend.negative, significand);
    // A sum of zero of two that are none is +0.
    round_wide(sum < 0, sum.unsigned_abs(), exponent)
}

/// `a · b + c`, one of them infinite and none a NaN.
fn add_to_infinite(a: Soft, b: Soft, c: Soft) -> Soft {
    if !a.is_infinite() && !b.is_infinite() {
        return c;
    }
    let product = a.mul(b);
    let opposed = c.is_infinite() && product.negative() != c.negative();
    if product.is_nan() || opposed {
        Soft(NAN)
    } else {
        product
    }
}

impl Float for Soft {
    fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    fn to_bits(self) -> u32 {
        self.0
    }

    fn add(self, other: Self) -> Self {
        self.fma(ONE, other)
    }

    fn neg(self) -> Self {
        Self(self.0 ^ SIGN)
    }

    fn mul(self, other: Self) -> Self {
        let negative = self.negative() != other.negative();
        if self.is_nan() || other.is_nan() {
            return Self(NAN);
        }
        if self.is_infinite() || other.is_infinite() {
            let undefined = self.is_zero() || other.is_zero();
            return if undefined {
                Self(NAN)
            } else {
                Self::infinity(negative)
            };
        }
        if self.is_zero() || other.is_zero() {
            return Self::zero(negative);
        }
        let (a, b) = (self.parts(), other.parts());
        let product = u64::from(a.significand) * u64::from(b.significand);
        round(negative, product, a.exponent + b.exponent)
    }

    fn fma(self, factor: Self, addend: Self) -> Self {
        if self.is_nan() || factor.is_nan() || addend.is_nan() {
            return Self(NAN);
        }
        if self.is_infinite() || factor.is_infinite() || addend.is_infinite() {
            return add_to_infinite(self, factor, addend);
        }
        let negative = self.negative() != factor.negative();
        if self.is_zero() || factor.is_zero() {
            let both_zero = addend.is_zero();
            return if both_zero {
                Self::zero(negative && addend.negative())
            } else {
                addend
            };
        }
        if addend.is_zero() {
            return self.mul(factor);
        }
        let (a, b) = (self.parts(), factor.parts());
        let product = u64::from(a.significand) * u64::from(b.significand);
        add_to_product(negative, product, a.exponent + b.exponent, addend.parts())
    }

    fn div(self, divisor: Self) -> Self {
        let negative = self.negative() != divisor.negative();
        let undefined =
            (self.is_zero() && divisor.is_zero()) || (self.is_infinite() && divisor.is_infinite());
        if self.is_nan() || divisor.is_nan() || undefined {
            return Self(NAN);
        }
        if self.is_infinite() || divisor.is_zero() {
            return Self::infinity(negative);
        }
        if self.is_zero() || divisor.is_infinite() {
            return Self::zero(negative);
        }
        let (a, b) = (self.parts(), divisor.parts());
        let dividend = u64::from(a.significand) << 38;
        let (quotient, rest) = (
            dividend / u64::from(b.significand),
            dividend % u64::from(b.significand),
        );
        let exponent = a.exponent - b.exponent - 39;
        round(negative, quotient << 1 | u64::from(rest != 0), exponent)
    }

    fn sqrt(self) -> Self {
        if self.is_zero() {
            return self;
        }
        if self.is_nan() || self.negative() {
            return Self(NAN);
        }
        if self.is_infinite() {
            return self;
        }
        let Parts {
            significand,
            exponent,
            ..
        } = self.parts();
        let odd = exponent.rem_euclid(2);
        let square = u64::from(significand) << (38 + odd);
        let root = square.isqrt();
        let exact = root * root == square;
        let exponent = (exponent - odd - 38) / 2 - 1;
        round(false, root << 1 | u64::from(!exact), exponent)
    }

    fn from_i32(value: i32) -> Self {
        Self::from_fixed(value.into(), 0)
    }

    fn to_i32(self) -> i32 {
        if self.is_zero() || self.magnitude() >= INFINITY {
            return 0;
        }
        let Parts {
            negative,
            significand,
            exponent,
        } = self.parts();
        let magnitude = match exponent {
            0..=7 => i64::from(significand) << exponent,
            -25..=-1 => {
                let shift = exponent.unsigned_abs();
                let (kept, lost) = (significand >> shift, significand & ((1 << shift) - 1));
                let half = 1 << (shift - 1);
                i64::from(kept + u32::from(lost > half || (lost == half && kept & 1 == 1)))
            }
            _ => 0,
        };
        if negative {
            -magnitude as i32
        } else {
            magnitude as i32
        }
    }

    fn less(self, other: Self) -> bool {
        if self.is_nan() || other.is_nan() || (self.is_zero() && other.is_zero()) {
            return false;
        }
        match (self.negative(), other.negative()) {
            (false, false) => self.0 < other.0,
            (true, true) => self.0 > other.0,
            (negative, _) => negative,
        }
    }
}
