//! What the market needs of the part that proves work: the runtime ties it to
//! `proof-of-work-done`.

use crate::types::EraWork;
use kagari_primitives::{AccountId, Balance, BlockNumber, EraIndex, JobId, Work};

/// What to do with an attested job whose window has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Pay for it.
    Settle,
    /// Ask again at this block: something about it is still open.
    Wait(BlockNumber),
}

/// A provider's reward for one job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reward {
    /// The era that it was minted in.
    pub era: EraIndex,
    /// What was minted.
    pub amount: Balance,
}

/// Judges attested jobs and mints for settled ones.
pub trait Judge {
    /// Length of the audit window in blocks, one at least: from an attestation to its verdict.
    fn window() -> BlockNumber;
    /// The verdict on an attested job whose window ends.
    fn verdict(job: JobId) -> Verdict;
    /// Mints the reward for a job of `work` multiply-accumulates whose payment had `burned` burned.
    fn reward(provider: &AccountId, work: Work, burned: Balance) -> Reward;
    /// Takes over the work of an era that is over for `provider`.
    fn archive(provider: &AccountId, work: EraWork);
}
