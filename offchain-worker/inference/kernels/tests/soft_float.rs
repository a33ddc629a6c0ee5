//! Integer soft-float against the machine's floats: the same bits for every operation, but for which
//! NaN a NaN is.
#![allow(missing_docs)]

use kagari_kernels::{
    float::{Float, Hard},
    soft::Soft,
};
use proptest::prelude::*;

/// Bits that meet the hard cases often: zeros, subnormals, infinities, NaNs, ties, neighbours of powers
/// of two, and all else.
fn bits() -> impl Strategy<Value = u32> {
    let special = prop::sample::select(vec![
        0,
        1,
        2,
        0x007f_ffff,
        0x0080_0000,
        0x0080_0001,
        0x3f80_0000,
        0x3f7f_ffff,
        0x3f80_0001,
        0x7f7f_ffff,
        0x7f80_0000,
        0x7fc0_0000,
        0x7f80_0001,
        0x4b80_0000,
        0x4b7f_ffff,
    ]);
    let near_one = (0x3e80_0000..0x4080_0000u32).prop_map(|b| b & 0xffff_f000);
    let sign = prop::sample::select(vec![0, 0x8000_0000u32]);
    let magnitude = prop_oneof![1 => special, 2 => near_one, 4 => any::<u32>()];
    (magnitude, sign).prop_map(|(m, s)| m ^ s)
}

fn same(soft: Soft, hard: Hard) -> bool {
    let (soft, hard) = (soft.to_bits(), hard.to_bits());
    soft == hard || (f32::from_bits(soft).is_nan() && f32::from_bits(hard).is_nan())
}

fn soft(bits: u32) -> Soft {
    Soft::from_bits(bits)
}

fn hard(bits: u32) -> Hard {
    Hard::from_bits(bits)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50_000))]

    #[test]
    fn sums_products_and_quotients(a in bits(), b in bits()) {
        prop_assert!(same(soft(a).add(soft(b)), hard(a).add(hard(b))), "add");
        prop_assert!(same(soft(a).mul(soft(b)), hard(a).mul(hard(b))), "mul");
        prop_assert!(same(soft(a).div(soft(b)), hard(a).div(hard(b))), "div");
        prop_assert_eq!(soft(a).less(soft(b)), hard(a).less(hard(b)));
    }

    #[test]
    fn fused_products(a in bits(), b in bits(), c in bits()) {
        let expected = f32::from_bits(a).mul_add(f32::from_bits(b), f32::from_bits(c));
        prop_assert!(same(soft(a).fma(soft(b), soft(c)), Hard(expected)), "soft");
        let emulated = hard(a).fma(hard(b), hard(c));
        prop_assert!(emulated == Hard(expected) || (emulated.0.is_nan() && expected.is_nan()));
    }

    /// The addend nearly cancels the product.
    #[test]
    fn fused_products_that_cancel(a in bits(), b in bits(), ulps in -3i32..4) {
        let product = hard(a).mul(hard(b)).neg().to_bits();
        let c = product.wrapping_add_signed(ulps);
        let expected = f32::from_bits(a).mul_add(f32::from_bits(b), f32::from_bits(c));
        prop_assert!(same(soft(a).fma(soft(b), soft(c)), Hard(expected)));
        prop_assert!(same(soft(expected.to_bits()), hard(a).fma(hard(b), hard(c))));
    }

    #[test]
    fn roots_and_conversions(a in bits(), n: i32) {
        prop_assert!(same(soft(a).sqrt(), hard(a).sqrt()), "sqrt");
        prop_assert!(same(Soft::from_i32(n), Hard::from_i32(n)), "from integer");
        if f32::from_bits(a).abs() < 2e9 {
            prop_assert_eq!(soft(a).to_i32(), hard(a).to_i32());
        }
    }

    #[test]
    fn integers_come_back(n in -(1i32 << 24)..1 << 24) {
        prop_assert_eq!(Soft::from_i32(n).to_i32(), n);
        let half = f32::from_bits(Soft::from_i32(n).to_bits()) / 2.0;
        prop_assert_eq!(soft(half.to_bits()).to_i32(), half.round_ties_even() as i32);
    }
}
