//! The inference child alone, as `kagari-node inference-child` runs it: it takes requests on its
//! standard input and answers on its standard output.
#![allow(clippy::expect_used)]

use kagari_inference::child::{serve, ChildLimits};
use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    let value = |name: &str| {
        let at = args
            .iter()
            .position(|arg| arg == name)
            .expect("the argument is given");
        args[at + 1].parse().expect("the argument is a number")
    };
    serve(ChildLimits {
        memory_mib: value("--memory-mib"),
        threads: value("--threads") as usize,
        concurrency: value("--concurrency") as usize,
        queue: 4,
    })
}
