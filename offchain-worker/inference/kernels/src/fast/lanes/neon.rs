//! Lanes of NEON with dot products: four registers of four.

use super::Lanes;
use core::arch::{aarch64::*, asm};

/// NEON with the dot-product instructions.
#[derive(Clone, Copy)]
pub struct Neon;

type Four<T> = [T; 4];

#[inline(always)]
fn zip<A: Copy, B: Copy, R>(a: Four<A>, b: Four<B>, f: impl Fn(A, B) -> R) -> Four<R> {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

/// To each lane of `sum` adds the products of its four signed bytes of `a` and `b`.
#[inline(always)]
unsafe fn dot(sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    let mut sum = sum;
    // SAFETY: the instruction touches registers only. It is written out since its intrinsic is not
    // stable.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {a:v}.16b, {b:v}.16b",
            sum = inout(vreg) sum, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// Four binary16 numbers, which may be subnormal, as binary32.
#[inline(always)]
unsafe fn widen(halves: uint16x4_t) -> float32x4_t {
    let floats: float32x4_t;
    // SAFETY: as above.
    unsafe {
        asm!(
            "fcvtl {floats:v}.4s, {halves:v}.4h",
            floats = out(vreg) floats, halves = in(vreg) halves,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    floats
}

// SAFETY: the functions are what they say, where the machine has these instructions.
unsafe impl Lanes for Neon {
    type Floats = Four<float32x4_t>;
    type Ints = Four<int32x4_t>;
    type Bytes = Four<uint8x16_t>;
    const TOGETHER: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::Floats {
        unsafe { [vdupq_n_f32(x); 4] }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Floats {
        core::array::from_fn(|i| unsafe { vld1q_f32(from.add(4 * i)) })
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, x: Self::Floats) {
        for (i, x) in x.into_iter().enumerate() {
            unsafe { vst1q_f32(to.add(4 * i), x) }
        }
    }

    #[inline(always)]
    unsafe fn load_halves(from: *const u16) -> Self::Floats {
        core::array::from_fn(|i| unsafe { widen(vld1_u16(from.add(4 * i))) })
    }

    #[inline(always)]
    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        zip(a, b, |a, b| unsafe { vaddq_f32(a, b) })
    }

    #[inline(always)]
    unsafe fn sub(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        zip(a, b, |a, b| unsafe { vsubq_f32(a, b) })
    }

    #[inline(always)]
    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        zip(a, b, |a, b| unsafe { vmulq_f32(a, b) })
    }

    #[inline(always)]
    unsafe fn div(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        zip(a, b, |a, b| unsafe { vdivq_f32(a, b) })
    }

    #[inline(always)]
    unsafe fn fma(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats {
        core::array::from_fn(|i| unsafe { vfmaq_f32(c[i], a[i], b[i]) })
    }

    #[inline(always)]
    unsafe fn neg(x: Self::Floats) -> Self::Floats {
        x.map(|x| unsafe { vnegq_f32(x) })
    }

    #[inline(always)]
    unsafe fn greater(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        zip(a, b, |a, b| unsafe { vmaxq_f32(a, b) })
    }

    #[inline(always)]
    unsafe fn where_less(
        a: Self::Floats,
        b: Self::Floats,
        yes: Self::Floats,
        no: Self::Floats,
    ) -> Self::Floats {
        core::array::from_fn(|i| unsafe { vbslq_f32(vcltq_f32(a[i], b[i]), yes[i], no[i]) })
    }

    #[inline(always)]
    unsafe fn to_ints(x: Self::Floats) -> Self::Ints {
        x.map(|x| unsafe { vcvtnq_s32_f32(x) })
    }

    #[inline(always)]
    unsafe fn to_floats(x: Self::Ints) -> Self::Floats {
        x.map(|x| unsafe { vcvtq_f32_s32(x) })
    }

    #[inline(always)]
    unsafe fn power_of_two(n: Self::Ints) -> Self::Floats {
        n.map(|n| unsafe {
            let field = vaddq_s32(n, vdupq_n_s32(127));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(field))
        })
    }

    #[inline(always)]
    unsafe fn splat_int(x: i32) -> Self::Ints {
        unsafe { [vdupq_n_s32(x); 4] }
    }

    #[inline(always)]
    unsafe fn store_ints(to: *mut i32, x: Self::Ints) {
        for (i, x) in x.into_iter().enumerate() {
            unsafe { vst1q_s32(to.add(4 * i), x) }
        }
    }

    #[inline(always)]
    unsafe fn add_ints(a: Self::Ints, b: Self::Ints) -> Self::Ints {
        zip(a, b, |a, b| unsafe { vaddq_s32(a, b) })
    }

    #[inline(always)]
    unsafe fn mul_ints(a: Self::Ints, b: Self::Ints) -> Self::Ints {
        zip(a, b, |a, b| unsafe { vmulq_s32(a, b) })
    }

    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self::Ints {
        let ints: [i32; 16] = core::array::from_fn(|i| unsafe { from.add(i).read() }.into());
        core::array::from_fn(|i| unsafe { vld1q_s32(ints.as_ptr().add(4 * i)) })
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const u8) -> Self::Ints {
        let ints: [i32; 16] =
            core::array::from_fn(|i| (unsafe { from.add(i).read() } as i8).into());
        core::array::from_fn(|i| unsafe { vld1q_s32(ints.as_ptr().add(4 * i)) })
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self::Bytes {
        core::array::from_fn(|i| unsafe { vld1q_u8(from.add(16 * i)) })
    }

    #[inline(always)]
    unsafe fn low_nibbles(x: Self::Bytes) -> Self::Bytes {
        x.map(|x| unsafe { vandq_u8(x, vdupq_n_u8(15)) })
    }

    #[inline(always)]
    unsafe fn high_nibbles(x: Self::Bytes) -> Self::Bytes {
        x.map(|x| unsafe { vshrq_n_u8::<4>(x) })
    }

    #[inline(always)]
    unsafe fn dot(sum: Self::Ints, weights: Self::Bytes, x: i32) -> Self::Ints {
        unsafe {
            let x = vreinterpretq_s8_s32(vdupq_n_s32(x));
            zip(sum, weights, |sum, w| dot(sum, vreinterpretq_s8_u8(w), x))
        }
    }

    #[inline(always)]
    unsafe fn dot_wide(sum: Self::Ints, weights: Self::Bytes, x: i32) -> Self::Ints {
        // As signed bytes the weights are less by 128, which is added again as twice 64.
        unsafe {
            let x = vreinterpretq_s8_s32(vdupq_n_s32(x));
            let half = vdupq_n_s8(64);
            let offset = dot(dot(vdupq_n_s32(0), half, x), half, x);
            zip(sum, weights, |sum, w| {
                let less = vreinterpretq_s8_u8(veorq_u8(w, vdupq_n_u8(128)));
                dot(vaddq_s32(sum, offset), less, x)
            })
        }
    }
}
