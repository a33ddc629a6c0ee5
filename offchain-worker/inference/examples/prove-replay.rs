//! Generates from random prompts, in batches, and replays what came out: none may fail to hold. Of each
//! batch, one is generated alone besides, and has to be the same. `scripts/prove-replay.sh` runs it.
#![allow(clippy::unwrap_used)]

#[path = "common/batch.rs"]
mod batch;

use kagari_inference::{protocol::Completed, Model, Outcome, Replayed};
use kagari_primitives::{known_models, Sampling, Task, Word};
use proptest::{
    prelude::Rng,
    test_runner::{RngAlgorithm, TestRng},
};
use std::{io::Write, path::PathBuf, process::ExitCode};

const BATCH: usize = 32;

/// A job that is drawn at random.
struct Job {
    task: Task,
    seed: [u8; 32],
    input: Vec<Word>,
}

fn main() -> ExitCode {
    let prompts: usize = std::env::args()
        .nth(1)
        .map_or(10_000, |n| n.parse().unwrap());
    let models = PathBuf::from(std::env::var_os("KAGARI_MODELS").unwrap());
    let model = Model::load(&models, known_models::smollm2_135m_instruct()).unwrap();
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let (mut done, mut tokens, mut mismatches) = (0, 0, 0);
    while done < prompts {
        let count = BATCH.min(prompts - done);
        let jobs: Vec<Job> = (0..count).map(|_| job(&mut rng)).collect();
        let outputs = generate(&model, &jobs);
        mismatches += check(&model, &jobs, &outputs);
        tokens += outputs.iter().map(|c| c.output.len()).sum::<usize>();
        done += count;
        eprint!("\r{done} of {prompts} prompts, {tokens} tokens, {mismatches} mismatches ");
        std::io::stderr().flush().unwrap();
    }
    eprintln!();
    println!("{done} prompts, {tokens} tokens generated and replayed: {mismatches} mismatches");
    ExitCode::from(u8::from(mismatches > 0))
}

/// 1 to 48 words of any kind, 1 to 24 tokens, greedy or not.
fn job(rng: &mut TestRng) -> Job {
    let mut below = |end: u32| rng.next_u32() % end;
    let sampling = Sampling {
        temperature: [0, 1 + below(2_000)][below(2) as usize],
        top_p: 1 + below(1_000),
        seed: 0,
    };
    let task = Task::Completion {
        max_new_tokens: 1 + below(24),
        sampling,
    };
    let input = (0..1 + below(48)).map(|_| below(49_152)).collect();
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    Job { task, seed, input }
}

fn generate(model: &Model, jobs: &[Job]) -> Vec<Completed> {
    let start = |job: &Job| model.start(&job.task, &job.seed, &job.input).unwrap();
    batch::complete(model, jobs.iter().map(start).collect())
}

/// How many of the outputs do not hold, or are others alone.
fn check(model: &Model, jobs: &[Job], outputs: &[Completed]) -> usize {
    let replay = |(job, output): (&Job, &Completed)| {
        let output = output.clone();
        model
            .start_replay(&job.task, &job.seed, &job.input, output)
            .unwrap()
    };
    let outcomes = batch::finish(model, jobs.iter().zip(outputs).map(replay).collect());
    let failed = outcomes
        .iter()
        .filter(|found| **found != Outcome::Replayed(Replayed::Holds))
        .count();
    let alone = generate(model, &jobs[..1]);
    failed + usize::from(alone[0] != outputs[0])
}
