//! Lanes for machines of which nothing is known.

use super::{Lanes, WIDTH};
use crate::{
    float::{fma, Hard},
    reference::half,
};

/// Arrays, one element after the other.
#[derive(Clone, Copy)]
pub struct Scalar;

#[inline(always)]
fn map<T: Copy, R>(x: [T; WIDTH], f: impl Fn(T) -> R) -> [R; WIDTH] {
    x.map(f)
}

#[inline(always)]
fn zip<T: Copy, R>(a: [T; WIDTH], b: [T; WIDTH], f: impl Fn(T, T) -> R) -> [R; WIDTH] {
    core::array::from_fn(|i| f(a[i], b[i]))
}

#[inline(always)]
fn dot(sum: [i32; WIDTH], weights: [u8; 4 * WIDTH], x: i32) -> [i32; WIDTH] {
    let x = x.to_le_bytes();
    core::array::from_fn(|lane| {
        let product = |i: usize| i32::from(weights[4 * lane + i]) * i32::from(x[i] as i8);
        sum[lane] + product(0) + product(1) + product(2) + product(3)
    })
}

// SAFETY: these are no special instructions.
unsafe impl Lanes for Scalar {
    type Floats = [f32; WIDTH];
    type Ints = [i32; WIDTH];
    type Bytes = [u8; 4 * WIDTH];
    const TOGETHER: usize = 1;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::Floats {
        [x; WIDTH]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Floats {
        unsafe { from.cast::<Self::Floats>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, x: Self::Floats) {
        unsafe { to.cast::<Self::Floats>().write_unaligned(x) }
    }

    #[inline(always)]
    unsafe fn load_halves(from: *const u16) -> Self::Floats {
        let bits = unsafe { from.cast::<[u16; WIDTH]>().read_unaligned() };
        map(bits, |bits| half::<Hard>(bits).0)
    }

    #[inline(always)]
    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn div(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        zip(a, b, |a, b| a / b)
    }

    #[inline(always)]
    unsafe fn fma(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats {
        core::array::from_fn(|i| fma(a[i], b[i], c[i]))
    }

    #[inline(always)]
    unsafe fn neg(x: Self::Floats) -> Self::Floats {
        map(x, |x| -x)
    }

    #[inline(always)]
    unsafe fn greater(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn where_less(
        a: Self::Floats,
        b: Self::Floats,
        yes: Self::Floats,
        no: Self::Floats,
    ) -> Self::Floats {
        core::array::from_fn(|i| if a[i] < b[i] { yes[i] } else { no[i] })
    }

    #[inline(always)]
    unsafe fn to_ints(x: Self::Floats) -> Self::Ints {
        map(x, |x| x.round_ties_even() as i32)
    }

    #[inline(always)]
    unsafe fn to_floats(x: Self::Ints) -> Self::Floats {
        map(x, |x| x as f32)
    }

    #[inline(always)]
    unsafe fn power_of_two(n: Self::Ints) -> Self::Floats {
        map(n, |n| f32::from_bits((n.wrapping_add(127) as u32) << 23))
    }

    #[inline(always)]
    unsafe fn splat_int(x: i32) -> Self::Ints {
        [x; WIDTH]
    }

    #[inline(always)]
    unsafe fn store_ints(to: *mut i32, x: Self::Ints) {
        unsafe { to.cast::<Self::Ints>().write_unaligned(x) }
    }

    #[inline(always)]
    unsafe fn add_ints(a: Self::Ints, b: Self::Ints) -> Self::Ints {
        zip(a, b, i32::wrapping_add)
    }

    #[inline(always)]
    unsafe fn mul_ints(a: Self::Ints, b: Self::Ints) -> Self::Ints {
        zip(a, b, i32::wrapping_mul)
    }

    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self::Ints {
        map(unsafe { from.cast::<[u8; WIDTH]>().read() }, i32::from)
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const u8) -> Self::Ints {
        map(unsafe { from.cast::<[i8; WIDTH]>().read() }, i32::from)
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self::Bytes {
        unsafe { from.cast::<Self::Bytes>().read() }
    }

    #[inline(always)]
    unsafe fn low_nibbles(x: Self::Bytes) -> Self::Bytes {
        x.map(|x| x & 15)
    }

    #[inline(always)]
    unsafe fn high_nibbles(x: Self::Bytes) -> Self::Bytes {
        x.map(|x| x >> 4)
    }

    #[inline(always)]
    unsafe fn dot(sum: Self::Ints, weights: Self::Bytes, x: i32) -> Self::Ints {
        dot(sum, weights, x)
    }

    #[inline(always)]
    unsafe fn dot_wide(sum: Self::Ints, weights: Self::Bytes, x: i32) -> Self::Ints {
        dot(sum, weights, x)
    }
}
