//! Lines that say what a long test is doing, with the time since its start.

use std::{fmt::Display, time::Instant};

/// Says on standard error what is being done, with the time since the start.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    start: Instant,
}

impl Progress {
    /// Starts the clock.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Prints one line.
    pub fn say(&self, what: impl Display) {
        eprintln!("[{:6.1} s] {what}", self.seconds());
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}
