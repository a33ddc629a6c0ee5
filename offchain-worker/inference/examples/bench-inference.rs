//! How fast SmolLM2 runs here, beside candle as it comes and the speed of reading its weights. Prints a
//! line of JSON for each; `scripts/bench-inference.sh` makes a table of them.
#![allow(clippy::unwrap_used)]

use candle_core::{quantized::gguf_file::Content, Device, Tensor};
use candle_transformers::models::quantized_llama::ModelWeights;
use kagari_inference::{protocol::Completed, Model};
use kagari_primitives::{known_models, Sampling, Task, Word};
use std::{
    hint::black_box,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

const PREFILL: usize = 512;
const DECODE: usize = 128;
/// Words before those that are decoded.
const PROMPT: usize = 16;
const RUNS: usize = 5;

fn main() {
    let models = PathBuf::from(std::env::var_os("KAGARI_MODELS").unwrap());
    let manifest = known_models::smollm2_135m_instruct();
    let model = Model::load(&models, manifest.clone()).unwrap();
    report(
        "kagari",
        || seconds(|| complete(&model, PREFILL, 1)),
        || seconds(|| complete(&model, PROMPT, DECODE)) - seconds(|| complete(&model, PROMPT, 1)),
    );
    report_replay(&model);
    let file = models.join(manifest.name_text()).join("model.gguf");
    report(
        "candle",
        || seconds(|| candle(&file, PREFILL, 1)),
        || seconds(|| candle(&file, PROMPT, DECODE)) - seconds(|| candle(&file, PROMPT, 1)),
    );
    report_limit(&std::fs::read(file).unwrap());
}

fn words(count: usize) -> Vec<Word> {
    (0..count as Word)
        .map(|i| 17 + i * 7_919 % 40_000)
        .collect()
}

fn greedy(max_new_tokens: usize) -> Task {
    Task::Completion {
        max_new_tokens: max_new_tokens as u32,
        sampling: Sampling::GREEDY,
    }
}

fn complete(model: &Model, prompt: usize, new: usize) -> Completed {
    let done = model
        .run(&greedy(new), &[0; 32], &words(prompt), |_| ())
        .unwrap();
    assert_eq!(
        done.output.len(),
        new,
        "the prompt is one that the model goes on with"
    );
    done
}

/// One pass over the prompt, then one for each token. Loading is not counted by the difference of two.
fn candle(file: &Path, prompt: usize, new: usize) {
    let mut reader = std::fs::File::open(file).unwrap();
    let content = Content::read(&mut reader).unwrap();
    let mut model = ModelWeights::from_gguf(content, &mut reader, &Device::Cpu).unwrap();
    let mut words = words(prompt);
    let mut done = 0;
    for _ in 0..new {
        let input = Tensor::new(&words[..], &Device::Cpu)
            .unwrap()
            .unsqueeze(0)
            .unwrap();
        let logits = model.forward(&input, done).unwrap();
        done += words.len();
        words = vec![logits.argmax(1).unwrap().to_vec1::<u32>().unwrap()[0]];
    }
}

fn seconds<R>(work: impl FnOnce() -> R) -> f64 {
    let begun = Instant::now();
    black_box(work());
    begun.elapsed().as_secs_f64()
}

fn median(mut runs: Vec<f64>) -> f64 {
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}

fn report(name: &str, prefill: impl Fn() -> f64, decode: impl Fn() -> f64) {
    let median_of = |work: &dyn Fn() -> f64| median((0..RUNS).map(|_| work()).collect());
    let (prefill, decode) = (median_of(&prefill), median_of(&decode));
    let (prefill, decode) = (PREFILL as f64 / prefill, (DECODE - 1) as f64 / decode);
    println!(r#"{{"name":"{name}","prefill":{prefill:.1},"decode":{decode:.1}}}"#);
}

/// What a replay of 64 words and 256 tokens costs, as a share of generating them.
fn report_replay(model: &Model) {
    let (task, input) = (greedy(256), words(64));
    let generate = || model.run(&task, &[0; 32], &input, |_| ()).unwrap();
    let claimed = generate();
    let replay = || model.replay(&task, &[0; 32], &input, &claimed).unwrap();
    let prefill = || complete(model, 320, 1);
    let cost = |work: &dyn Fn() -> f64| median((0..RUNS).map(|_| work()).collect());
    let generating = cost(&|| seconds(generate));
    let replaying = cost(&|| seconds(replay));
    let prefilling = cost(&|| seconds(prefill));
    println!(
        r#"{{"name":"replay of 64 + {} tokens","of generating":{:.3},"of a prefill of 320":{:.2}}}"#,
        claimed.output.len(),
        replaying / generating,
        replaying / prefilling,
    );
}

/// Tokens a second if reading the weights once a token were all, by as many threads as compute.
fn report_limit(weights: &[u8]) {
    let threads = std::env::var("RAYON_NUM_THREADS")
        .ok()
        .and_then(|n| n.parse().ok());
    let threads: usize = threads.unwrap_or_else(|| thread::available_parallelism().unwrap().get());
    let sum = |part: &[u8]| {
        let (words, _) = part.as_chunks::<8>();
        words
            .iter()
            .fold(0u64, |sum, w| sum.wrapping_add(u64::from_le_bytes(*w)))
    };
    let read = || {
        thread::scope(|scope| {
            let parts = weights.chunks(weights.len().div_ceil(threads));
            let reading: Vec<_> = parts
                .map(|part| scope.spawn(move || black_box(sum(part))))
                .collect();
            reading.into_iter().for_each(|r| drop(r.join()));
        });
    };
    let limit = 1.0 / median((0..3 * RUNS).map(|_| seconds(read)).collect());
    println!(r#"{{"name":"reading the weights","decode":{limit:.1}}}"#);
}
