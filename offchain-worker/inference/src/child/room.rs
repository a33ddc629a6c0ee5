//! Room in memory that jobs take in turn.

use crate::protocol::Failure;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that jobs share.
pub struct Room {
    whole: u64,
    free: Mutex<u64>,
    freed: Condvar,
}

/// Part of a [`Room`]; it is given back when this is dropped.
pub struct Reservation<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Room {
    /// Room for so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self {
            whole: bytes,
            free: Mutex::new(bytes),
            freed: Condvar::new(),
        }
    }

    /// Waits until `bytes` are free, and takes them; fails if they never will be.
    pub fn reserve(&self, bytes: u64) -> Result<Reservation<'_>, Failure> {
        if bytes > self.whole {
            let mib = |bytes: u64| bytes.div_ceil(1 << 20);
            return Err(Failure::internal(format!(
                "the job takes up to {} MiB, the child has {} MiB for jobs; give it more \
                 (--inference-memory)",
                mib(bytes),
                mib(self.whole)
            )));
        }
        let enough = self.freed.wait_while(self.lock(), |free| *free < bytes);
        *enough.unwrap_or_else(PoisonError::into_inner) -= bytes;
        Ok(Reservation { room: self, bytes })
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        *self.room.lock() += self.bytes;
        self.room.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{sync::mpsc::channel, thread};

    #[test]
    fn jobs_that_do_not_fit_together_wait() {
        let room = Room::new(10);
        let first = room.reserve(6).unwrap();
        let beside = room.reserve(4).unwrap();
        let (sender, receiver) = channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let _second = room.reserve(5).unwrap();
                sender.send(()).unwrap();
            });
            drop(beside);
            assert!(receiver.try_recv().is_err());
            drop(first);
            receiver.recv().unwrap();
        });
        assert_eq!(*room.lock(), 10);
    }

    #[test]
    fn what_never_fits_is_refused() {
        let room = Room::new(10 << 20);
        assert!(room.reserve(10 << 20).is_ok());
        let message = room
            .reserve((10 << 20) + 1)
            .map(|_| ())
            .unwrap_err()
            .message;
        assert!(
            message.contains("up to 11 MiB, the child has 10 MiB"),
            "{message}"
        );
    }
}
