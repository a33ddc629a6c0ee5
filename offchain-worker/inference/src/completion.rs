//! Goes on with an input, token by token; or follows what is claimed to be its output, many at once.
//!
//! Completions of one model advance together: in each step a decoding one is fed its last token, and
//! those whose input is not fed yet share what is left of a pass. No completion's bits depend on those
//! beside it.

use crate::{
    llama::{Feed, Llama, Session, CHUNK, DECIDED},
    protocol::{Completed, Failure},
    sampling,
};
use codec::{Decode, Encode};
use kagari_kernels::NonFinite;
use kagari_primitives::{
    model::Manifest,
    trace::{values_hash, TraceBuilder},
    Sampling, StopReason, Word, MAX_OUTPUT,
};

/// A completion that is asked for.
#[derive(Clone)]
pub struct Job {
    /// Most tokens put out.
    pub max_new_tokens: u32,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Seed of the draws.
    pub seed: [u8; 32],
    /// The input; its ids are the model's.
    pub input: Vec<Word>,
}

impl Job {
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

/// A completion that goes on step by step.
pub struct Completion {
    job: Job,
    /// Most tokens that can be put out.
    limit: usize,
    session: Session,
    /// What is to be fed: the input, then the output as far as it is known.
    words: Vec<Word>,
    fed: usize,
    /// Whether tokens that are put out are fed, or only compared with those that follow the input.
    generates: bool,
    /// Most words that are fed at once: one from where a value that is not finite came up, since what
    /// comes before it is to be seen all the same.
    together: usize,
    output: Output,
    ended: Option<StopReason>,
    /// Nothing more is to be fed.
    done: bool,
}

impl Completion {
    /// Generates. A stop token, when drawn, is the last of the output.
    pub fn new(llama: &Llama, manifest: &Manifest, job: Job) -> Result<Self, Failure> {
        job.check()?;
        let limit = job.limit(manifest)?;
        // The last token that is put out is not fed.
        let session = llama.session(job.input.len() + limit - 1);
        let words = job.input.clone();
        Ok(Self::starting(job, limit, session, words, true))
    }

    /// Follows what is claimed, in as few passes as its length takes.
    pub fn following(
        llama: &Llama,
        manifest: &Manifest,
        job: Job,
        claimed: &Completed,
    ) -> Result<Self, Failure> {
        job.check()?;
        let limit = job.limit(manifest)?;
        let output = &claimed.output;
        let is_known = |word: &&Word| **word < manifest.shape.vocab;
        let known = output.iter().take(limit).take_while(is_known).count();
        // The last token that is put out is not fed, but for one after which a value was not finite, or
        // after which nonsense is claimed.
        let all_fed = claimed.stop == StopReason::NonFinite || known < output.len();
        let unfed = usize::from(!all_fed || known == limit);
        let words = [&job.input, &output[..known.saturating_sub(unfed)]].concat();
        let session = llama.session(words.len());
        Ok(Self::starting(job, limit, session, words, false))
    }

    fn starting(
        job: Job,
        limit: usize,
        session: Session,
        words: Vec<Word>,
        generates: bool,
    ) -> Self {
        Self {
            job,
            limit,
            session,
            words,
            fed: 0,
            generates,
            together: CHUNK,
            output: Output::default(),
            ended: None,
            done: false,
        }
    }

    /// Whether there is no more to do.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Tokens put out so far.
    pub fn tokens(&self) -> u32 {
        self.output.words.len() as u32
    }

    /// Words that wait to be fed.
    fn waiting(&self) -> usize {
        match self.done {
            true => 0,
            false => (self.words.len() - self.fed).min(self.together),
        }
    }

    /// The result; `None` before there is one.
    pub fn finish(self) -> Option<Completed> {
        self.ended.map(|reason| self.output.finish(reason))
    }

    /// What a completion that followed `claimed` finds of it; `None` before it is done.
    pub fn compare(self, claimed: &Completed) -> Option<Replayed> {
        self.done.then(|| self.output.compare(self.ended, claimed))
    }

    /// Takes what came out of its words; gives the rows that tokens are to be drawn from.
    fn take(
        &mut self,
        words: usize,
        states: Result<Vec<f32>, NonFinite>,
        width: usize,
    ) -> Vec<f32> {
        match states {
            Ok(mut states) => {
                // Nothing is drawn from states before that of the input's last word.
                let skipped = (self.job.input.len() - 1)
                    .saturating_sub(self.fed)
                    .min(words);
                self.fed += words;
                states.split_off(skipped * width)
            }
            Err(NonFinite) => {
                match words {
                    1 => self.end(StopReason::NonFinite),
                    _ => self.together = 1,
                }
                Vec::new()
            }
        }
    }

    fn end(&mut self, reason: StopReason) {
        (self.ended, self.done) = (Some(reason), true);
    }

    /// Draws the next token.
    fn draw(&mut self, hidden: &[f32], logits: &[f32], manifest: &Manifest) {
        let next = self
            .output
            .next(hidden, logits, &self.job, manifest, self.limit);
        if let Some(reason) = next {
            return self.end(reason);
        }
        let at = self.job.input.len() + self.output.words.len() - 1;
        let Some(word) = self.output.words.last() else {
            return;
        };
        match self.words.get(at) {
            Some(known) => self.done = known != word,
            None if self.generates => self.words.push(*word),
            None => self.done = true,
        }
    }
}

/// Advances completions of one model by one pass. Each that isn't done is fed something, as long as no
/// more than [`CHUNK`] are.
pub fn step(llama: &Llama, manifest: &Manifest, completions: &mut [&mut Completion]) {
    let counts = share(completions.iter().map(|c| c.waiting()));
    let fed = completions.iter_mut().zip(&counts);
    let mut feeds: Vec<Feed> = fed
        .filter(|(_, count)| **count > 0)
        .map(|(completion, count)| Feed {
            session: &mut completion.session,
            words: &completion.words[completion.fed..][..*count],
        })
        .collect();
    if feeds.is_empty() {
        return;
    }
    let mut states = llama.feed(&mut feeds).into_iter();
    let (mut rows, mut owners) = (Vec::new(), Vec::new());
    for (i, count) in counts
        .into_iter()
        .enumerate()
        .filter(|(_, count)| *count > 0)
    {
        let Some(states) = states.next() else { break };
        let drawn = completions[i].take(count, states, llama.width());
        owners.extend(std::iter::repeat_n(i, drawn.len() / llama.width()));
        rows.extend(drawn);
    }
    let groups = rows.chunks(DECIDED * llama.width());
    for (rows, owners) in groups.zip(owners.chunks(DECIDED)) {
        draw(llama, manifest, completions, rows, owners);
    }
}

/// Draws a token from each row, for the completion that owns it. Those that are done meanwhile need no
/// more.
fn draw(
    llama: &Llama,
    manifest: &Manifest,
    completions: &mut [&mut Completion],
    rows: &[f32],
    owners: &[usize],
) {
    if owners.iter().all(|owner| completions[*owner].done) {
        return;
    }
    match llama.decide(rows) {
        Ok(decided) => {
            for ((hidden, logits), owner) in decided.rows().zip(owners) {
                if !completions[*owner].done {
                    completions[*owner].draw(hidden, logits, manifest);
                }
            }
        }
        Err(NonFinite) if owners.len() == 1 => completions[owners[0]].end(StopReason::NonFinite),
        Err(NonFinite) => {
            let rows = rows.chunks(llama.width());
            for (row, owner) in rows.zip(owners.chunks(1)) {
                draw(llama, manifest, completions, row, owner);
            }
        }
    }
}

/// How many of its waiting words each completion is fed: those with one get it, the others what is left
/// of a chunk, first come, first served.
fn share(waiting: impl Iterator<Item = usize> + Clone) -> Vec<usize> {
    let decoding = waiting.clone().filter(|waiting| *waiting == 1).count();
    let mut left = CHUNK.saturating_sub(decoding);
    let count = |waiting: usize| {
        let count = if waiting == 1 { 1 } else { waiting.min(left) };
        left -= if waiting == 1 { 0 } else { count };
        count
    };
    waiting.map(count).collect()
}

/// What a replay finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Replayed {
    /// What is claimed holds.
    Holds,
    /// The first position of the output that differs, or its length where it ends too soon or goes on too
    /// long, or for another reason.
    Differs(u32),
    /// The output is right, and the trace's root is not its own.
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
        hidden: &[f32],
        logits: &[f32],
        job: &Job,
        manifest: &Manifest,
        limit: usize,
    ) -> Option<StopReason> {
        let position = self.words.len() as u32;
        let drawn = sampling::draw(logits, &job.sampling, &job.seed, position);
        let Some(word) = drawn else {
            return Some(StopReason::NonFinite);
        };
        self.words.push(word);
        self.trace.push(word, values_hash(hidden));
        if manifest.stop_tokens.contains(&word) {
            return Some(StopReason::StopToken);
        }
        (self.words.len() == limit).then_some(StopReason::Length)
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

    fn job(input: &[Word], max_new_tokens: u32) -> Job {
        Job {
            max_new_tokens,
            sampling: Sampling::GREEDY,
            seed: [0; 32],
            input: input.to_vec(),
        }
    }

    /// Puts out the next token, by logits that are greatest at `word`.
    fn next(output: &mut Output, word: usize, limit: usize) -> Option<StopReason> {
        let manifest = known_models::smollm2_135m_instruct();
        let mut logits = vec![0.0; 100];
        logits[word] = 1.0;
        output.next(&[word as f32], &logits, &job(&[1], 9), &manifest, limit)
    }

    #[test]
    fn a_stop_token_is_the_last_of_the_output() {
        let mut output = Output::default();
        assert_eq!(next(&mut output, 50, 9), None);
        assert_eq!(next(&mut output, 2, 9), Some(StopReason::StopToken));
        assert_eq!(output.words, [50, 2]);
    }

    #[test]
    fn a_stop_token_at_the_limit_counts_as_a_stop_token() {
        let first = |word| next(&mut Output::default(), word, 1);
        assert_eq!(first(2), Some(StopReason::StopToken));
        assert_eq!(first(50), Some(StopReason::Length));
    }

    #[test]
    fn values_that_are_not_finite_end_the_output_before_their_token() {
        let manifest = known_models::smollm2_135m_instruct();
        let mut output = Output::default();
        next(&mut output, 50, 9);
        let stop = output.next(&[0.0], &[0.0, f32::NAN], &job(&[1], 9), &manifest, 9);
        assert_eq!(stop, Some(StopReason::NonFinite));
        let completed = output.finish(StopReason::NonFinite);
        assert_eq!(completed.output, [50]);
        let mut trace = TraceBuilder::default();
        trace.push(50, values_hash(&[50.0]));
        assert_eq!(completed.trace_root, trace.finish(StopReason::NonFinite));
    }

    #[test]
    fn completions_share_a_pass() {
        let share = |waiting: &[usize]| super::share(waiting.iter().copied());
        assert_eq!(share(&[300]), [CHUNK]);
        assert_eq!(share(&[1, 50, 0, 300, 1, 9]), [1, 50, 0, CHUNK - 52, 1, 0]);
        assert_eq!(share(&[1; 2 * CHUNK]), [1; 2 * CHUNK]);
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
