//! Unit tests, one topic a file. `try_state` runs after each.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod mock;

mod attestations;
mod commitments;
mod rewards;
