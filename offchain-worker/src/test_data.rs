//! Jobs, results and signatures for tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::{
    machine::Limits,
    record::{Assigned, Signed},
};
use kagari_inference::protocol::Completed;
use kagari_primitives::{
    payload_hash,
    worker_key::{WorkerId, WorkerPair},
    Assignment, BlockNumber, Hash, JobSpec, Sampling, StopReason, Task,
};
use sp_core::Pair;

/// Two computations at once, three that wait.
pub fn limits() -> Limits {
    Limits {
        concurrency: 2,
        queue: 3,
        entries: 100,
    }
}

/// The key pair of a worker.
pub fn pair(seed: u8) -> WorkerPair {
    WorkerPair::from_seed(&[seed; 32])
}

/// A job of this id, assigned on this fork. On every fork the work is the same, the assignment not.
pub fn assigned(id: u8, fork: u8) -> Assigned {
    let worker: WorkerId = pair(if id == 9 { 1 } else { 0 }).public();
    Assigned {
        worker,
        assignment: assignment(id, fork),
    }
}

fn assignment(id: u8, fork: u8) -> Assignment {
    let assigned_at = 1 + BlockNumber::from(fork);
    Assignment {
        job: Hash::repeat_byte(id),
        replica_of: None,
        spec: JobSpec::new(
            Hash::repeat_byte(0xaa),
            Task::Completion {
                max_new_tokens: 4,
                sampling: Sampling::GREEDY,
            },
            1,
            40,
        ),
        input_hash: payload_hash(&[id.into()]),
        input_len: 1,
        input_block: assigned_at,
        input_extrinsic: 2,
        assignment_hash: Hash::from_slice(&[[id; 16], [fork; 16]].concat()),
        assigned_at,
        deadline: assigned_at + 40,
    }
}

/// A result; those of different numbers differ.
pub fn result(number: u32) -> Completed {
    Completed {
        output: vec![number, 2, 3],
        stop: StopReason::Length,
        trace_root: Hash::from_low_u64_be(number.into()),
    }
}

/// A signature for an assignment. What it covers does not matter to the machine.
pub fn sign(assigned: &Assigned) -> Signed {
    Signed {
        worker: assigned.worker.clone(),
        assignment_hash: assigned.assignment.assignment_hash,
        signature: pair(0).sign(b"an attestation"),
    }
}
