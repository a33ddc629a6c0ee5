//! Providers, honest and not.

use super::super::{Feed, Llama, Session, DECIDED};
use crate::{
    completion::{step, Completion, Job, Replayed},
    protocol::Completed,
    sampling,
};
use kagari_primitives::{
    model::Manifest,
    trace::{values_hash, TraceBuilder},
    Hash, StopReason, Word,
};

/// What an honest provider gives.
pub fn generate(llama: &Llama, manifest: &Manifest, job: Job) -> Completed {
    let completion = Completion::new(llama, manifest, job).unwrap();
    finish(llama, manifest, completion).finish().unwrap()
}

/// What a replay finds.
pub fn replay(llama: &Llama, manifest: &Manifest, job: Job, claimed: &Completed) -> Replayed {
    let completion = Completion::following(llama, manifest, job, claimed).unwrap();
    finish(llama, manifest, completion)
        .compare(claimed)
        .unwrap()
}

fn finish(llama: &Llama, manifest: &Manifest, mut completion: Completion) -> Completion {
    while !completion.is_done() {
        step(llama, manifest, &mut [&mut completion]);
    }
    completion
}

/// The genuine root of tokens that the model did not draw.
pub fn root_of(llama: &Llama, input: &[Word], claimed: &Completed) -> Hash {
    let mut trace = TraceBuilder::default();
    let Some((_, fed)) = claimed.output.split_last() else {
        return trace.finish(claimed.stop);
    };
    let words = [input, fed].concat();
    let mut session = llama.session(words.len());
    let mut states = feed(llama, &mut session, &words);
    let states = states.split_off((input.len() - 1) * llama.width());
    let mut output = claimed.output.iter();
    for states in states.chunks(DECIDED * llama.width()) {
        for ((hidden, _), word) in llama.decide(states).unwrap().rows().zip(&mut output) {
            trace.push(*word, values_hash(hidden));
        }
    }
    trace.finish(claimed.stop)
}

fn feed(llama: &Llama, session: &mut Session, words: &[Word]) -> Vec<f32> {
    llama
        .feed(&mut [Feed { session, words }])
        .remove(0)
        .unwrap()
}

/// A provider that goes on token by token, and may meddle.
pub struct Provider<'a> {
    llama: &'a Llama,
    manifest: &'a Manifest,
    job: &'a Job,
    /// Puts out the best other token than the one drawn, at this position.
    pub second_best_at: Option<usize>,
    /// Forgets so many positions at the end of the prompt, once it is read.
    pub forget_last: usize,
    /// Forgets so many at its beginning.
    pub forget_first: usize,
}

impl<'a> Provider<'a> {
    /// An honest one.
    pub fn new(llama: &'a Llama, manifest: &'a Manifest, job: &'a Job) -> Self {
        Self {
            llama,
            manifest,
            job,
            second_best_at: None,
            forget_last: 0,
            forget_first: 0,
        }
    }

    /// What it claims.
    pub fn run(&self) -> Completed {
        let input = &self.job.input[self.forget_first..];
        let limit = self.job.max_new_tokens as usize;
        let mut session = self.llama.session(input.len() + limit);
        let mut states = feed(self.llama, &mut session, input);
        session.truncate(input.len() - self.forget_last);
        let (mut output, mut trace) = (Vec::new(), TraceBuilder::default());
        loop {
            let last = states.split_off(states.len() - self.llama.width());
            let decided = self.llama.decide(&last).unwrap();
            let (hidden, logits) = decided.rows().next().unwrap();
            let word = self.draw(logits, output.len());
            output.push(word);
            trace.push(word, values_hash(hidden));
            let stop = match self.manifest.stop_tokens.contains(&word) {
                true => StopReason::StopToken,
                false if output.len() == limit => StopReason::Length,
                false => {
                    states = feed(self.llama, &mut session, &[word]);
                    continue;
                }
            };
            return Completed {
                output,
                stop,
                trace_root: trace.finish(stop),
            };
        }
    }

    fn draw(&self, logits: &[f32], position: usize) -> Word {
        let Job { sampling, seed, .. } = self.job;
        let drawn = sampling::draw(logits, sampling, seed, position as u32).unwrap();
        if self.second_best_at != Some(position) {
            return drawn;
        }
        let others = (0..logits.len()).filter(|id| *id != drawn as usize);
        others
            .max_by(|a, b| logits[*a].total_cmp(&logits[*b]))
            .unwrap() as Word
    }
}
