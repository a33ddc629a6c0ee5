//! Prints what was measured, as lines of JSON.

use crate::rows::{Measured, Row};
use frame_support::{dispatch::DispatchClass, weights::Weight};
use kagari_runtime::{configs::RuntimeBlockWeights, constants::SLOT_MILLIS};
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;

/// The share of a block's weight, or of the processor, from which on it is what limits.
const FULL: f64 = 0.9;
/// The share of a core from which on this program, which runs on one, is busy.
const BUSY: f64 = 0.8;
/// The share of the jobs of a block that the pool has left after it from which on it is not empty.
const LEFT: f64 = 0.02;

/// Prints all of it.
pub fn print(measured: &Measured) {
    print_jobs(measured);
    print_blocks(measured);
    print_weights(measured);
    print_load(measured);
    print_reasons("refused sends", &measured.refusals);
    print_reasons("failed extrinsics", &failures(measured));
    line(json!({ "name": "limited by", "factor": limit(measured) }));
}

fn line(values: Value) {
    println!("{values}");
}

fn print_jobs(measured: &Measured) {
    let settled = measured.sum(|row| row.settled);
    line(json!({
        "name": "jobs settled",
        "per second": rounded(settled as f64 / measured.seconds()),
        "by this program's clock": rounded(settled as f64 / measured.seconds_seen()),
    }));
    line(json!({
        "name": "jobs",
        "submitted": measured.sum(|row| row.submitted),
        "attested": measured.sum(|row| row.attested),
        "settled": settled,
        "refunded": measured.sum(|row| row.refunded),
        "timed out": measured.sum(|row| row.timed_out),
    }));
}

fn print_blocks(measured: &Measured) {
    let mean = |of: fn(&Row) -> u32| rounded(measured.mean(|row| of(row).into()));
    line(json!({
        "name": "a block, mean",
        "extrinsics": mean(|row| row.extrinsics),
        "submitted": mean(|row| row.submitted),
        "attested": mean(|row| row.attested),
        "settled": mean(|row| row.settled),
    }));
    line(json!({
        "name": "from block to block, s",
        "blocks": measured.rows.len(),
        "mean": rounded(measured.seconds() / measured.rows.len() as f64),
        "max": rounded(measured.intervals().into_iter().fold(0.0, f64::max)),
    }));
}

fn print_weights(measured: &Measured) {
    let tell = |name: &str, share: &dyn Fn(&Row) -> f64| {
        line(json!({
            "name": format!("weight, {name}"),
            "mean, %": rounded(100.0 * measured.mean(share)),
            "max, %": rounded(100.0 * measured.max(share)),
        }));
    };
    for class in DispatchClass::all() {
        let name = format!("{class:?}").to_lowercase();
        tell(&name, &|row: &Row| share_of_block(*row.weight.get(*class)));
    }
    tell("normal, of its limit", &normal_share);
    tell("all", &share_of_block_taken);
}

fn print_load(measured: &Measured) {
    let mean = |of: fn(&Row) -> u32| measured.mean(|row| of(row).into()).round();
    line(json!({
        "name": "jobs in flight, mean",
        "all": mean(|row| row.in_flight),
        "of at most": measured.limits.in_flight,
        "not attested": mean(|row| row.unattested),
        "of capacity": measured.limits.capacity,
        "in the pool": mean(|row| row.pooled),
        "lost": measured.lost,
    }));
    line(json!({
        "name": "processor, cores",
        "node": measured.cores.node.map(rounded),
        "this program": rounded(measured.cores.client),
        "there are": measured.cores.all,
    }));
}

fn print_reasons(name: &str, reasons: &BTreeMap<String, u32>) {
    let mut values = Map::new();
    values.insert("name".into(), name.into());
    values.insert("all".into(), reasons.values().sum::<u32>().into());
    for (reason, count) in reasons {
        values.insert(reason.clone(), (*count).into());
    }
    line(values.into());
}

fn failures(measured: &Measured) -> BTreeMap<String, u32> {
    let mut failures = BTreeMap::<String, u32>::new();
    for failure in measured.rows.iter().flat_map(|row| &row.failures) {
        *failures.entry(failure.clone()).or_default() += 1;
    }
    failures
}

/// What kept the chain from settling more, by the figures.
fn limit(measured: &Measured) -> &'static str {
    let cores = &measured.cores;
    let left = measured.mean(|row| row.pooled.into());
    let pool_is_empty = left <= LEFT * measured.mean(|row| row.submitted.into());
    let unattested = measured.mean(|row| row.unattested.into());
    let in_flight = measured.mean(|row| row.in_flight.into());
    let is_full = |share: fn(&Row) -> f64| measured.mean(share) > FULL;
    if is_full(normal_share) || is_full(share_of_block_taken) {
        "the weight of a block"
    } else if cores
        .node
        .is_some_and(|n| n > FULL * (cores.all - cores.client))
    {
        "the node's processor"
    } else if cores.client > BUSY && pool_is_empty {
        "this program, which cannot send more"
    } else if unattested > FULL * f64::from(measured.limits.capacity) {
        "the providers' capacity: give more --providers"
    } else if in_flight > FULL * f64::from(measured.limits.in_flight) {
        "the number of jobs in flight: give more with --in-flight"
    } else if !pool_is_empty {
        "the time in which a block is made: the pool is not empty, and the block is not full"
    } else if measured.seconds() > 1.2 * slots(measured) {
        "blocks that were not made in time"
    } else {
        "how fast the node takes extrinsics in"
    }
}

/// Seconds that the blocks would have taken with one in every slot.
fn slots(measured: &Measured) -> f64 {
    measured.rows.len() as f64 * SLOT_MILLIS as f64 / 1e3
}

/// The share of what normal extrinsics may weigh.
fn normal_share(row: &Row) -> f64 {
    let limits = RuntimeBlockWeights::get();
    let class = DispatchClass::Normal;
    let most = limits.get(class).max_total.unwrap_or(limits.max_block);
    share(*row.weight.get(class), most)
}

/// The share of what a block may weigh that it weighs.
fn share_of_block_taken(row: &Row) -> f64 {
    share_of_block(row.weight.total())
}

fn share_of_block(weight: Weight) -> f64 {
    share(weight, RuntimeBlockWeights::get().max_block)
}

fn share(weight: Weight, of: Weight) -> f64 {
    weight.ref_time() as f64 / of.ref_time() as f64
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
