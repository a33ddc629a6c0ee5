//! Jobs in the middle of their computation, and replays of jobs; those of one model advance together.

use crate::{
    bert::Bert,
    completion::{self, Completion, Job, Replayed},
    llama::Llama,
    protocol::{Completed, Failure},
};
use kagari_kernels::NonFinite;
use kagari_primitives::{
    model::Manifest,
    trace::{values_hash, TraceBuilder},
    StopReason, Word,
};

/// A job that is computed, or replayed, step by step.
pub struct Work {
    stage: Stage,
    /// What a replay is compared with.
    claimed: Option<Completed>,
}

enum Stage {
    Completion(Box<Completion>),
    /// An input that is to be embedded.
    Embedding(Vec<Word>),
    Embedded(Completed),
}

/// What came out of a work that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The result of a job.
    Completed(Completed),
    /// What a replay found.
    Replayed(Replayed),
}

impl Work {
    /// A completion, or the replay of one.
    pub(crate) fn completion(
        llama: &Llama,
        manifest: &Manifest,
        job: Job,
        claimed: Option<Completed>,
    ) -> Result<Self, Failure> {
        let completion = match &claimed {
            Some(claimed) => Completion::following(llama, manifest, job, claimed)?,
            None => Completion::new(llama, manifest, job)?,
        };
        Ok(Self {
            stage: Stage::Completion(Box::new(completion)),
            claimed,
        })
    }

    /// An embedding, or the replay of one.
    pub(crate) fn embedding(input: Vec<Word>, claimed: Option<Completed>) -> Self {
        Self {
            stage: Stage::Embedding(input),
            claimed,
        }
    }

    /// Whether there is no more to do.
    pub fn is_done(&self) -> bool {
        match &self.stage {
            Stage::Completion(completion) => completion.is_done(),
            Stage::Embedding(_) => false,
            Stage::Embedded(_) => true,
        }
    }

    /// Tokens put out so far.
    pub fn tokens(&self) -> u32 {
        match &self.stage {
            Stage::Completion(completion) => completion.tokens(),
            Stage::Embedding(_) | Stage::Embedded(_) => 0,
        }
    }

    /// What came out; `None` before it is done.
    pub fn finish(self) -> Option<Outcome> {
        let claimed = self.claimed;
        match (self.stage, claimed) {
            (Stage::Completion(completion), Some(claimed)) => {
                completion.compare(&claimed).map(Outcome::Replayed)
            }
            (Stage::Completion(completion), None) => completion.finish().map(Outcome::Completed),
            (Stage::Embedded(found), Some(claimed)) => {
                Some(Outcome::Replayed(compare(&found, &claimed)))
            }
            (Stage::Embedded(found), None) => Some(Outcome::Completed(found)),
            (Stage::Embedding(_), _) => None,
        }
    }
}

/// Advances completions by one pass through their decoder.
pub(crate) fn advance_completions(llama: &Llama, manifest: &Manifest, works: &mut [&mut Work]) {
    let mut completions: Vec<&mut Completion> = Vec::with_capacity(works.len());
    for work in works {
        if let Stage::Completion(completion) = &mut work.stage {
            completions.push(completion);
        }
    }
    completion::step(llama, manifest, &mut completions);
}

/// Embeds what waits for it.
pub(crate) fn advance_embeddings(bert: &Bert, works: &mut [&mut Work]) {
    let is_waiting = |work: &&mut &mut Work| matches!(work.stage, Stage::Embedding(_));
    let input = |work: &&mut Work| match &work.stage {
        Stage::Embedding(input) => Some(input.clone()),
        _ => None,
    };
    let inputs: Vec<Vec<Word>> = works.iter().filter_map(input).collect();
    let inputs: Vec<&[Word]> = inputs.iter().map(|input| &input[..]).collect();
    let vectors = bert.embed(&inputs).into_iter();
    for (work, vector) in works.iter_mut().filter(is_waiting).zip(vectors) {
        work.stage = Stage::Embedded(embedded(vector));
    }
}

/// An embedding's trace has one position: the length of the output beside the hash of its values.
fn embedded(vector: Result<Vec<f32>, NonFinite>) -> Completed {
    let mut trace = TraceBuilder::default();
    let Ok(vector) = vector else {
        let stop = StopReason::NonFinite;
        return Completed {
            output: Vec::new(),
            stop,
            trace_root: trace.finish(stop),
        };
    };
    trace.push(vector.len() as Word, values_hash(&vector));
    let stop = StopReason::Vector;
    Completed {
        output: vector.iter().map(|v| v.to_bits()).collect(),
        stop,
        trace_root: trace.finish(stop),
    }
}

/// What the replay of an embedding finds.
fn compare(found: &Completed, claimed: &Completed) -> Replayed {
    let pairs = found.output.iter().zip(&claimed.output);
    let same = pairs
        .take_while(|(found, claimed)| found == claimed)
        .count();
    if found.output != claimed.output || found.stop != claimed.stop {
        return Replayed::Differs(same as u32);
    }
    match found.trace_root == claimed.trace_root {
        true => Replayed::Holds,
        false => Replayed::OtherTrace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kagari_primitives::Hash;

    #[test]
    fn an_embedding_is_compared_to_the_last_bit() {
        let found = embedded(Ok(vec![0.5, 0.25]));
        assert_eq!(compare(&found, &found), Replayed::Holds);
        let claim = |change: &dyn Fn(&mut Completed)| {
            let mut claimed = found.clone();
            change(&mut claimed);
            compare(&found, &claimed)
        };
        assert_eq!(claim(&|c| c.output[1] ^= 1), Replayed::Differs(1));
        assert_eq!(claim(&|c| c.output.truncate(1)), Replayed::Differs(1));
        assert_eq!(claim(&|c| c.output.push(0)), Replayed::Differs(2));
        assert_eq!(
            claim(&|c| c.stop = StopReason::NonFinite),
            Replayed::Differs(2)
        );
        assert_eq!(
            claim(&|c| c.trace_root = Hash::zero()),
            Replayed::OtherTrace
        );
        let nonsense = embedded(Err(NonFinite));
        assert_eq!(compare(&nonsense, &nonsense), Replayed::Holds);
        assert_eq!(compare(&nonsense, &found), Replayed::Differs(0));
    }
}
