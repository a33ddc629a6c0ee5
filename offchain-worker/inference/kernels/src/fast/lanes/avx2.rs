//! Lanes of AVX2: two registers of eight.

use super::Lanes;
use core::arch::x86_64::*;

/// AVX2, FMA and F16C.
#[derive(Clone, Copy)]
pub struct Avx2;

type Pair<T> = [T; 2];

#[inline(always)]
fn both<A: Copy, B: Copy, R>(a: Pair<A>, b: Pair<B>, f: impl Fn(A, B) -> R) -> Pair<R> {
    [f(a[0], b[0]), f(a[1], b[1])]
}

/// Sums of four products of bytes each, of which no sum of two goes beyond 16 bits.
#[inline(always)]
unsafe fn dot(sum: Pair<__m256i>, weights: Pair<__m256i>, x: __m256i) -> Pair<__m256i> {
    unsafe {
        let ones = _mm256_set1_epi16(1);
        both(sum, weights, |sum, w| {
            let pairs = _mm256_maddubs_epi16(w, x);
            _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones))
        })
    }
}

// SAFETY: the functions are what they say, where the machine has these instructions.
unsafe impl Lanes for Avx2 {
    type Floats = Pair<__m256>;
    type Ints = Pair<__m256i>;
    type Bytes = Pair<__m256i>;
    const TOGETHER: usize = 2;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::Floats {
        unsafe { [_mm256_set1_ps(x); 2] }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::Floats {
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, x: Self::Floats) {
        unsafe {
            _mm256_storeu_ps(to, x[0]);
            _mm256_storeu_ps(to.add(8), x[1]);
        }
    }

    #[inline(always)]
    unsafe fn load_halves(from: *const u16) -> Self::Floats {
        unsafe {
            let half = |at: usize| _mm256_cvtph_ps(_mm_loadu_si128(from.add(at).cast()));
            [half(0), half(8)]
        }
    }

    #[inline(always)]
    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        both(a, b, |a, b| unsafe { _mm256_add_ps(a, b) })
    }

    #[inline(always)]
    unsafe fn sub(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        both(a, b, |a, b| unsafe { _mm256_sub_ps(a, b) })
    }

    #[inline(always)]
    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        both(a, b, |a, b| unsafe { _mm256_mul_ps(a, b) })
    }

    #[inline(always)]
    unsafe fn div(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        both(a, b, |a, b| unsafe { _mm256_div_ps(a, b) })
    }

    #[inline(always)]
    unsafe fn fma(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats {
        unsafe {
            [
                _mm256_fmadd_ps(a[0], b[0], c[0]),
                _mm256_fmadd_ps(a[1], b[1], c[1]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn neg(x: Self::Floats) -> Self::Floats {
        x.map(|x| unsafe { _mm256_xor_ps(x, _mm256_set1_ps(-0.0)) })
    }

    #[inline(always)]
    unsafe fn greater(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        both(a, b, |a, b| unsafe { _mm256_max_ps(a, b) })
    }

    #[inline(always)]
    unsafe fn where_less(
        a: Self::Floats,
        b: Self::Floats,
        yes: Self::Floats,
        no: Self::Floats,
    ) -> Self::Floats {
        let less = both(a, b, |a, b| unsafe { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) });
        core::array::from_fn(|i| unsafe { _mm256_blendv_ps(no[i], yes[i], less[i]) })
    }

    #[inline(always)]
    unsafe fn to_ints(x: Self::Floats) -> Self::Ints {
        x.map(|x| unsafe { _mm256_cvtps_epi32(x) })
    }

    #[inline(always)]
    unsafe fn to_floats(x: Self::Ints) -> Self::Floats {
        x.map(|x| unsafe { _mm256_cvtepi32_ps(x) })
    }

    #[inline(always)]
    unsafe fn power_of_two(n: Self::Ints) -> Self::Floats {
        n.map(|n| unsafe {
            let field = _mm256_add_epi32(n, _mm256_set1_epi32(127));
            _mm256_castsi256_ps(_mm256_slli_epi32::<23>(field))
        })
    }

    #[inline(always)]
    unsafe fn splat_int(x: i32) -> Self::Ints {
        unsafe { [_mm256_set1_epi32(x); 2] }
    }

    #[inline(always)]
    unsafe fn store_ints(to: *mut i32, x: Self::Ints) {
        unsafe {
            _mm256_storeu_si256(to.cast(), x[0]);
            _mm256_storeu_si256(to.add(8).cast(), x[1]);
        }
    }

    #[inline(always)]
    unsafe fn add_ints(a: Self::Ints, b: Self::Ints) -> Self::Ints {
        both(a, b, |a, b| unsafe { _mm256_add_epi32(a, b) })
    }

    #[inline(always)]
    unsafe fn mul_ints(a: Self::Ints, b: Self::Ints) -> Self::Ints {
        both(a, b, |a, b| unsafe { _mm256_mullo_epi32(a, b) })
    }

    #[inline(always)]
    unsafe fn load_u8(from: *const u8) -> Self::Ints {
        unsafe {
            let half = |at: usize| _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.add(at).cast()));
            [half(0), half(8)]
        }
    }

    #[inline(always)]
    unsafe fn load_i8(from: *const u8) -> Self::Ints {
        unsafe {
            let half = |at: usize| _mm256_cvtepi8_epi32(_mm_loadl_epi64(from.add(at).cast()));
            [half(0), half(8)]
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> Self::Bytes {
        unsafe {
            [
                _mm256_loadu_si256(from.cast()),
                _mm256_loadu_si256(from.add(32).cast()),
            ]
        }
    }

    #[inline(always)]
    unsafe fn low_nibbles(x: Self::Bytes) -> Self::Bytes {
        x.map(|x| unsafe { _mm256_and_si256(x, _mm256_set1_epi8(15)) })
    }

    #[inline(always)]
    unsafe fn high_nibbles(x: Self::Bytes) -> Self::Bytes {
        x.map(|x| unsafe { _mm256_and_si256(_mm256_srli_epi16::<4>(x), _mm256_set1_epi8(15)) })
    }

    #[inline(always)]
    unsafe fn dot(sum: Self::Ints, weights: Self::Bytes, x: i32) -> Self::Ints {
        unsafe { dot(sum, weights, _mm256_set1_epi32(x)) }
    }

    #[inline(always)]
    unsafe fn dot_wide(sum: Self::Ints, weights: Self::Bytes, x: i32) -> Self::Ints {
        // `maddubs` saturates at 16 bits: seven bits and the eighth go apart, 2·128·127 fits.
        unsafe {
            let (x, low) = (_mm256_set1_epi32(x), _mm256_set1_epi8(127));
            let seven = weights.map(|w| _mm256_and_si256(w, low));
            let eighth = weights.map(|w| _mm256_andnot_si256(low, w));
            dot(dot(sum, seven, x), eighth, x)
        }
    }
}
