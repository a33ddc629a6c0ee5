//! Sixteen numbers side by side, on whatever vectors the machine has.
//!
//! The kernels are written once over [`Lanes`]; each instruction set gives its own. A kernel runs in a
//! function that has the set's features enabled ([`dispatch`](super::dispatch)), into which all of this
//! is inlined.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

#[cfg(target_arch = "x86_64")]
pub use self::{avx2::Avx2, avx512::Avx512};
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
pub use scalar::Scalar;

/// Lanes of a vector.
pub const WIDTH: usize = 16;

/// Vectors of one instruction set.
///
/// # Safety
///
/// The machine must have the set's instructions. Pointers must be good for what is read or written at
/// them; no alignment is asked for.
pub unsafe trait Lanes: Copy {
    /// 16 × binary32.
    type Floats: Copy;
    /// 16 × i32.
    type Ints: Copy;
    /// 16 × 4 bytes.
    type Bytes: Copy;

    /// Positions that a product takes at once: as many as there are registers for.
    const TOGETHER: usize;

    /// The same float in all lanes.
    unsafe fn splat(x: f32) -> Self::Floats;
    /// 16 floats from memory.
    unsafe fn load(from: *const f32) -> Self::Floats;
    /// 16 floats to memory.
    unsafe fn store(to: *mut f32, x: Self::Floats);
    /// 16 binary16 numbers from memory.
    unsafe fn load_halves(from: *const u16) -> Self::Floats;
    /// `a + b`
    unsafe fn add(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a − b`
    unsafe fn sub(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a · b`
    unsafe fn mul(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a / b`
    unsafe fn div(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a · b + c`, rounded once.
    unsafe fn fma(a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// `−x`: the sign flipped.
    unsafe fn neg(x: Self::Floats) -> Self::Floats;
    /// In each lane the greater of two; of what does not compare, any.
    unsafe fn greater(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// In each lane `yes` where `a < b`, else `no`.
    unsafe fn where_less(
        a: Self::Floats,
        b: Self::Floats,
        yes: Self::Floats,
        no: Self::Floats,
    ) -> Self::Floats;
    /// The nearest integers, of two the even one.
    unsafe fn to_ints(x: Self::Floats) -> Self::Ints;
    /// Integers as floats.
    unsafe fn to_floats(x: Self::Ints) -> Self::Floats;
    /// `2^n` by its bits, for n from −126 to 127.
    unsafe fn power_of_two(n: Self::Ints) -> Self::Floats;

    /// The same integer in all lanes.
    unsafe fn splat_int(x: i32) -> Self::Ints;
    /// 16 integers to memory.
    unsafe fn store_ints(to: *mut i32, x: Self::Ints);
    /// `a + b`
    unsafe fn add_ints(a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// `a · b`, the low halves.
    unsafe fn mul_ints(a: Self::Ints, b: Self::Ints) -> Self::Ints;
    /// 16 unsigned bytes from memory, one a lane.
    unsafe fn load_u8(from: *const u8) -> Self::Ints;
    /// 16 signed bytes from memory, one a lane.
    unsafe fn load_i8(from: *const u8) -> Self::Ints;

    /// 64 bytes from memory.
    unsafe fn load_bytes(from: *const u8) -> Self::Bytes;
    /// The low nibble of each byte.
    unsafe fn low_nibbles(x: Self::Bytes) -> Self::Bytes;
    /// The high nibble of each byte.
    unsafe fn high_nibbles(x: Self::Bytes) -> Self::Bytes;
    /// To each lane of `sum` adds the products of its four bytes of `weights`, 0 to 127, with the four
    /// signed bytes of `x`, −127 to 127.
    unsafe fn dot(sum: Self::Ints, weights: Self::Bytes, x: i32) -> Self::Ints;
    /// The same for weights up to 255.
    unsafe fn dot_wide(sum: Self::Ints, weights: Self::Bytes, x: i32) -> Self::Ints;
}
