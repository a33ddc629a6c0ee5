//! The specification, fast: vectors over output rows (or positions, or a head's width), threads over
//! outputs, and never either over a sum.

// Several arrays of registers are counted through side by side.
#![allow(clippy::needless_range_loop)]

mod activations;
mod attention;
mod dispatch;
mod elementwise;
mod lanes;
mod matrix;
mod memory;
mod norm;
mod product;
mod rotation;
mod threads;

pub use activations::Activations;
pub use attention::{attend, Attended, Cache, Reach};
pub use dispatch::InstructionSet;
pub use elementwise::{add, add_to_rows, gate, gelu, likelihoods, scale};
pub use matrix::Matrix;
pub use memory::Memory;
pub use norm::{layer_norm, rms_norm};
pub use rotation::{Pairs, Rotation};
pub use threads::Threads;
