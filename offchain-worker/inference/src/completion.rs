//! Goes on with an input, token by token.

use crate::{
    llama::{Decided, Llama, Unfed},
    protocol::{Completed, Failure},
    sampling,
};
use kagari_primitives::{
    model::Manifest,
    trace::{values_hash, TraceBuilder},
    Sampling, StopReason, Word, MAX_OUTPUT,
};

/// A completion that is asked for.
pub struct Job<'a> {
    /// Most tokens put out.
    pub max_new_tokens: u32,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Seed of the draws.
    pub seed: [u8; 32],
    /// The input; its ids are the model's.
    pub input: &'a [Word],
}

impl Job<'_> {
    fn check(&self) -> Result<(), Failure> {
        if self.max_new_tokens == 0 {
            return Err(Failure::bad_input(
                "max new tokens is 0, expected 1 or more",
            ));
        }
        if !self.sampling.is_valid() {
            let Sampling {
                temperature, top_p, ..
            } = self.sampling;
            return Err(Failure::bad_input(format!(
                "temperature {temperature} and top-p {top_p} (in thousandths), expected 0 to {} and \
                 1 to 1000",
                Sampling::MAX_TEMPERATURE
            )));
        }
        Ok(())
    }

    /// Most tokens that can be put out: as many as were asked for, and as the context has room for.
    fn limit(&self, manifest: &Manifest) -> Result<usize, Failure> {
        let context = manifest.shape.context as usize;
        let room = context.saturating_sub(self.input.len());
        if room == 0 {
            return Err(Failure::bad_input(format!(
                "the input has {} tokens, the model's context of {context} leaves no room to go on",
                self.input.len()
            )));
        }
        Ok(room.min(self.max_new_tokens.min(MAX_OUTPUT) as usize))
    }
}

/// Runs a completion. A stop token, when drawn, is the last of the output.
pub fn run(
    llama: &Llama,
    manifest: &Manifest,
    job: &Job,
    mut progress: impl FnMut(u32),
) -> Result<Completed, Failure> {
    job.check()?;
    let limit = job.limit(manifest)?;
    // The last token that is put out is not fed.
    let mut session = llama.session(job.input.len() + limit - 1);
    let mut output = Output::default();
    let mut decided = session.feed(job.input, || progress(0));
    loop {
        let stop = match decided {
            Ok(decided) => output.next(&decided, job, manifest, limit),
            Err(Unfed::NonFinite) => Some(StopReason::NonFinite),
            Err(error) => return Err(Failure::internal(error.to_string())),
        };
        progress(output.words.len() as u32);
        if let Some(stop) = stop {
            return Ok(output.finish(stop));
        }
        decided = session.feed(output.last(), || ());
    }
}

/// Whether a completion is what the model gives, as found by one pass over prompt and output.
pub fn replay(
    llama: &Llama,
    manifest: &Manifest,
    job: &Job,
    claimed: &Completed,
) -> Result<Replayed, Failure> {
    job.check()?;
    let limit = job.limit(manifest)?;
    let words = &claimed.output;
    let is_known = |word: &&Word| **word < manifest.shape.vocab;
    let known = words.iter().take(limit).take_while(is_known).count();
    // The last token that is put out is not fed, but for one after which a value was not finite, or
    // after which nonsense is claimed.
    let all_fed = claimed.stop == StopReason::NonFinite || known < words.len();
    let unfed = usize::from(!all_fed || known == limit);
    let fed = [job.input, &words[..known.saturating_sub(unfed)]].concat();
    let (mut output, mut ended) = (Output::default(), None);
    let each = |decided: Decided| {
        ended = output.next(&decided, job, manifest, limit);
        let agreed = output.words.last() == words.get(output.words.len().saturating_sub(1));
        ended.is_none() && agreed
    };
    match llama
        .session(fed.len())
        .feed_each(&fed, job.input.len() - 1, each)
    {
        Ok(()) => {}
        Err(Unfed::NonFinite) => ended = Some(StopReason::NonFinite),
        Err(error) => return Err(Failure::internal(error.to_string())),
    }
    Ok(output.compare(ended, claimed))
}

/// What a replay finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// The completion holds.
    Holds,
    /// The first position of the output that differs, or its length where it ends too soon or goes on too
    /// long, or for another reason.
    Differs(u32),
    /// The tokens are right, and the trace's root is not theirs.
    OtherTrace,
}

/// What was put out so far.
#[derive(Default)]
struct Output {
    words: Vec<Word>,
    trace: TraceBuilder,
}

impl Output {
    /// Draws one more token; gives the reason to stop, if there is one.
    fn next(
        &mut self,
        decided: &Decided,
        job: &Job,
        manifest: &Manifest,
        limit: usize,
    ) -> Option<StopReason> {
        let position = self.words.len() as u32;
        let drawn = sampling::draw(&decided.logits, &job.sampling, &job.seed, position);
        let Some(word) = drawn else {
            return Some(StopReason::NonFinite);
        };
        self.words.push(word);
        self.trace.push(word, values_hash(&decided.hidden));
        if manifest.stop_tokens.contains(&word) {
            return Some(StopReason::StopToken);
        }
        (self.words.len() == limit).then_some(StopReason::Length)
    }

    /// The last token, as what is fed next.
    fn last(&self) -> &[Word] {
        &self.words[self.words.len().saturating_sub(1)..]
    }

    /// What a replay that came to this finds of what is claimed.
    fn compare(self, ended: Option<StopReason>, claimed: &Completed) -> Replayed {
        let pairs = self.words.iter().zip(&claimed.output);
        let same = pairs
            .take_while(|(found, claimed)| found == claimed)
            .count();
        let (found, stop) = (self.words.len(), claimed.stop);
        if same < found || found < claimed.output.len() || ended != Some(stop) {
            return Replayed::Differs(same as u32);
        }
        match self.trace.finish(stop) == claimed.trace_root {
            true => Replayed::Holds,
            false => Replayed::OtherTrace,
        }
    }

    fn finish(self, stop: StopReason) -> Completed {
        Completed {
            output: self.words,
            stop,
            trace_root: self.trace.finish(stop),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use kagari_primitives::known_models;

    fn job(input: &[Word], max_new_tokens: u32) -> Job<'_> {
        Job {
            max_new_tokens,
            sampling: Sampling::GREEDY,
            seed: [0; 32],
            input,
        }
    }

    /// Logits that are greatest at `word`.
    fn logits(word: usize) -> Decided {
        let mut logits = vec![0.0; 100];
        logits[word] = 1.0;
        let hidden = vec![word as f32];
        Decided { hidden, logits }
    }

    #[test]
    fn a_stop_token_is_the_last_of_the_output() {
        let manifest = known_models::smollm2_135m_instruct();
        let mut output = Output::default();
        assert_eq!(output.next(&logits(50), &job(&[1], 9), &manifest, 9), None);
        let stop = output.next(&logits(2), &job(&[1], 9), &manifest, 9);
        assert_eq!(stop, Some(StopReason::StopToken));
        assert_eq!(output.words, [50, 2]);
    }

    #[test]
    fn a_stop_token_at_the_limit_counts_as_a_stop_token() {
        let manifest = known_models::smollm2_135m_instruct();
        let next = |word| Output::default().next(&logits(word), &job(&[1], 1), &manifest, 1);
        assert_eq!(next(2), Some(StopReason::StopToken));
        assert_eq!(next(50), Some(StopReason::Length));
    }

    #[test]
    fn values_that_are_not_finite_end_the_output_before_their_token() {
        let manifest = known_models::smollm2_135m_instruct();
        let mut output = Output::default();
        output.next(&logits(50), &job(&[1], 9), &manifest, 9);
        let nonsense = Decided {
            hidden: vec![0.0],
            logits: vec![0.0, f32::NAN],
        };
        let stop = output.next(&nonsense, &job(&[1], 9), &manifest, 9);
        assert_eq!(stop, Some(StopReason::NonFinite));
        let completed = output.finish(StopReason::NonFinite);
        assert_eq!(completed.output, [50]);
        let mut trace = TraceBuilder::default();
        trace.push(50, values_hash(&logits(50).hidden));
        assert_eq!(completed.trace_root, trace.finish(StopReason::NonFinite));
    }

    #[test]
    fn the_context_bounds_the_output() {
        let manifest = known_models::smollm2_135m_instruct();
        let context = manifest.shape.context as usize;
        let limit = |len, max| job(&vec![1; len], max).limit(&manifest);
        assert_eq!(limit(1, 10).unwrap(), 10);
        assert_eq!(limit(1, u32::MAX).unwrap(), context - 1);
        assert_eq!(limit(context - 3, 10).unwrap(), 3);
        assert!(limit(context, 10).unwrap_err().message.contains("no room"));
    }

    #[test]
    fn senseless_settings_are_refused() {
        assert!(job(&[1], 1).check().is_ok());
        assert!(job(&[1], 0)
            .check()
            .unwrap_err()
            .message
            .contains("max new tokens is 0"));
        let hot = Sampling {
            temperature: 10_001,
            ..Sampling::GREEDY
        };
        let refused = Job {
            sampling: hot,
            ..job(&[1], 1)
        }
        .check()
        .unwrap_err();
        assert!(refused.message.contains("temperature 10001"), "{refused}");
        let none = Sampling {
            top_p: 0,
            ..Sampling::GREEDY
        };
        assert!(Job {
            sampling: none,
            ..job(&[1], 1)
        }
        .check()
        .is_err());
    }
}
