//! Jobs: what a requester asks for, and what became of it.

use crate::{
    attestation::AttestationRecord,
    model::{ModelShape, Work},
    provider::{HardwareClass, Region, Tier},
    AccountId, Balance, BlockNumber, EraIndex, Hash, JobId, ModelId, Word, MAX_EMBEDDING,
    MAX_OUTPUT,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::traits::{BlakeTwo256, Hash as _};

/// How the next token is drawn from the logits.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct Sampling {
    /// Temperature in thousandths; 0 takes the likeliest token every time.
    pub temperature: u32,
    /// Share of the probability that is drawn from, in thousandths, 1 to 1,000.
    pub top_p: u32,
    /// Seed of the draws. What is drawn with is [`sampling_seed`], which adds the job's id.
    pub seed: u64,
}

impl Sampling {
    /// The likeliest token every time.
    pub const GREEDY: Self = Self {
        temperature: 0,
        top_p: 1_000,
        seed: 0,
    };
    /// Highest temperature that is accepted, in thousandths.
    pub const MAX_TEMPERATURE: u32 = 10_000;

    /// Whether every figure lies within its bounds.
    pub fn is_valid(&self) -> bool {
        self.temperature <= Self::MAX_TEMPERATURE && (1..=1_000).contains(&self.top_p)
    }
}

/// What to compute.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Task {
    /// Go on with the input, token by token, until a stop token or `max_new_tokens`.
    #[serde(rename_all = "camelCase")]
    Completion {
        /// Most tokens put out.
        max_new_tokens: u32,
        /// How tokens are drawn.
        sampling: Sampling,
    },
    /// One normalised vector for the whole input.
    Embedding,
}

impl Task {
    /// The seed that a job's tokens are drawn with: [`sampling_seed`]. An embedding draws nothing. For a replica,
    /// `job` is the id of its gang.
    pub fn seed(&self, job: JobId) -> [u8; 32] {
        match self {
            Self::Completion { sampling, .. } => sampling_seed(sampling.seed, job),
            Self::Embedding => sampling_seed(0, job),
        }
    }

    /// The most work that the task can turn out to be with an input of so many words, in
    /// multiply-accumulates: what an escrow is held for.
    pub fn most_work(&self, shape: &ModelShape, input_len: u32) -> Work {
        let output = match self {
            Self::Completion { max_new_tokens, .. } => *max_new_tokens,
            Self::Embedding => 0,
        };
        shape.work(input_len, output)
    }

    /// Most words that the task can put out, whatever the model.
    pub fn most_output(&self) -> u32 {
        match self {
            Self::Completion { max_new_tokens, .. } => (*max_new_tokens).min(MAX_OUTPUT),
            Self::Embedding => MAX_EMBEDDING,
        }
    }
}

/// A job as its requester asks for it; the input stands beside it.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct JobSpec {
    /// The model.
    pub model: ModelId,
    /// What to compute.
    pub task: Task,
    /// Most that the job may cost in all, in units of 10^-12 KGR. It decides whether there is a
    /// match, never the price.
    pub max_price: Balance,
    /// Blocks that a provider has, from the block of its assignment on.
    pub deadline: BlockNumber,
    /// The least that its provider must have proved itself.
    #[serde(default)]
    pub min_tier: Tier,
    /// How its provider's machine must compute.
    #[serde(default)]
    pub class: HardwareClass,
    /// Where its provider's machine must stand, if that matters.
    #[serde(default)]
    pub region: Option<Region>,
    /// How many providers are to compute it, all of them or none: 1, or [`MIN_REPLICAS`] to [`MAX_REPLICAS`]. 0 means
    /// 1. `max_price` is for all of them together.
    #[serde(default)]
    pub replicas: u8,
}

impl JobSpec {
    /// A job that any provider may do whose machine computes exactly.
    pub fn new(model: ModelId, task: Task, max_price: Balance, deadline: BlockNumber) -> Self {
        Self {
            model,
            task,
            max_price,
            deadline,
            min_tier: Tier::default(),
            class: HardwareClass::default(),
            region: None,
            replicas: 1,
        }
    }
}

/// Fewest providers that can be asked to compute the same: two could not outvote one that is wrong.
pub const MIN_REPLICAS: u8 = 3;
/// Most of them.
pub const MAX_REPLICAS: u8 = 5;

/// Whether so many providers can be asked to compute a job. 0 means 1.
pub fn is_replica_count(replicas: u8) -> bool {
    replicas <= 1 || (MIN_REPLICAS..=MAX_REPLICAS).contains(&replicas)
}

/// The id of a job: H(requester, the requester's nonce, the block, hash of the input).
///
/// The nonce tells apart the jobs of a signing account, the block those of an account that has no
/// nonce (a multisig, say).
pub fn job_id(requester: &AccountId, nonce: u32, block: BlockNumber, input_hash: Hash) -> JobId {
    BlakeTwo256::hash_of(&(b"kagari-job", requester, nonce, block, input_hash))
}

/// The id of the jobs together that compute the same for one requester: made of the id that their job would have if it
/// were computed once ([`job_id`]), and never the id of such a job.
pub fn gang_id(job: JobId) -> JobId {
    BlakeTwo256::hash_of(&(b"kagari-gang", job))
}

/// The id of one of the jobs of a gang.
pub fn replica_id(gang: JobId, index: u8) -> JobId {
    BlakeTwo256::hash_of(&(b"kagari-replica", gang, index))
}

/// The seed that a job's tokens are drawn with: H(requester's seed, job id). Randomness drawn after
/// the assignment would let a provider decline in order to draw again. Replicas draw with the id of their
/// gang, and so draw the same.
pub fn sampling_seed(seed: u64, job: JobId) -> [u8; 32] {
    BlakeTwo256::hash_of(&(b"kagari-sampling", seed, job)).0
}

/// Hash of what a provider was assigned. It covers the parent of the assigning block, so nothing that
/// is signed for it on one fork fits another.
pub fn assignment_hash(
    job: JobId,
    spec: &JobSpec,
    input_hash: Hash,
    provider: &AccountId,
    assigned_at: BlockNumber,
    parent: Hash,
) -> Hash {
    BlakeTwo256::hash_of(&(
        b"kagari-assignment",
        job,
        spec,
        input_hash,
        provider,
        assigned_at,
        parent,
    ))
}

/// The match that a job would find now. Of replicas, the first one's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// The provider that would get it; by chance, where several ask the same.
    pub provider: AccountId,
    /// Price per work unit that the provider itself asks.
    pub asked: Balance,
    /// Price per work unit that would be paid: that of the cheapest losing offer, or the provider's own
    /// where there is none.
    pub price: Balance,
    /// The most work that the job can turn out to be, in multiply-accumulates.
    pub work: Work,
    /// Most that the job would cost, all replicas together, which is held.
    pub escrow: Balance,
}

/// What an account earned as a provider in an era, and what it follows from.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EraReward {
    /// The era.
    pub era: EraIndex,
    /// What the era mints per work unit for all roles together, within each job's cap.
    pub rate: Balance,
    /// The account's work in multiply-accumulates, by jobs that were settled in the era.
    pub work: Work,
    /// What the payments for them burned.
    pub burned: Balance,
    /// Most that all roles together can be given for them: nine tenths of what they burned, job by job.
    pub cap: Balance,
    /// What the provider is given of each KGR.
    pub provider_share: Balance,
    /// What was minted for the account: its share of the lesser of rate and cap, job by job, as far as the
    /// era's emission reached.
    pub reward: Balance,
}

/// What a worker needs in order to do a job.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// The job.
    pub job: JobId,
    /// The gang that it is a replica in, if it is one.
    pub replica_of: Option<JobId>,
    /// What to compute.
    pub spec: JobSpec,
    /// Hash of the input's bytes.
    pub input_hash: Hash,
    /// Number of words of the input.
    pub input_len: u32,
    /// Block whose body carries the input.
    pub input_block: BlockNumber,
    /// Index, in that block, of the extrinsic that ends with the input.
    pub input_extrinsic: u32,
    /// Hash of the assignment: see [`assignment_hash`].
    pub assignment_hash: Hash,
    /// Block of the assignment.
    pub assigned_at: BlockNumber,
    /// Last block in which an attestation counts; of a replica whose reveals are not open, a commitment.
    pub deadline: BlockNumber,
}

impl Assignment {
    /// The seed that the job's tokens are drawn with.
    pub fn seed(&self) -> [u8; 32] {
        self.spec.task.seed(self.replica_of.unwrap_or(self.job))
    }
}

/// Where a job that is still open stands.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum JobState {
    /// A provider is to attest by the deadline.
    #[serde(rename_all = "camelCase")]
    Assigned {
        /// Last block in which an attestation counts.
        deadline: BlockNumber,
    },
    /// Attested; the audit window is open.
    #[serde(rename_all = "camelCase")]
    Attested {
        /// Block in which the window closes.
        window_end: BlockNumber,
        /// What was attested.
        attestation: AttestationRecord,
    },
    /// Over.
    Ended(Outcome),
}

/// How a job ended.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase", tag = "outcome")]
pub enum Outcome {
    /// The provider was paid.
    #[serde(rename_all = "camelCase")]
    Settled {
        /// Block of the settlement.
        at: BlockNumber,
        /// What was attested.
        attestation: AttestationRecord,
        /// Work that was paid for, in multiply-accumulates.
        work: Work,
        /// Paid by the requester in all, of which `burned` was burned and the provider got the rest.
        paid: Balance,
        /// Burned.
        burned: Balance,
        /// Given back to the requester out of its escrow.
        refunded: Balance,
        /// Era of the reward.
        era: EraIndex,
        /// Minted for the provider.
        reward: Balance,
    },
    /// The requester cancelled it, and paid for the time that it took up.
    #[serde(rename_all = "camelCase")]
    Cancelled {
        /// Block in which it was cancelled.
        at: BlockNumber,
        /// Paid by the requester in all, of which `burned` was burned and the provider got the rest.
        paid: Balance,
        /// Burned.
        burned: Balance,
        /// Given back to the requester out of its escrow.
        refunded: Balance,
    },
    /// It was a replica, and its result is not what more than half of those that were revealed are: nobody was paid for
    /// it.
    #[serde(rename_all = "camelCase")]
    Discarded {
        /// Block in which that was found.
        at: BlockNumber,
        /// What was attested.
        attestation: AttestationRecord,
        /// What the provider would have been paid, which was burned.
        burned: Balance,
        /// Given back to the requester out of its escrow.
        refunded: Balance,
    },
    /// No provider did it in time, and the requester has its whole escrow back.
    #[serde(rename_all = "camelCase")]
    Refunded {
        /// Block of the refund.
        at: BlockNumber,
        /// Given back to the requester.
        refunded: Balance,
    },
}

/// A job, as people and programs see it.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct JobInfo {
    /// The job.
    pub job: JobId,
    /// The gang that it is a replica in, if it is one.
    pub replica_of: Option<JobId>,
    /// Who asked and pays.
    pub requester: AccountId,
    /// Who does the work.
    pub provider: AccountId,
    /// What was asked for.
    pub spec: JobSpec,
    /// Price per work unit at which the match was made.
    pub price: Balance,
    /// Held on the requester for this job while it is open.
    pub escrow: Balance,
    /// Hash of the input's bytes.
    pub input_hash: Hash,
    /// Number of words of the input.
    pub input_len: u32,
    /// Block whose body carries the input.
    pub input_block: BlockNumber,
    /// Index, in that block, of the extrinsic that ends with the input.
    pub input_extrinsic: u32,
    /// Block of the present assignment.
    pub assigned_at: BlockNumber,
    /// How often the job has been assigned, the first time included.
    pub attempts: u8,
    /// Where it stands.
    #[serde(flatten)]
    pub state: JobState,
}

/// The words of an input or an output, for programs that keep payloads.
pub type Payload = Vec<Word>;
