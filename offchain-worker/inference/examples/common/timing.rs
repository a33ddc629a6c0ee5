//! How long work takes.

use std::{hint::black_box, time::Instant};

/// Seconds that some work takes.
pub fn seconds<R>(work: impl FnOnce() -> R) -> f64 {
    let begun = Instant::now();
    black_box(work());
    begun.elapsed().as_secs_f64()
}

/// The median of measurements.
pub fn median(measured: impl Iterator<Item = f64>) -> f64 {
    let mut measured: Vec<f64> = measured.collect();
    measured.sort_by(f64::total_cmp);
    measured[measured.len() / 2]
}
