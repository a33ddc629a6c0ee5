//! Jobs as JSON: keys in camelCase, amounts as decimal strings, ids and hashes in hex, accounts as
//! addresses.

use super::json::{Address, Amount, Decimal};
use kagari_primitives::{
    attestation::AttestationRecord, BlockNumber, EraIndex, HardwareClass, Hash, JobId, JobInfo,
    JobSpec, JobState, ModelId, Outcome, Region, StopReason, Task, Tier, Word, Work,
};
use serde::Serialize;

/// A job's specification; polkadot.js takes it as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpecView {
    /// The model.
    pub model: ModelId,
    /// What to compute.
    pub task: Task,
    /// Most that the job may cost, all replicas together.
    pub max_price: Amount,
    /// Blocks that a provider has.
    pub deadline: BlockNumber,
    /// The least that its provider must have proved itself.
    pub min_tier: Tier,
    /// How its provider's machine must compute.
    pub class: HardwareClass,
    /// Where its provider's machine must stand, if that matters.
    pub region: Option<Region>,
    /// How many providers are to compute it; 0 means 1.
    pub replicas: u8,
}

impl From<JobSpec> for SpecView {
    fn from(spec: JobSpec) -> Self {
        let JobSpec {
            model,
            task,
            max_price,
            deadline,
            min_tier,
            class,
            region,
            replicas,
        } = spec;
        Self {
            model,
            task,
            max_price: Decimal(max_price),
            deadline,
            min_tier,
            class,
            region,
            replicas,
        }
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// The job.
    pub job: JobId,
    /// What replicas of one job have in common; `null` for a job that is computed once.
    pub replica_of: Option<JobId>,
    /// Who asked and pays.
    pub requester: Address,
    /// Who does the work.
    pub provider: Address,
    /// Name of the model; `null` where the chain no longer knows it.
    pub model_name: Option<String>,
    /// What was asked for.
    pub spec: SpecView,
    /// Price per work unit.
    pub price: Amount,
    /// Held on the requester while the job is open.
    pub escrow: Amount,
    /// Block of the present assignment.
    pub assigned_at: BlockNumber,
    /// How often it has been assigned.
    pub attempts: u8,
    /// Where it stands.
    #[serde(flatten)]
    pub state: StateView,
    /// The input.
    pub input: InputView,
    /// The output, once there is one.
    pub output: Option<OutputView>,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum StateView {
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
        /// Work that was paid for, in multiply-accumulates.
        work: Decimal<Work>,
        /// Paid by the requester in all.
        paid: Amount,
        /// Burned, out of what was paid.
        burned: Amount,
        /// Given back to the requester.
        refunded: Amount,
        /// Era of the reward.
        era: EraIndex,
        /// Minted for the provider.
        reward: Amount,
    },
    /// The requester cancelled it.
    Cancelled {
        /// Block in which it was cancelled.
        ended_at: BlockNumber,
        /// Paid by the requester for the time that the job took up.
        paid: Amount,
        /// Burned, out of what was paid.
        burned: Amount,
        /// Given back to the requester.
        refunded: Amount,
    },
    /// It was a replica, and its result is not what more than half of those that were revealed are.
    Discarded {
        /// Block in which that was found.
        ended_at: BlockNumber,
        /// Burned: what the provider would have been paid.
        burned: Amount,
        /// Given back to the requester.
        refunded: Amount,
    },
    /// No provider did it in time.
    Refunded {
        /// Block of the refund.
        ended_at: BlockNumber,
        /// Given back to the requester.
        refunded: Amount,
    },
}

impl StateView {
    /// Whether nothing more will happen.
    pub fn is_over(&self) -> bool {
        !matches!(self, Self::Assigned { .. } | Self::Attested { .. })
    }
}

impl From<&JobState> for StateView {
    fn from(state: &JobState) -> Self {
        match *state {
            JobState::Assigned { deadline } => Self::Assigned { deadline },
            JobState::Attested { window_end, .. } => Self::Attested { window_end },
            JobState::Ended(Outcome::Settled {
                at,
                work,
                paid,
                burned,
                refunded,
                era,
                reward,
                ..
            }) => Self::Settled {
                ended_at: at,
                work: Decimal(work),
                paid: Decimal(paid),
                burned: Decimal(burned),
                refunded: Decimal(refunded),
                era,
                reward: Decimal(reward),
            },
            JobState::Ended(Outcome::Cancelled {
                at,
                paid,
                burned,
                refunded,
            }) => Self::Cancelled {
                ended_at: at,
                paid: Decimal(paid),
                burned: Decimal(burned),
                refunded: Decimal(refunded),
            },
            JobState::Ended(Outcome::Discarded {
                at,
                burned,
                refunded,
                ..
            }) => Self::Discarded {
                ended_at: at,
                burned: Decimal(burned),
                refunded: Decimal(refunded),
            },
            JobState::Ended(Outcome::Refunded { at, refunded }) => Self::Refunded {
                ended_at: at,
                refunded: Decimal(refunded),
            },
        }
    }
}

/// What a job attested, in whatever state it is since.
pub fn attestation(state: &JobState) -> Option<&AttestationRecord> {
    match state {
        JobState::Attested { attestation, .. }
        | JobState::Ended(
            Outcome::Settled { attestation, .. } | Outcome::Discarded { attestation, .. },
        ) => Some(attestation),
        JobState::Assigned { .. }
        | JobState::Ended(Outcome::Refunded { .. } | Outcome::Cancelled { .. }) => None,
    }
}

/// A job's input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputView {
    /// Hash of its bytes.
    pub hash: Hash,
    /// Number of its words.
    pub len: u32,
    /// Block that carries it.
    pub block: BlockNumber,
    /// Index of the extrinsic that ends with it.
    pub extrinsic: u32,
    /// Its words; `null` where the node no longer has the block.
    pub words: Option<Vec<Word>>,
}

/// A job's output.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputView {
    /// Hash of its bytes.
    pub hash: Hash,
    /// Number of its words.
    pub len: u32,
    /// Block that carries it.
    pub block: BlockNumber,
    /// Index of the extrinsic that ends with it.
    pub extrinsic: u32,
    /// Why the computation ended.
    pub stop: StopReason,
    /// Commitment to the whole computation.
    pub trace_root: Hash,
    /// Its words; `null` where the node no longer has the block.
    pub words: Option<Vec<Word>>,
    /// The text of a completion; `null` where the node lacks the model.
    pub text: Option<String>,
    /// The vector of an embedding.
    pub vector: Option<Vec<f32>>,
}

/// The vector that the words of an embedding are the bits of.
pub fn vector(words: &[Word]) -> Vec<f32> {
    words.iter().copied().map(f32::from_bits).collect()
}

impl JobView {
    /// A job with what could be read of its payloads.
    pub fn new(
        info: JobInfo,
        model_name: Option<String>,
        input: Option<Vec<Word>>,
        output: Option<OutputView>,
    ) -> Self {
        Self {
            job: info.job,
            replica_of: info.replica_of,
            requester: Address(info.requester),
            provider: Address(info.provider),
            model_name,
            spec: info.spec.into(),
            price: Decimal(info.price),
            escrow: Decimal(info.escrow),
            assigned_at: info.assigned_at,
            attempts: info.attempts,
            state: StateView::from(&info.state),
            input: InputView {
                hash: info.input_hash,
                len: info.input_len,
                block: info.input_block,
                extrinsic: info.input_extrinsic,
                words: input,
            },
            output,
        }
    }
}

impl OutputView {
    /// An output of which nothing has been read yet.
    pub fn unread(record: &AttestationRecord) -> Self {
        Self {
            hash: record.output_hash,
            len: record.output_len,
            block: record.block,
            extrinsic: record.extrinsic,
            stop: record.stop,
            trace_root: record.trace_root,
            words: None,
            text: None,
            vector: None,
        }
    }
}

#[cfg(test)]
mod tests;
