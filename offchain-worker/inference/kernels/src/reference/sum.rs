//! The one order in which a vector is summed up.

use crate::float::Float;

/// Number of partial sums: element `i` goes to the partial sum `i mod 16`.
pub const LANES: usize = 16;

/// The sum of the partial sums: halves are added, upper to lower, until one is left.
pub fn lane_sum<F: Float>(mut lanes: [F; LANES]) -> F {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = lanes[i].add(lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}
