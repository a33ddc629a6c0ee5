//! How long loading SmolLM2 takes beside reading its file through a memory map, from the disk and from memory,
//! and how much memory it takes at most, loading and a long job included. Prints lines of JSON;
//! `scripts/bench-load.sh` makes a table of them.
#![allow(clippy::unwrap_used)]

#[path = "common/timing.rs"]
mod timing;

use kagari_inference::Model;
use kagari_primitives::{known_models, Sampling, Task, Word};
use memmap2::Mmap;
use serde_json::json;
use std::{
    fs::File,
    hint::black_box,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};
use timing::{median, seconds};

const RUNS: usize = 7;
const MIB: f64 = (1 << 20) as f64;

fn main() {
    let models = PathBuf::from(std::env::var_os("KAGARI_MODELS").unwrap());
    match std::env::args().nth(1).as_deref() {
        Some("memory") => report_memory(&models),
        _ => report_time(&models),
    }
}

/// With a copy of the file, since the system does not forget what some process has mapped.
fn report_time(models: &Path) {
    let manifest = known_models::smollm2_135m_instruct();
    let copy = tempfile::tempdir_in(models).unwrap();
    let dir = copy.path().join(manifest.name_text());
    std::fs::create_dir(&dir).unwrap();
    let file = dir.join("model.gguf");
    std::fs::copy(models.join(manifest.name_text()).join("model.gguf"), &file).unwrap();
    let load = || Model::load(copy.path(), manifest.clone()).unwrap();
    report("from the disk", || forget(&file), || read(&file), load);
    report("from memory", || read(&file), || read(&file), load);
}

/// Reads all of a file through a memory map, once.
fn read(file: &Path) {
    let file = File::open(file).unwrap();
    // SAFETY: nobody changes the file.
    let bytes = unsafe { Mmap::map(&file) }.unwrap();
    let (words, _) = bytes.as_chunks::<8>();
    let add = |sum: u64, word: &[u8; 8]| sum.wrapping_add(u64::from_le_bytes(*word));
    black_box(words.iter().fold(0, add));
}

/// Has the system forget what it holds of a file.
fn forget(file: &Path) {
    let file = File::open(file).unwrap();
    file.sync_all().unwrap();
    // SAFETY: it takes numbers and touches no memory.
    let result = unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    assert_eq!(result, 0);
}

/// What is read or loaded is let go of after the clock has stopped.
fn report(from: &str, prepare: impl Fn(), read: impl Fn(), load: impl Fn() -> Model) {
    let measure_both = || {
        prepare();
        let reading = seconds(&read);
        prepare();
        let mut loaded = None;
        let loading = seconds(|| loaded = Some(load()));
        (reading, loading)
    };
    let measured: Vec<_> = (0..RUNS).map(|_| measure_both()).collect();
    let reading = median(measured.iter().map(|(reading, _)| *reading));
    let loading = median(measured.iter().map(|(_, loading)| *loading));
    let rounded = |x: f64| (x * 1_000.0).round() / 1_000.0;
    println!(
        "{}",
        json!({
            "name": from,
            "reading, s": rounded(reading),
            "loading, s": rounded(loading),
            "ratio": rounded(loading / reading),
        })
    );
}

/// Most memory that this process has had, beside what it needs at least.
fn report_memory(models: &Path) {
    let manifest = known_models::smollm2_135m_instruct();
    let model = Model::load(models, manifest.clone()).unwrap();
    let loaded = most_memory();
    let input: Vec<Word> = (0..2_000).map(|i| 17 + i * 7_919 % 40_000).collect();
    let new = 48;
    let task = Task::Completion {
        max_new_tokens: new,
        sampling: Sampling::GREEDY,
    };
    let done = model.run(&task, &[0; 32], &input, |_| ()).unwrap();
    let positions = input.len() + new as usize;
    let shape = manifest.shape;
    let row = usize::from(shape.layers) * usize::from(shape.kv_heads) * usize::from(shape.head_dim);
    let weights = manifest.weights.len as f64 / MIB;
    let cache = (2 * 4 * positions * row) as f64 / MIB;
    println!(
        "{}",
        json!({
            "name": "memory, MiB",
            "weights": weights.round(),
            "cache": cache.round(),
            "most, loading": loaded.round(),
            "most, running": most_memory().round(),
            "more than both": (most_memory() - weights - cache).round(),
            "tokens": done.output.len(),
        })
    );
}

fn most_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1_024.0
}
