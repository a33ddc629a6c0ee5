//! How long to wait before the next try.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// Doubles the wait with every failure in a row; the first failure is followed by no wait.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after another failure.
    pub fn failed(&mut self) -> Duration {
        let doublings = self.failures.checked_sub(1);
        self.failures = self.failures.saturating_add(1);
        let factor = doublings.map(|n| 2u32.saturating_pow(n));
        factor.map_or(Duration::ZERO, |f| FIRST.saturating_mul(f).min(LONGEST))
    }

    /// Forgets the failures.
    pub fn worked(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_start_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..9).map(|_| backoff.failed().as_millis()).collect();
        assert_eq!(
            waits,
            [0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
        );
        (0..100).for_each(|_| assert!(backoff.failed() <= LONGEST));
        backoff.worked();
        assert_eq!(backoff.failed(), Duration::ZERO);
    }
}
