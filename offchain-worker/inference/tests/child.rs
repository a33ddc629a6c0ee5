//! The child as a process: what it answers, and what ends it.
//!
//! This file has a `main` of its own, so that it can be the child too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "child/process.rs"]
mod process;
#[path = "child/requests.rs"]
mod requests;
#[path = "child/scenarios.rs"]
mod scenarios;
#[path = "models/support.rs"]
#[allow(dead_code)]
mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some(process::CHILD) => process::be_the_child(args),
        Some(process::PARENT) => process::be_a_parent(),
        // Whatever else there is, is for a test harness.
        _ => run_all(),
    }
}

fn run_all() -> ExitCode {
    for (name, scenario) in scenarios::ALL {
        println!("child: {name}");
        scenario();
    }
    println!("child: {} passed", scenarios::ALL.len());
    ExitCode::SUCCESS
}
