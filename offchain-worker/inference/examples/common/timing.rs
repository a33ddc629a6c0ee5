//! How long work takes.

use std::{hint::black_box, time::Instant};

/// Seconds that some work takes.
pub fn seconds<R>(work: impl FnOnce() -> R) -> f64 {
    let begun = Instant::now();
    black_box(work());
    begun.elapsed().as_secs_f64()
}

/// The median of so many measurements.
pub fn median(runs: usize, measure: impl Fn() -> f64) -> f64 {
    let mut measured: Vec<f64> = (0..runs).map(|_| measure()).collect();
    measured.sort_by(f64::total_cmp);
    measured[runs / 2]
}
