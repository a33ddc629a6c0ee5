//! What the specification needs of binary32 arithmetic.

/// Binary32 arithmetic: each operation rounds once, to nearest, ties to even.
///
/// The reference is written over this trait. The judge runs it on [`crate::soft::Soft`], tests and
/// machines without vector instructions on [`Hard`]; both give the same bits, but for which NaN a NaN
/// is, on which nothing depends.
pub trait Float: Copy {
    /// The number with these bits.
    fn from_bits(bits: u32) -> Self;
    /// Its bits.
    fn to_bits(self) -> u32;
    /// `self + other`
    fn add(self, other: Self) -> Self;
    /// `-self`: the sign flipped.
    fn neg(self) -> Self;
    /// `self · other`
    fn mul(self, other: Self) -> Self;
    /// `self · factor + addend`, rounded once.
    fn fma(self, factor: Self, addend: Self) -> Self;
    /// `self / divisor`
    fn div(self, divisor: Self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// An integer as a float.
    fn from_i32(value: i32) -> Self;
    /// The nearest integer, of two the even one. Below 2^31 in magnitude; for all else, some integer.
    fn to_i32(self) -> i32;
    /// `self < other`; false if either is a NaN, and for two zeros.
    fn less(self, other: Self) -> bool;

    /// The number that a literal names.
    fn of(value: f32) -> Self {
        Self::from_bits(value.to_bits())
    }

    /// Whether it is neither an infinity nor a NaN.
    fn is_finite(self) -> bool {
        self.to_bits() & 0x7f80_0000 != 0x7f80_0000
    }
}

/// The machine's own floats.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hard(pub f32);

#[cfg(feature = "std")]
impl Float for Hard {
    #[inline(always)]
    fn from_bits(bits: u32) -> Self {
        Self(f32::from_bits(bits))
    }

    #[inline(always)]
    fn to_bits(self) -> u32 {
        self.0.to_bits()
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    #[inline(always)]
    fn neg(self) -> Self {
        Self(-self.0)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }

    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        Self(fma(self.0, factor.0, addend.0))
    }

    #[inline(always)]
    fn div(self, divisor: Self) -> Self {
        Self(self.0 / divisor.0)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }

    #[inline(always)]
    fn from_i32(value: i32) -> Self {
        Self(value as f32)
    }

    #[inline(always)]
    fn to_i32(self) -> i32 {
        self.0.round_ties_even() as i32
    }

    #[inline(always)]
    fn less(self, other: Self) -> bool {
        self.0 < other.0
    }
}

/// `a · b + c`, rounded once, on machines that have no instruction for it too.
#[cfg(feature = "std")]
#[inline(always)]
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
        return a.mul_add(b, c);
    }
    // The product is exact in binary64. The sum is rounded to odd there, so that rounding it again, to
    // binary32, rounds the exact sum (Boldo and Melquiond, "Emulation of FMA and correctly rounded
    // sums: proved algorithms using rounding to odd", 2008).
    let (product, addend) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + addend;
    if !sum.is_finite() {
        return sum as f32;
    }
    // What the rounding lost (Knuth's two-sum).
    let from_addend = sum - product;
    let lost = (product - (sum - from_addend)) + (addend - from_addend);
    let bits = sum.to_bits();
    if lost == 0.0 || bits & 1 == 1 {
        return sum as f32;
    }
    let away_from_zero = (lost > 0.0) == (sum > 0.0);
    f64::from_bits(if away_from_zero { bits + 1 } else { bits - 1 }) as f32
}
