//! How fast MiniLM embeds here. Prints a line of JSON for each way, and writes inputs and vectors to a
//! file, for `scripts/bench-embedding.sh` to compare with others on the same inputs.
#![allow(clippy::unwrap_used)]

#[path = "common/timing.rs"]
mod timing;

use kagari_inference::{Model, Work};
use kagari_primitives::{known_models, Task, Word};
use serde_json::json;
use std::{hint::black_box, path::PathBuf};
use timing::{median, seconds};

/// Sentences of a batch.
const BATCH: usize = 32;
const RUNS: usize = 15;

const PARTS: [&str; 12] = [
    "The lamp over the harbour was lit before dusk",
    "nobody had asked for the price of the second machine",
    "and rain came in from the west",
    "while the auction went on without them",
    "a small flame is enough to find the door",
    "though the ledger showed neither debt nor credit",
    "until the last of the boats had turned",
    "so the keeper wrote down the hour and the wind",
    "which is why, in 1987, they built the wall twice",
    "because every result has to be the same everywhere",
    "or else the whole night's work is worth nothing",
    "then silence",
];

fn main() {
    let models = PathBuf::from(std::env::var_os("KAGARI_MODELS").unwrap());
    let file = std::env::args().nth(1).unwrap();
    let model = Model::load(&models, known_models::all_minilm_l6_v2()).unwrap();
    let inputs: Vec<Vec<Word>> = (0..BATCH)
        .map(|i| model.encode(&sentence(i)).unwrap())
        .collect();
    let long = model.encode(&PARTS.join(", ").repeat(3)).unwrap();
    let long = vec![long[..256].to_vec()];
    let vectors: Vec<Vec<f32>> = inputs
        .iter()
        .chain(&long)
        .map(|i| embed_alone(&model, i))
        .collect();
    let written = json!({ "inputs": inputs, "long": long, "vectors": vectors });
    std::fs::write(file, written.to_string()).unwrap();
    report("one by one", &inputs, || {
        inputs
            .iter()
            .for_each(|input| drop(black_box(embed_alone(&model, input))));
    });
    report("in one batch", &inputs, || {
        drop(black_box(embed(&model, &inputs)))
    });
    report("256 tokens", &long, || {
        drop(black_box(embed(&model, &long)))
    });
}

/// One to seven parts.
fn sentence(number: usize) -> String {
    let parts = (0..=number % 7).map(|i| PARTS[(number * 5 + i * 7) % PARTS.len()]);
    parts.collect::<Vec<_>>().join(", ") + "."
}

fn embed_alone(model: &Model, input: &[Word]) -> Vec<f32> {
    let done = model
        .run(&Task::Embedding, &[0; 32], input, |_| ())
        .unwrap();
    done.output.into_iter().map(f32::from_bits).collect()
}

fn embed(model: &Model, inputs: &[Vec<Word>]) -> Vec<Work> {
    let start = |input: &Vec<Word>| model.start(&Task::Embedding, &[0; 32], input).unwrap();
    let mut works: Vec<Work> = inputs.iter().map(start).collect();
    model.advance(&mut works.iter_mut().collect::<Vec<_>>());
    assert!(works.iter().all(Work::is_done));
    works
}

fn report(way: &str, inputs: &[Vec<Word>], work: impl Fn()) {
    work();
    let tokens: usize = inputs.iter().map(Vec::len).sum();
    let rate = tokens as f64 / median((0..RUNS).map(|_| seconds(&work)));
    println!(
        "{}",
        json!({ "name": "kagari", "way": way, "tokens a second": rate.round() })
    );
}
