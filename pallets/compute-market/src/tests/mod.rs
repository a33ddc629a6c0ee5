//! Unit tests of the market, one topic a file. `try_state` runs after each.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::types;

mod chance;
mod lasting;
mod mock;

mod auctions;
mod delegations;
mod exposure;
mod failures;
mod holds;
mod jobs;
mod leases;
mod models;
mod offers;
mod providers;
mod queue;
mod random_calls;
mod refusals;
mod replicas;
mod residue;
mod reveals;
