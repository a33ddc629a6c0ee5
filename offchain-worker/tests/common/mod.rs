//! What the integration tests share.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used)]

pub mod chain;

use kagari_offchain_worker::{Inference, InferenceConfig};
use kagari_primitives::{known_models, Manifest, Sampling, Task, Word};
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// Inputs that make the echo child fail: see `examples/echo-child.rs`.
pub const CRASH: Word = 0xdead;
pub const HANG: Word = 0xb10c;
pub const IGNORE: Word = 0x1dea;
pub const GARBAGE: Word = 0x6a5b;
pub const STRANGER: Word = 0x57a6;
pub const REFUSE: Word = 0xbad;

/// A program of `examples/`, which `cargo test` builds.
pub fn example(name: &str) -> PathBuf {
    let tests = env::current_exe().unwrap();
    let target = tests.parent().and_then(Path::parent).unwrap();
    let program = target.join("examples").join(name);
    assert!(
        program.is_file(),
        "{} is missing: cargo build --examples makes it",
        program.display()
    );
    program
}

/// A model whose files are there; the echo child does not look at them.
pub fn model() -> Manifest {
    let mut model = known_models::smollm2_135m_instruct();
    model.name = b"echo".to_vec().try_into().unwrap();
    model.weights.len = 4;
    model
}

/// Another one.
pub fn other_model() -> Manifest {
    Manifest {
        name: b"other".to_vec().try_into().unwrap(),
        ..model()
    }
}

/// A folder with the files of both models.
pub fn models_dir() -> TempDir {
    let dir = TempDir::new().unwrap();
    for model in [model(), other_model()] {
        let folder = dir.path().join(model.name_text());
        fs::create_dir(&folder).unwrap();
        File::create(folder.join("model.gguf"))
            .unwrap()
            .set_len(4)
            .unwrap();
    }
    dir
}

pub fn config(models: &Path, program: PathBuf) -> InferenceConfig {
    InferenceConfig {
        models_dir: models.into(),
        program,
        memory_mib: 4_096,
        threads: 2,
        concurrency: 2,
        timeout: Duration::from_secs(120),
    }
}

/// Inference with the echo child.
pub fn echo(models: &TempDir) -> Inference {
    Inference::start(config(models.path(), example("echo-child")), None)
}

pub fn task() -> Task {
    Task::Completion {
        max_new_tokens: 4,
        sampling: Sampling::GREEDY,
    }
}

/// Waits until something holds; what is to fail on a machine that does nothing for long is the test
/// harness, not this.
pub fn wait_until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..12_000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not come about");
}

pub fn is_alive(pid: u32) -> bool {
    // A process that has ended and was not waited for stays as a zombie.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next());
    state.is_some_and(|state| state != 'Z')
}

pub fn kill(pid: u32) {
    // SAFETY: it touches no memory.
    let killed = unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
    assert_eq!(killed, 0);
}
