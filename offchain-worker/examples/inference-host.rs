//! A process that keeps an inference child, as a node does, and prints the child's process id. To be
//! killed, in order to see that the child ends with it.
//!
//! `inference-host CHILD_PROGRAM`
#![allow(clippy::expect_used)]

use kagari_offchain_worker::{Inference, InferenceConfig};
use std::{env, thread, time::Duration};

fn main() {
    let config = InferenceConfig {
        models_dir: env::temp_dir(),
        program: env::args()
            .nth(1)
            .expect("the child's program is given")
            .into(),
        memory_mib: 4_096,
        threads: 1,
        concurrency: 1,
        timeout: Duration::from_secs(60),
    };
    let inference = Inference::start(config, None);
    let pid = loop {
        if let Some(pid) = inference.child_pid() {
            break pid;
        }
        thread::sleep(Duration::from_millis(10));
    };
    println!("{pid}");
    loop {
        thread::park();
    }
}
