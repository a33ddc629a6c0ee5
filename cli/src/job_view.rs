//! A job as people see it.

use crate::{amount::Amount, output::table};
use kagari_primitives::{BlockNumber, Hash, JobId, ModelId, StopReason, Task, Word};
use serde::Deserialize;

/// A job, as `compute_job` tells it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// The job.
    pub job: JobId,
    /// What replicas of one job have in common, if it is one of them.
    #[serde(default)]
    pub replica_of: Option<JobId>,
    /// Who asked and pays.
    pub requester: String,
    /// Who does the work.
    pub provider: String,
    /// Name of the model.
    pub model_name: Option<String>,
    /// What was asked for.
    pub spec: Spec,
    /// Price per work unit.
    pub price: Amount,
    /// Held on the requester.
    pub escrow: Amount,
    /// Block of the present assignment.
    pub assigned_at: BlockNumber,
    /// How often it has been assigned.
    pub attempts: u8,
    /// Where it stands.
    #[serde(flatten)]
    pub state: State,
    /// What was asked.
    pub input: Input,
    /// What came out.
    pub output: Option<Output>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Spec {
    /// The model.
    pub model: ModelId,
    /// What to compute.
    pub task: Task,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum State {
    /// A provider works on it.
    Assigned {
        /// Last block in which an attestation counts; of a replica before the reveals are open, its commitment.
        deadline: BlockNumber,
    },
    /// The audit window is open.
    Attested {
        /// Block in which it closes.
        window_end: BlockNumber,
    },
    /// The provider was paid.
    Settled {
        /// Block of the settlement.
        ended_at: BlockNumber,
        /// Paid in all.
        paid: Amount,
        /// Burned, out of what was paid.
        burned: Amount,
        /// Given back out of the escrow.
        refunded: Amount,
        /// Minted for the provider.
        reward: Amount,
    },
    /// The requester cancelled it.
    Cancelled {
        /// Block in which it was cancelled.
        ended_at: BlockNumber,
        /// Paid for the time that it took up.
        paid: Amount,
        /// Given back.
        refunded: Amount,
    },
    /// It was a replica, and its result is not what more than half of those that were revealed are.
    Discarded {
        /// Block in which that was found.
        ended_at: BlockNumber,
        /// Burned: what the provider would have been paid.
        burned: Amount,
        /// Given back.
        refunded: Amount,
    },
    /// No provider did it in time.
    Refunded {
        /// Block of the refund.
        ended_at: BlockNumber,
        /// Given back.
        refunded: Amount,
    },
}

/// A job's input.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Input {
    /// Hash of its bytes.
    pub hash: Hash,
    /// Number of its words.
    pub len: u32,
    /// Block that carries it.
    pub block: BlockNumber,
    /// The words, where the node still has the block.
    pub words: Option<Vec<Word>>,
}

/// A job's output.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Hash of its bytes.
    pub hash: Hash,
    /// Number of its words.
    pub len: u32,
    /// Block that carries it.
    pub block: BlockNumber,
    /// Why the computation ended.
    pub stop: StopReason,
    /// Commitment to the whole computation.
    pub trace_root: Hash,
    /// The words, where the node still has the block.
    pub words: Option<Vec<Word>>,
    /// The text, where the node has the model.
    pub text: Option<String>,
    /// The vector of an embedding.
    pub vector: Option<Vec<f32>>,
}

impl JobView {
    /// Where the job stands, in plain words.
    pub fn words(&self) -> String {
        match &self.state {
            State::Assigned { deadline } => self.assigned_words(*deadline),
            State::Attested { window_end } => self.attested_words(*window_end),
            State::Settled { paid, .. } => format!("Done and paid for: {paid}"),
            State::Cancelled { paid, refunded, .. } => format!(
                "Cancelled. Its provider's time has cost {paid}, and you have your {refunded} back"
            ),
            State::Discarded {
                burned, refunded, ..
            } => format!(
                "Not paid for: no majority of the replicas gave this. {burned} was burned, \
                 {refunded} given back. `kagari job verify` tells who is right"
            ),
            State::Refunded { refunded, .. } => {
                format!("No provider did it in time. You have your {refunded} back")
            }
        }
    }

    fn assigned_words(&self, deadline: BlockNumber) -> String {
        let again = match self.attempts {
            0 | 1 => String::new(),
            attempts => format!(" (attempt {attempts}, the one before came too late)"),
        };
        format!(
            "Being computed, by block {deadline} at the latest{again}: {}",
            self.provider
        )
    }

    fn attested_words(&self, window_end: BlockNumber) -> String {
        let condition = match self.replica_of {
            Some(_) => ", if more than half of the replicas gave the same",
            None => "",
        };
        format!(
            "The answer is on the chain. It can still be challenged until block {window_end}; \
             then it is paid for{condition}"
        )
    }

    /// Whether nothing more will happen.
    pub fn is_over(&self) -> bool {
        self.ended_at().is_some()
    }

    /// Whether it ended without an answer that was paid for.
    pub fn is_unpaid(&self) -> bool {
        matches!(
            self.state,
            State::Refunded { .. } | State::Cancelled { .. } | State::Discarded { .. }
        )
    }

    /// The block in which it ended.
    pub fn ended_at(&self) -> Option<BlockNumber> {
        match self.state {
            State::Settled { ended_at, .. }
            | State::Cancelled { ended_at, .. }
            | State::Discarded { ended_at, .. }
            | State::Refunded { ended_at, .. } => Some(ended_at),
            State::Assigned { .. } | State::Attested { .. } => None,
        }
    }

    /// The answer for people.
    pub fn answer(&self) -> Option<String> {
        let output = self.output.as_ref()?;
        Some(match (&output.text, &output.vector, &output.words) {
            (Some(text), ..) => with_stop(text, output.stop),
            (None, Some(vector), _) => vector_words(vector),
            (None, None, Some(words)) => format!(
                "(The node has no files of this model to turn the answer into text. Its token ids \
                 are {words:?}.)"
            ),
            (None, None, None) => {
                format!(
                    "(The node no longer has block {}, which carries the answer.)",
                    output.block
                )
            }
        })
    }

    /// Who, how much and when, as rows for people.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let model = self
            .model_name
            .clone()
            .unwrap_or_else(|| "(no longer registered)".into());
        let mut rows = vec![("Model", model), ("Computed by", self.provider.clone())];
        rows.extend(self.money_rows());
        rows.push(("Blocks", self.blocks_words()));
        rows.push(("Job", format!("{:#x}", self.job)));
        let gang = self.replica_of.map(|gang| format!("{gang:#x}"));
        rows.extend(gang.map(|gang| ("Replica of", gang)));
        rows
    }

    fn money_rows(&self) -> Vec<(&'static str, String)> {
        match &self.state {
            State::Settled {
                paid,
                burned,
                refunded,
                ..
            } => vec![
                ("Price paid", format!("{paid}, of which {burned} burned")),
                (
                    "Given back",
                    format!("{refunded} out of {} held", self.escrow),
                ),
            ],
            State::Cancelled { paid, refunded, .. } => vec![
                ("Price paid", paid.to_string()),
                ("Given back", refunded.to_string()),
            ],
            State::Discarded {
                burned, refunded, ..
            } => vec![
                ("Burned", burned.to_string()),
                ("Given back", refunded.to_string()),
            ],
            State::Refunded { refunded, .. } => vec![("Given back", refunded.to_string())],
            State::Assigned { .. } | State::Attested { .. } => {
                vec![(
                    "Held for it",
                    format!("{}, at {} per work unit", self.escrow, self.price),
                )]
            }
        }
    }

    fn blocks_words(&self) -> String {
        let mut parts = vec![format!("submitted in {}", self.input.block)];
        if let Some(output) = &self.output {
            parts.push(format!("attested in {}", output.block));
        }
        match self.state {
            State::Settled { ended_at, .. } => parts.push(format!("settled in {ended_at}")),
            State::Cancelled { ended_at, .. } => parts.push(format!("cancelled in {ended_at}")),
            State::Discarded { ended_at, .. } => parts.push(format!("discarded in {ended_at}")),
            State::Refunded { ended_at, .. } => parts.push(format!("refunded in {ended_at}")),
            State::Assigned { .. } | State::Attested { .. } => {}
        }
        parts.join(", ")
    }

    /// The whole job for people.
    pub fn describe(&self) -> String {
        let mut rows = vec![
            ("State", self.words()),
            ("Requester", self.requester.clone()),
        ];
        rows.extend(self.rows());
        let answer = self
            .answer()
            .map(|answer| format!("{answer}\n\n"))
            .unwrap_or_default();
        format!("{answer}{}", table(&rows))
    }
}

/// The text, and why it ends where it does, if not by itself.
fn with_stop(text: &str, stop: StopReason) -> String {
    match stop {
        StopReason::StopToken | StopReason::Vector => text.to_owned(),
        StopReason::Length => {
            format!("{text}\n\n(It ends here because no more tokens were asked for.)")
        }
        StopReason::NonFinite => {
            format!("{text}\n\n(It ends here because the computation gave no finite number.)")
        }
    }
}

/// The first numbers of a vector.
fn vector_words(vector: &[f32]) -> String {
    const SHOWN: usize = 8;
    let numbers: Vec<String> = vector
        .iter()
        .take(SHOWN)
        .map(|v| format!("{v:.4}"))
        .collect();
    let more = if vector.len() > SHOWN { ", …" } else { "" };
    format!(
        "A vector of {} numbers: {}{more} (whole with --json)",
        vector.len(),
        numbers.join(", ")
    )
}

#[cfg(test)]
#[path = "job_view_tests.rs"]
mod tests;
