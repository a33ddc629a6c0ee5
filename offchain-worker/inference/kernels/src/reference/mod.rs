//! The specification in code: scalar, pure, one function for each kind of step.
//!
//! Nothing here is fast, and nothing here may change without a new [`crate::VERSION`].

mod activation;
mod attention;
mod block;
mod exponential;
mod norm;
mod product;
mod quantise;
mod sum;

pub use activation::{gated, gelu};
/// The constants of GELU.
pub mod gelu_terms {
    pub use super::activation::{SQRT_HALF, TAIL_COEFFICIENTS};
}
pub use attention::{attend, rotate, rotate_halves, score_scale};
pub use block::{half, Format, SmallWeights, SuperWeights, K_BLOCK, SMALL_BLOCK};
pub use exponential::exponential;
/// The constants of the exponential function.
pub mod exponential_terms {
    pub use super::exponential::{COEFFICIENTS, LEAST, LN2_HIGH, LN2_LOW, LOG2_E, MOST};
}
pub use norm::{layer_norm, mean_direction, rms_norm};
pub use product::{dequantise_row, dot_float_row, dot_row};
pub use quantise::{Quantised, SmallBlock, SuperBlock, LEAST as LEAST_ACTIVATION};
pub use sum::{lane_sum, LANES};
