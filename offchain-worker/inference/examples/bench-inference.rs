//! How fast SmolLM2 runs here, beside candle as it comes and the speed of reading its weights. Prints a
//! line of JSON for each; `scripts/bench-inference.sh` makes a table of them.
#![allow(clippy::unwrap_used)]

#[path = "common/batch.rs"]
mod batch;
#[path = "common/timing.rs"]
mod timing;

use candle_core::{quantized::gguf_file::Content, Device, Tensor};
use candle_transformers::models::quantized_llama::ModelWeights;
use kagari_inference::{gguf::Gguf, protocol::Completed, Model, Outcome, Replayed};
use kagari_kernels::{
    fast::{Activations, InstructionSet, Matrix, Threads},
    reference::Format,
};
use kagari_primitives::{
    known_models,
    trace::{values_hash, TraceBuilder},
    Hash, Sampling, StopReason, Task, Word,
};
use serde_json::json;
use std::{
    hint::black_box,
    path::{Path, PathBuf},
    thread,
};
use timing::{median, seconds};

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
    let file = models.join(manifest.name_text()).join("model.gguf");
    report_replay(&model, &std::fs::read(&file).unwrap());
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

fn report(name: &str, prefill: impl Fn() -> f64, decode: impl Fn() -> f64) {
    let (prefill, decode) = (
        median((0..RUNS).map(|_| prefill())),
        median((0..RUNS).map(|_| decode())),
    );
    let (prefill, decode) = (PREFILL as f64 / prefill, (DECODE - 1) as f64 / decode);
    println!(r#"{{"name":"{name}","prefill":{prefill:.1},"decode":{decode:.1}}}"#);
}

/// What a replay of 64 words and 256 tokens costs, as a share of what else could be done.
fn report_replay(model: &Model, file: &[u8]) {
    let (task, input) = (greedy(256), words(64));
    let generate = || model.run(&task, &[0; 32], &input, |_| ()).unwrap();
    let claimed = generate();
    let replay = || model.replay(&task, &[0; 32], &input, &claimed).unwrap();
    let head = Head::new(file);
    let cost = |work: &dyn Fn()| median((0..RUNS).map(|_| seconds(work)));
    let generating = cost(&|| drop(generate()));
    let replaying = cost(&|| assert_eq!(replay(), Replayed::Holds));
    let prefilling = cost(&|| drop(complete(model, 320, 1))) + cost(&|| head.project(256));
    let hashing = cost(&|| assert_ne!(trace_root(256), Hash::zero()));
    let share = |cost: f64, of: f64| format!("{:.4}", cost / of);
    println!(
        "{}",
        json!({
            "name": format!("replay of 64 + {} tokens", claimed.output.len()),
            "of generating": share(replaying, generating),
            "of a prefill of 320 with 256 logits": share(replaying, prefilling),
        })
    );
    println!(
        "{}",
        json!({
            "name": "hashing the trace",
            "of generating": share(hashing, generating),
            "of replaying": share(hashing, replaying),
        })
    );
    report_batch(model, generating);
}

/// The same for 32 jobs at once, of which each has words of its own.
fn report_batch(model: &Model, generating_one: f64) {
    const JOBS: usize = 32;
    let task = greedy(256);
    let inputs: Vec<Vec<Word>> = (0..JOBS).map(|i| words(64 + i)[i..].to_vec()).collect();
    let generate = || {
        let start = |input: &Vec<Word>| model.start(&task, &[0; 32], input).unwrap();
        batch::complete(model, inputs.iter().map(start).collect())
    };
    let claims = generate();
    let replay = || {
        let start = |(input, claimed): (&Vec<Word>, &Completed)| {
            let claimed = claimed.clone();
            model.start_replay(&task, &[0; 32], input, claimed).unwrap()
        };
        batch::finish(model, inputs.iter().zip(&claims).map(start).collect())
    };
    let holds = Outcome::Replayed(Replayed::Holds);
    assert!(replay().iter().all(|found| *found == holds));
    let cost = |work: &dyn Fn()| median((0..3).map(|_| seconds(work)));
    let (generating, replaying) = (cost(&|| drop(generate())), cost(&|| drop(replay())));
    let tokens: usize = claims.iter().map(|claimed| claimed.output.len()).sum();
    println!(
        "{}",
        json!({
            "name": format!("replay of a batch of {JOBS}"),
            "of generating one by one": format!("{:.4}", replaying / generating_one / JOBS as f64),
            "of generating the batch": format!("{:.4}", replaying / generating),
            "tokens a second, generating": (tokens as f64 / generating).round(),
        })
    );
}

/// The root of so many positions of the model's width.
fn trace_root(positions: usize) -> Hash {
    let hidden: Vec<f32> = (0..576).map(|i| i as f32).collect();
    let mut trace = TraceBuilder::default();
    (0..positions).for_each(|i| trace.push(i as Word, values_hash(black_box(&hidden))));
    trace.finish(StopReason::Length)
}

/// The matrix that makes logits.
struct Head {
    matrix: Matrix,
    set: InstructionSet,
    threads: Threads,
}

impl Head {
    fn new(file: &[u8]) -> Self {
        let gguf = Gguf::parse(file).unwrap();
        let (info, bytes) = gguf.tensor("token_embd.weight").unwrap();
        let matrix = Matrix::pack(Format::Q8_0, info.dims[0], info.dims[1], bytes).unwrap();
        Self {
            matrix,
            set: InstructionSet::best(),
            threads: Threads::with_default_count().unwrap(),
        }
    }

    /// Logits of so many positions, 32 at a time.
    fn project(&self, positions: usize) {
        let Self {
            matrix,
            set,
            threads,
        } = self;
        let columns = matrix.columns();
        let x = vec![0.5; 32 * columns];
        for _ in 0..positions / 32 {
            let x = Activations::prepare(*set, threads, matrix.format(), columns, &x).unwrap();
            let mut logits = vec![0.0; 32 * matrix.rows()];
            matrix.multiply(*set, threads, &x, &mut logits);
            black_box(logits);
        }
    }
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
    let limit = 1.0 / median((0..3 * RUNS).map(|_| seconds(read)));
    println!(r#"{{"name":"reading the weights","decode":{limit:.1}}}"#);
}
