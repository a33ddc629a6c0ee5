//! The exact kernels: inference whose bits depend on nothing but the model and its input.
//!
//! [`mod@reference`] *is* the specification in code, and `KERNELS.md` beside the inference crate says the
//! same in words: one order of every sum, one rounding of every step. It is scalar, pure, and written
//! over [`float::Float`], so that a judge without floats runs it on [`soft::Soft`].
//!
//! With the feature `std` come the fast kernels ([`fast`]), which give the same bits with vectors and
//! threads.
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(any(
    target_arch = "x86",
    all(target_arch = "arm", target_pointer_width = "32")
))]
compile_error!("32-bit x86 and ARM do not round every step to binary32");

#[cfg(target_endian = "big")]
compile_error!("groups of four bytes are read as little-endian integers");

extern crate alloc;

#[cfg(feature = "std")]
pub mod fast;
pub mod float;
pub mod reference;
pub mod rotation;
pub mod soft;

/// Version of the specification, which a model's manifest names.
pub const VERSION: u32 = 1;

/// A NaN or an infinity has come up. The result of the whole job is then just this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonFinite;
