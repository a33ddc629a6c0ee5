//! Providers that cheat, and replays that notice: so many trials of each way to cheat, on the real model.
//!
//! `KAGARI_TRIALS` says how many; `scripts/prove-replay.sh` runs a thousand of each.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod provider;
mod tampered;

use super::{
    tests::{llama, weights},
    Llama,
};
use crate::completion::{Job, Replayed};
use kagari_primitives::{known_models, model::Manifest, Sampling, StopReason, Word};
use proptest::{
    prelude::Rng as _,
    test_runner::{RngAlgorithm, TestRng},
};
use provider::{generate, replay, root_of, Provider};
use std::ops::Range;

/// Trials of each cheat, if the environment does not say.
const TRIALS: usize = 4;

/// The model, and jobs that are drawn at random.
struct Bench {
    file: Vec<u8>,
    llama: Llama,
    manifest: Manifest,
    rng: TestRng,
}

/// A cheat's claims: for each trial the job, and what is claimed of it.
type Claim = (Job, crate::protocol::Completed);

impl Bench {
    fn new() -> Self {
        let file = weights();
        Self {
            llama: llama(&file),
            file,
            manifest: known_models::smollm2_135m_instruct(),
            rng: TestRng::deterministic_rng(RngAlgorithm::ChaCha),
        }
    }

    fn below(&mut self, end: usize) -> usize {
        (self.rng.next_u64() % end as u64) as usize
    }

    fn within(&mut self, range: Range<usize>) -> usize {
        range.start + self.below(range.end - range.start)
    }

    fn words(&mut self, count: usize) -> Vec<Word> {
        (0..count)
            .map(|_| self.within(17..49_000) as Word)
            .collect()
    }

    /// A question under the system prompt; half of them greedy.
    fn job(&mut self) -> Job {
        let temperature = [0, 800][self.below(2)];
        self.job_at(temperature)
    }

    fn job_at(&mut self, temperature: u32) -> Job {
        let template = self.manifest.chat_template.clone().unwrap();
        let count = self.within(2..14);
        let question = self.words(count);
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        Job {
            max_new_tokens: 12,
            sampling: Sampling {
                temperature,
                top_p: 950,
                seed: 0,
            },
            seed,
            input: [
                &template.default_system[..],
                &template.user_open,
                &question,
                &template.close,
                &template.assistant_open,
            ]
            .concat(),
        }
    }

    /// Tries a cheat until it has made so many claims that differ from the truth: a replay notices each of
    /// them, and holds with the others. Gives how many others there were.
    fn try_cheat(
        &mut self,
        name: &str,
        mut cheat: impl FnMut(&mut Self) -> Option<Claim>,
    ) -> usize {
        let trials = std::env::var("KAGARI_TRIALS").ok();
        let trials = trials.map_or(TRIALS, |trials| trials.parse().expect("a number of trials"));
        let (mut lies, mut truths) = (0, 0);
        while lies < trials {
            assert!(
                truths <= 20 * trials,
                "{name}: {lies} lies, {truths} truths"
            );
            let Some((job, claimed)) = cheat(self) else {
                continue;
            };
            let found = replay(&self.llama, &self.manifest, job.clone(), &claimed);
            if found == Replayed::Holds {
                // Bit for bit what the model gives: there is nothing to notice.
                let honest = generate(&self.llama, &self.manifest, job);
                assert_eq!(claimed, honest, "{name}: a lie went unnoticed");
                truths += 1;
                continue;
            }
            lies += 1;
            if lies % 100 == 0 {
                eprintln!("{name}: {lies} of {trials} noticed");
            }
        }
        println!("{name}: {lies} of {lies} lies noticed, {truths} claims were no lies");
        truths
    }
}

#[test]
fn another_quantisation_is_noticed() {
    let mut bench = Bench::new();
    let others = tampered::requantised(&bench.file);
    let mut next = (0..others.len()).cycle();
    let truths = bench.try_cheat("another quantisation", |bench| {
        let job = bench.job();
        let claimed = generate(&others[next.next()?], &bench.manifest, job.clone());
        Some((job, claimed))
    });
    assert_eq!(truths, 0);
}

#[test]
fn a_flipped_weight_is_noticed() {
    let mut bench = Bench::new();
    let mut other = llama(&bench.file);
    bench.try_cheat("a flipped weight", |bench| {
        let job = bench.job();
        let random = [(); 4].map(|()| bench.rng.next_u64() as usize);
        let layer = tampered::flip_a_weight(&bench.file, &mut other, random);
        let claimed = generate(&other, &bench.manifest, job.clone());
        tampered::put_back(&bench.file, &mut other, layer);
        Some((job, claimed))
    });
}

#[test]
fn rows_reduced_in_another_order_are_noticed() {
    let mut bench = Bench::new();
    let mut other = llama(&bench.file);
    bench.try_cheat("rows reduced in another order", |bench| {
        let job = bench.job();
        let layer = bench.below(30);
        let blocks = [(); 2].map(|()| bench.below(1_536 / 32));
        tampered::swap_blocks(&bench.file, &mut other, layer, blocks);
        let claimed = generate(&other, &bench.manifest, job.clone());
        tampered::put_back(&bench.file, &mut other, layer);
        (blocks[0] != blocks[1]).then_some((job, claimed))
    });
}

#[test]
fn a_changed_prompt_token_is_noticed() {
    let truths = Bench::new().try_cheat("a changed prompt token", |bench| {
        let job = bench.job();
        let mut other = job.clone();
        let at = bench.below(job.input.len());
        other.input[at] = bench.within(17..49_000) as Word;
        (other.input != job.input).then(|| {
            let claimed = generate(&bench.llama, &bench.manifest, other);
            (job, claimed)
        })
    });
    assert_eq!(truths, 0);
}

#[test]
fn a_dropped_system_prompt_is_noticed() {
    let truths = Bench::new().try_cheat("a dropped system prompt", |bench| {
        let job = bench.job();
        let system = bench.manifest.chat_template.clone()?.default_system.len();
        let mut other = job.clone();
        other.input.drain(..system);
        Some((job, generate(&bench.llama, &bench.manifest, other)))
    });
    assert_eq!(truths, 0);
}

#[test]
fn another_seed_is_noticed() {
    Bench::new().try_cheat("another seed", |bench| {
        let job = bench.job_at(1_000);
        let mut other = job.clone();
        bench.rng.fill_bytes(&mut other.seed);
        Some((job, generate(&bench.llama, &bench.manifest, other)))
    });
}

#[test]
fn another_temperature_is_noticed() {
    Bench::new().try_cheat("another temperature", |bench| {
        let job = bench.job_at(1_000);
        let mut other = job.clone();
        other.sampling.temperature = [0, 500, 1_500][bench.below(3)];
        Some((job, generate(&bench.llama, &bench.manifest, other)))
    });
}

/// The rest is what the model says after that token, with the root of just that.
#[test]
fn the_second_best_token_is_noticed() {
    let truths = Bench::new().try_cheat("the second best token", |bench| {
        let job = bench.job();
        let at = bench.below(job.max_new_tokens as usize);
        let mut provider = Provider::new(&bench.llama, &bench.manifest, &job);
        provider.second_best_at = Some(at);
        let claimed = provider.run();
        (claimed.output.len() > at).then_some((job, claimed))
    });
    assert_eq!(truths, 0);
}

#[test]
fn an_output_cut_short_is_noticed() {
    let truths = Bench::new().try_cheat("an output cut short", |bench| {
        let job = bench.job();
        let mut claimed = generate(&bench.llama, &bench.manifest, job.clone());
        let len = bench.within(0..claimed.output.len());
        claimed.output.truncate(len);
        claimed.stop = [StopReason::Length, StopReason::StopToken][bench.below(2)];
        claimed.trace_root = root_of(&bench.llama, &job.input, &claimed);
        Some((job, claimed))
    });
    assert_eq!(truths, 0);
}

/// Of a model that stops at one of the tokens that this one puts out.
#[test]
fn an_output_that_runs_on_past_the_stop_is_noticed() {
    let mut bench = Bench::new();
    let without = bench.manifest.clone();
    let truths = bench.try_cheat("an output that runs on past the stop", |bench| {
        let job = bench.job();
        let claimed = generate(&bench.llama, &without, job.clone());
        let stop = claimed.output[bench.below(claimed.output.len())];
        bench.manifest.stop_tokens = vec![stop].try_into().unwrap();
        (claimed.output.last() != Some(&stop)).then_some((job, claimed))
    });
    assert_eq!(truths, 0);
}

/// The root is that of the draft's tokens in the genuine model.
#[test]
fn a_draft_models_tokens_are_noticed() {
    let mut bench = Bench::new();
    let mut draft = llama(&bench.file);
    draft.weights.layers.truncate(24);
    bench.try_cheat("a draft model's tokens", |bench| {
        let job = bench.job();
        let mut claimed = generate(&draft, &bench.manifest, job.clone());
        claimed.trace_root = root_of(&bench.llama, &job.input, &claimed);
        Some((job, claimed))
    });
}

/// Half of the trials forget the last words of the prompt, half the first.
#[test]
fn a_truncated_cache_is_noticed() {
    let truths = Bench::new().try_cheat("a truncated cache", |bench| {
        let job = bench.job();
        let (forgotten, last) = (bench.within(1..job.input.len()), bench.below(2) == 0);
        let mut provider = Provider::new(&bench.llama, &bench.manifest, &job);
        match last {
            true => provider.forget_last = forgotten,
            false => provider.forget_first = forgotten,
        }
        let claimed = provider.run();
        // With one token, nothing was read from the cache.
        (claimed.output.len() > 1 || !last).then_some((job, claimed))
    });
    assert_eq!(truths, 0);
}
