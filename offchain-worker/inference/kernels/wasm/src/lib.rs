//! The specification ([`kagari_kernels::reference`]) on integer soft-floats, compiled to WebAssembly: as a
//! judge without floats runs it.
//!
//! Lists come as a pointer and a count; floats are their bits. What a step gives is written to `out`, for
//! which the caller has room, and every step returns 0, or [`NON_FINITE`] with nothing written.
#![no_std]

extern crate alloc;

mod memory;

use alloc::{vec, vec::Vec};
use core::slice;
use kagari_kernels::{
    float::Float,
    reference::{self, Format, Quantised},
    rotation,
    soft::Soft,
    NonFinite,
};

/// Returned where a NaN or an infinity has come up.
pub const NON_FINITE: i32 = 1;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

/// The product of a row of weights of a format, which has its place in [`Format::ALL`], as its bytes stand in the file, and activations, quantised as the
/// format wants it.
///
/// # Safety
///
/// The pointers are valid for so much as their counts say, as for all steps here.
#[no_mangle]
pub unsafe extern "C" fn dot_row(
    format: u32,
    row: *const u8,
    row_bytes: usize,
    x: *const u32,
    len: usize,
    out: *mut u32,
) -> i32 {
    let format = Format::ALL[format as usize];
    // SAFETY: the caller's promise.
    let (row, x) = unsafe { (slice::from_raw_parts(row, row_bytes), floats(x, len)) };
    let product = dot(format, row, &x).map(|product| vec![product]);
    // SAFETY: the caller's promise.
    unsafe { give(product, out) }
}

fn dot(format: Format, row: &[u8], x: &[Soft]) -> Result<Soft, NonFinite> {
    if format.block_len() == 1 {
        let row = reference::dequantise_row(format, row);
        return Ok(reference::dot_float_row(&row, x));
    }
    Ok(reference::dot_row(format, row, &quantised(format, x)?))
}

fn quantised(format: Format, x: &[Soft]) -> Result<Quantised<Soft>, NonFinite> {
    match format.block_len() {
        reference::K_BLOCK => Quantised::super_blocks(x),
        _ => Quantised::small(x),
    }
}

/// A row of weights as floats.
///
/// # Safety
///
/// As for [`dot_row`].
#[no_mangle]
pub unsafe extern "C" fn dequantise_row(
    format: u32,
    row: *const u8,
    row_bytes: usize,
    out: *mut u32,
) -> i32 {
    // SAFETY: the caller's promise.
    let row = unsafe { slice::from_raw_parts(row, row_bytes) };
    let floats = reference::dequantise_row(Format::ALL[format as usize], row);
    // SAFETY: the caller's promise.
    unsafe { give(Ok(floats), out) }
}

/// Activations as a format wants them: of each block the scale, the values, and the scaled sum (of
/// super-blocks the sums).
///
/// # Safety
///
/// As for [`dot_row`].
#[no_mangle]
pub unsafe extern "C" fn quantise(format: u32, x: *const u32, len: usize, out: *mut u32) -> i32 {
    // SAFETY: the caller's promise.
    let x = unsafe { floats(x, len) };
    let words = quantised(Format::ALL[format as usize], &x).map(|quantised| words_of(&quantised));
    // SAFETY: the caller's promise.
    unsafe { give(words, out) }
}

/// A block's parts one after the other, integers as they are.
fn words_of(quantised: &Quantised<Soft>) -> Vec<Soft> {
    let integer = |n: i32| Soft::from_bits(n as u32);
    let values = |values: &[i8]| -> Vec<Soft> {
        let values = values.iter().map(|v| i32::from(*v));
        values.map(integer).collect()
    };
    let mut words = Vec::new();
    match quantised {
        Quantised::Small(blocks) => blocks.iter().for_each(|block| {
            words.push(block.scale);
            words.extend(values(&block.values));
            words.push(block.scaled_sum);
        }),
        Quantised::Super(blocks) => blocks.iter().for_each(|block| {
            words.push(block.scale);
            words.extend(values(&block.values));
            words.extend(block.sums.map(integer));
        }),
    }
    words
}

/// The norm of a vector.
///
/// # Safety
///
/// As for [`dot_row`].
#[no_mangle]
pub unsafe extern "C" fn rms_norm(
    x: *const u32,
    len: usize,
    weight: *const u32,
    weight_len: usize,
    epsilon: u32,
    out: *mut u32,
) -> i32 {
    // SAFETY: the caller's promise.
    let (x, weight) = unsafe { (floats(x, len), floats(weight, weight_len)) };
    let normal = reference::rms_norm(&x, &weight, Soft::from_bits(epsilon));
    // SAFETY: the caller's promise.
    unsafe { give(normal, out) }
}

/// The layer norm of a vector.
///
/// # Safety
///
/// As for [`dot_row`].
#[no_mangle]
#[allow(clippy::too_many_arguments)] // Each list is two.
pub unsafe extern "C" fn layer_norm(
    x: *const u32,
    len: usize,
    weight: *const u32,
    weight_len: usize,
    bias: *const u32,
    bias_len: usize,
    epsilon: u32,
    out: *mut u32,
) -> i32 {
    // SAFETY: the caller's promise.
    let (x, weight) = unsafe { (floats(x, len), floats(weight, weight_len)) };
    // SAFETY: the caller's promise.
    let bias = unsafe { floats(bias, bias_len) };
    let normal = reference::layer_norm(&x, &weight, &bias, Soft::from_bits(epsilon));
    // SAFETY: the caller's promise.
    unsafe { give(normal, out) }
}

/// The direction of the mean of rows of a width.
///
/// # Safety
///
/// As for [`dot_row`].
#[no_mangle]
pub unsafe extern "C" fn mean_direction(
    rows: *const u32,
    len: usize,
    width: u32,
    out: *mut u32,
) -> i32 {
    // SAFETY: the caller's promise.
    let rows = unsafe { floats(rows, len) };
    // SAFETY: the caller's promise.
    unsafe { give(reference::mean_direction(&rows, width as usize), out) }
}

/// A head, rotated by the angles of a position: neighbours, or halves.
///
/// # Safety
///
/// As for [`dot_row`].
#[no_mangle]
pub unsafe extern "C" fn rotate(
    head: *const u32,
    len: usize,
    base: u32,
    position: u32,
    halves: u32,
    out: *mut u32,
) -> i32 {
    // SAFETY: the caller's promise.
    let mut head = unsafe { floats(head, len) };
    let angles = rotation::turns(f32::from_bits(base), len).map(|t| rotation::angle(t, position));
    let (cos, sin): (Vec<_>, Vec<_>) = angles
        .map(|(cos, sin)| (Soft::from_bits(cos), Soft::from_bits(sin)))
        .unzip();
    match halves {
        0 => reference::rotate(&mut head, &cos, &sin),
        _ => reference::rotate_halves(&mut head, &cos, &sin),
    }
    // SAFETY: the caller's promise.
    unsafe { give(Ok(head), out) }
}

/// Attention of one query, scaled here, over as many keys and values as there are positions up to its own.
///
/// # Safety
///
/// As for [`dot_row`].
#[no_mangle]
pub unsafe extern "C" fn attend(
    query: *const u32,
    width: usize,
    keys: *const u32,
    keys_len: usize,
    values: *const u32,
    values_len: usize,
    out: *mut u32,
) -> i32 {
    // SAFETY: the caller's promise.
    let mut query = unsafe { floats(query, width) };
    // SAFETY: the caller's promise.
    let (keys, values) = unsafe { (floats(keys, keys_len), floats(values, values_len)) };
    let scale = reference::score_scale::<Soft>(width);
    query.iter_mut().for_each(|q| *q = q.mul(scale));
    // SAFETY: the caller's promise.
    unsafe { give(reference::attend(&query, &keys, &values), out) }
}

/// Gates, each with its `up`.
///
/// # Safety
///
/// As for [`dot_row`].
#[no_mangle]
pub unsafe extern "C" fn gated(
    gates: *const u32,
    len: usize,
    ups: *const u32,
    ups_len: usize,
    out: *mut u32,
) -> i32 {
    // SAFETY: the caller's promise.
    let (gates, ups) = unsafe { (floats(gates, len), floats(ups, ups_len)) };
    let pairs = gates.into_iter().zip(ups);
    let gated = pairs.map(|(gate, up)| reference::gated(gate, up)).collect();
    // SAFETY: the caller's promise.
    unsafe { give(Ok(gated), out) }
}

/// The exponential of each number.
///
/// # Safety
///
/// As for [`dot_row`].
#[no_mangle]
pub unsafe extern "C" fn exponential(x: *const u32, len: usize, out: *mut u32) -> i32 {
    // SAFETY: the caller's promise.
    let x = unsafe { floats(x, len) };
    let powers = x.into_iter().map(reference::exponential).collect();
    // SAFETY: the caller's promise.
    unsafe { give(Ok(powers), out) }
}

/// GELU of each number.
///
/// # Safety
///
/// As for [`dot_row`].
#[no_mangle]
pub unsafe extern "C" fn gelu(x: *const u32, len: usize, out: *mut u32) -> i32 {
    // SAFETY: the caller's promise.
    let x = unsafe { floats(x, len) };
    let activated = x.into_iter().map(reference::gelu).collect();
    // SAFETY: the caller's promise.
    unsafe { give(Ok(activated), out) }
}

/// # Safety
///
/// There are so many numbers at `at`.
unsafe fn floats(at: *const u32, len: usize) -> Vec<Soft> {
    // SAFETY: the caller's promise.
    let bits = unsafe { slice::from_raw_parts(at, len) };
    bits.iter().copied().map(Soft::from_bits).collect()
}

/// # Safety
///
/// There is room for so many numbers at `out`.
unsafe fn give(result: Result<Vec<Soft>, NonFinite>, out: *mut u32) -> i32 {
    let Ok(numbers) = result else {
        return NON_FINITE;
    };
    // SAFETY: the caller's promise.
    let out = unsafe { slice::from_raw_parts_mut(out, numbers.len()) };
    let bits = numbers.iter().map(|x| x.to_bits());
    out.iter_mut().zip(bits).for_each(|(to, from)| *to = from);
    0
}
