//! The command `kagari`, as a person or a program runs it.

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// How a run of the command ended, and what it said.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it answered.
    pub answer: String,
    /// What it said beside the answer.
    pub notes: String,
}

impl Ran {
    /// The answer, which has to be JSON.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.answer).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// Runs the command against the node at `url`.
pub async fn kagari(url: &str, args: &[&str]) -> Ran {
    let run = Command::new(program())
        .args(args)
        .args(["--url", url])
        .output();
    let output = run.await.expect("the command can be started");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes text");
    let ran = Ran {
        code: output.status.code(),
        answer: text(output.stdout),
        notes: text(output.stderr),
    };
    println!("kagari {}: {ran:?}", args.join(" "));
    ran
}

/// The command lies beside the node.
fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_kagari-node")).with_file_name("kagari");
    assert!(
        program.is_file(),
        "{} is missing: cargo build --workspace --bins makes it",
        program.display()
    );
    program
}
