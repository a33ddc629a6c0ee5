//! What is written down of each block, and what it comes to.

use crate::{
    chain::Block,
    cpu::Cores,
    load::{Limits, Refusals},
};
use frame_system::{ConsumedWeight, Event as SystemEvent};
use kagari_runtime::{RuntimeError, RuntimeEvent};
use pallet_compute_market::Event as MarketEvent;
use sp_runtime::DispatchError;
use std::time::Instant;

/// A block, and how the load stood after it.
pub struct Row {
    /// Its time in milliseconds.
    pub time: u64,
    /// When it was seen.
    pub seen: Instant,
    /// What it weighs, by class.
    pub weight: ConsumedWeight,
    /// Its extrinsics, the inherents included.
    pub extrinsics: u32,
    /// Jobs that came in.
    pub submitted: u32,
    /// Jobs that were attested.
    pub attested: u32,
    /// Jobs that were settled.
    pub settled: u32,
    /// Jobs whose requesters were refunded.
    pub refunded: u32,
    /// Deadlines that were missed.
    pub timed_out: u32,
    /// Why extrinsics failed.
    pub failures: Vec<String>,
    /// Jobs that were sent and had not come in.
    pub pooled: u32,
    /// Jobs that were sent and not attested.
    pub unattested: u32,
    /// Jobs that were sent and not over.
    pub in_flight: u32,
}

impl Row {
    /// Of a block; how the load stands is not known yet.
    pub fn of(block: &Block) -> Self {
        let mut row = Self {
            time: block.time,
            seen: Instant::now(),
            weight: block.weight.clone(),
            extrinsics: 0,
            submitted: 0,
            attested: 0,
            settled: 0,
            refunded: 0,
            timed_out: 0,
            failures: Vec::new(),
            pooled: 0,
            unattested: 0,
            in_flight: 0,
        };
        block.events.iter().for_each(|event| row.count(event));
        row
    }

    fn count(&mut self, event: &RuntimeEvent) {
        match event {
            RuntimeEvent::System(SystemEvent::ExtrinsicSuccess { .. }) => self.extrinsics += 1,
            RuntimeEvent::System(SystemEvent::ExtrinsicFailed { dispatch_error, .. }) => {
                self.extrinsics += 1;
                self.failures.push(words_of(*dispatch_error));
            }
            RuntimeEvent::ComputeMarket(event) => match event {
                MarketEvent::JobSubmitted { .. } => self.submitted += 1,
                MarketEvent::JobAttested { .. } => self.attested += 1,
                MarketEvent::JobSettled { .. } => self.settled += 1,
                MarketEvent::JobRefunded { .. } => self.refunded += 1,
                MarketEvent::JobTimedOut { .. } => self.timed_out += 1,
                _ => {}
            },
            _ => {}
        }
    }
}

/// Why a call has failed: pallet and error, where it is one of a pallet's.
pub fn words_of(error: DispatchError) -> String {
    match RuntimeError::from_dispatch_error(error) {
        Some(error) => format!("{error:?}"),
        None => format!("{error:?}"),
    }
}

/// What was measured.
pub struct Measured {
    /// The block before the first that counts: time runs from it on.
    pub base: Row,
    /// The blocks that count.
    pub rows: Vec<Row>,
    /// Extrinsics that the pool refused, by reason.
    pub refusals: Refusals,
    /// Jobs that were sent, accepted by the pool and never came in.
    pub lost: u32,
    /// The processor.
    pub cores: Cores,
    /// What limited the load itself.
    pub limits: Limits,
}

impl Measured {
    /// The sum over the blocks.
    pub fn sum(&self, of: impl Fn(&Row) -> u32) -> u64 {
        self.rows.iter().map(|row| u64::from(of(row))).sum()
    }

    /// The mean over the blocks.
    pub fn mean(&self, of: impl Fn(&Row) -> f64) -> f64 {
        self.rows.iter().map(of).sum::<f64>() / self.rows.len() as f64
    }

    /// The highest over the blocks.
    pub fn max(&self, of: impl Fn(&Row) -> f64) -> f64 {
        self.rows.iter().map(of).fold(0.0, f64::max)
    }

    /// Seconds from each block to the next.
    pub fn intervals(&self) -> Vec<f64> {
        let before = std::iter::once(&self.base).chain(&self.rows);
        let pairs = before.zip(&self.rows);
        pairs
            .map(|(a, b)| b.time.saturating_sub(a.time) as f64 / 1e3)
            .collect()
    }

    /// Seconds by the blocks' own times.
    pub fn seconds(&self) -> f64 {
        self.intervals().iter().sum()
    }

    /// Seconds by this program's clock.
    pub fn seconds_seen(&self) -> f64 {
        let last = self.rows.last().unwrap_or(&self.base);
        last.seen.duration_since(self.base.seen).as_secs_f64()
    }
}
