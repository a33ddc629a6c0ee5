//! What a replay finds, as people and programs see it.

use crate::claim::Claim;
use kagari_inference::Replayed;
use kagari_primitives::{Manifest, StopReason, Task};
use serde_json::{json, Value};

/// What the replay of a job found.
#[derive(Debug)]
pub struct Verdict<'a> {
    /// What its provider claims.
    pub claim: &'a Claim,
    /// The model.
    pub manifest: &'a Manifest,
    /// What was found.
    pub replayed: Replayed,
}

impl Verdict<'_> {
    /// The verdict for programs.
    pub fn to_json(&self) -> Value {
        let mut object = json!({
            "job": format!("{:#x}", self.claim.job),
            "model": format!("{:#x}", self.claim.model),
            "provider": self.claim.provider,
            "holds": self.replayed == Replayed::Holds,
        });
        match self.replayed {
            Replayed::Holds => {}
            Replayed::Differs(position) => {
                object["differs"] = json!("output");
                object["position"] = json!(position);
            }
            Replayed::OtherTrace => object["differs"] = json!("traceRoot"),
        }
        object
    }

    /// The verdict for people.
    pub fn words(&self) -> String {
        let (output, model) = (self.output_words(), self.manifest.name_text());
        let provider = &self.claim.provider;
        match self.replayed {
            Replayed::Holds => {
                format!("The job holds: {output} and the trace root are what {model} gives.")
            }
            Replayed::Differs(position) => format!(
                "The job differs at position {position} (the first is 0): {}.\nAttested by {provider}",
                self.difference_words(position)
            ),
            Replayed::OtherTrace => format!(
                "The job differs in the trace root: the output is what {model} gives, and the trace root \
                 {:#x} is not that of its computation.\nAttested by {provider}",
                self.claim.claimed.trace_root
            ),
        }
    }

    fn output_words(&self) -> String {
        let len = self.claim.claimed.output.len();
        match (self.claim.task, len) {
            (Task::Completion { .. }, 1) => "the only token".into(),
            (Task::Completion { .. }, _) => format!("the {len} tokens"),
            (Task::Embedding, _) => format!("the {len} numbers of the vector"),
        }
    }

    fn difference_words(&self, position: u32) -> String {
        let claimed = &self.claim.claimed;
        let word = usize::try_from(position)
            .ok()
            .and_then(|at| claimed.output.get(at));
        let model = self.manifest.name_text();
        match (word, self.claim.task) {
            (Some(word), Task::Completion { .. }) => {
                format!("the provider put out the token {word} there, and {model} gives another")
            }
            (Some(word), Task::Embedding) => format!(
                "the provider put out the number {} there, and {model} gives another",
                f32::from_bits(*word)
            ),
            (None, _) => format!(
                "up to there, {model} gives the same, but does not end there {}",
                stop_words(claimed.stop)
            ),
        }
    }
}

/// For what reason an output is said to end.
fn stop_words(stop: StopReason) -> &'static str {
    match stop {
        StopReason::StopToken => "with a stop token",
        StopReason::Length => "for its length",
        StopReason::Vector => "as a whole vector",
        StopReason::NonFinite => "for a number that is not finite",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kagari_inference::protocol::Completed;
    use kagari_primitives::{known_models, Hash, JobId, Sampling, Word};

    fn claim(manifest: &Manifest, task: Task, output: &[Word], stop: StopReason) -> Claim {
        Claim {
            job: JobId::repeat_byte(1),
            drawn_by: JobId::zero(),
            provider: "5Provider".into(),
            model: manifest.id(),
            task,
            input: vec![1],
            claimed: Completed {
                output: output.to_vec(),
                stop,
                trace_root: Hash::repeat_byte(3),
            },
        }
    }

    fn completion(replayed: Replayed) -> (String, Value) {
        let manifest = known_models::smollm2_135m_instruct();
        let task = Task::Completion {
            max_new_tokens: 3,
            sampling: Sampling::GREEDY,
        };
        let claim = claim(&manifest, task, &[7, 8, 9], StopReason::Length);
        tell(&claim, &manifest, replayed)
    }

    fn embedding(replayed: Replayed) -> (String, Value) {
        let manifest = known_models::all_minilm_l6_v2();
        let output = [0.5f32.to_bits(), 0.25f32.to_bits()];
        let claim = claim(&manifest, Task::Embedding, &output, StopReason::Vector);
        tell(&claim, &manifest, replayed)
    }

    fn tell(claim: &Claim, manifest: &Manifest, replayed: Replayed) -> (String, Value) {
        let verdict = Verdict {
            claim,
            manifest,
            replayed,
        };
        (verdict.words(), verdict.to_json())
    }

    #[test]
    fn what_holds_is_told_in_a_line() {
        let (words, json) = completion(Replayed::Holds);
        assert_eq!(
            words,
            "The job holds: the 3 tokens and the trace root are what SmolLM2-135M-Instruct-Q4_1 gives."
        );
        let expected = json!({
            "job": format!("0x{}", "01".repeat(32)),
            "model": format!("{:#x}", known_models::smollm2_135m_instruct().id()),
            "provider": "5Provider",
            "holds": true,
        });
        assert_eq!(json, expected);
        let (words, json) = embedding(Replayed::Holds);
        assert!(
            words.contains("holds: the 2 numbers of the vector"),
            "{words}"
        );
        assert_eq!(json["holds"], true);
    }

    #[test]
    fn a_difference_is_told_with_its_place() {
        let (words, json) = completion(Replayed::Differs(1));
        assert!(
            words.contains("differs at position 1 (the first is 0)"),
            "{words}"
        );
        assert!(
            words.contains("the token 8") && words.contains("5Provider"),
            "{words}"
        );
        assert_eq!(
            (&json["holds"], &json["differs"], &json["position"]),
            (&json!(false), &json!("output"), &json!(1))
        );
        let (words, _) = embedding(Replayed::Differs(1));
        assert!(words.contains("the number 0.25"), "{words}");
    }

    #[test]
    fn an_end_that_is_not_the_model_s_is_told() {
        let (words, json) = completion(Replayed::Differs(3));
        assert!(
            words.contains("does not end there for its length"),
            "{words}"
        );
        assert_eq!(json["position"], 3);
    }

    #[test]
    fn another_trace_root_has_no_position() {
        let (words, json) = completion(Replayed::OtherTrace);
        assert!(words.contains("trace root 0x0303"), "{words}");
        assert_eq!(
            (&json["holds"], &json["differs"], json.get("position")),
            (&json!(false), &json!("traceRoot"), None)
        );
    }
}
