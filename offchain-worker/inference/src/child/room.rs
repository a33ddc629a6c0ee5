//! Room in memory that jobs take in turn.

use crate::protocol::Failure;

/// Bytes that jobs share.
pub struct Room {
    whole: u64,
    free: u64,
}

impl Room {
    /// Room for so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self {
            whole: bytes,
            free: bytes,
        }
    }

    /// Fails if so many bytes never will be free.
    pub fn check(&self, bytes: u64) -> Result<(), Failure> {
        if bytes > self.whole {
            let mib = |bytes: u64| bytes.div_ceil(1 << 20);
            return Err(Failure::internal(format!(
                "the job takes up to {} MiB, the child has {} MiB for jobs; give it more \
                 (--inference-memory)",
                mib(bytes),
                mib(self.whole)
            )));
        }
        Ok(())
    }

    /// Takes so many bytes if they are free, and says whether they were.
    #[must_use]
    pub fn take(&mut self, bytes: u64) -> bool {
        match self.free.checked_sub(bytes) {
            Some(free) => {
                self.free = free;
                true
            }
            None => false,
        }
    }

    /// Frees bytes that were taken.
    pub fn give_back(&mut self, bytes: u64) {
        self.free = self.free.saturating_add(bytes).min(self.whole);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn jobs_that_do_not_fit_together_wait() {
        let mut room = Room::new(10);
        assert!(room.take(6) && room.take(4));
        assert!(!room.take(5));
        room.give_back(4);
        assert!(!room.take(5));
        room.give_back(6);
        assert!(room.take(10));
    }

    #[test]
    fn what_never_fits_is_refused() {
        let room = Room::new(10 << 20);
        assert!(room.check(10 << 20).is_ok());
        let message = room.check((10 << 20) + 1).unwrap_err().message;
        assert!(
            message.contains("up to 11 MiB, the child has 10 MiB"),
            "{message}"
        );
    }
}
