//! The market and the proof of work, and the adapters that tie them: neither names the other.

use crate::{
    constants::{HOURS, MINUTES},
    weights, Balances, ComputeMarket, ProofOfWorkDone, Runtime, RuntimeHoldReason, System,
};
use frame_support::{parameter_types, traits::ConstU32, weights::Weight};
use kagari_primitives::{AccountId, Attestation, Balance, BlockNumber, JobId, Word, Work, KGR};
use pallet_compute_market::{
    judge::{Judge, Reward, Verdict},
    types::EraWork,
    WeightInfo as _,
};
use pallet_proof_of_work_done::{
    jobs::{AssignedJob, Jobs},
    types::AccountWork,
    WeightInfo as _,
};
use sp_runtime::{DispatchResult, Permill};

parameter_types! {
    /// Least bond of a provider.
    pub const MinBond: Balance = 100 * KGR;
    /// Highest price per work unit.
    pub const MaxPrice: Balance = 1_000_000 * KGR;
    /// Share of every payment that is burned.
    pub const BurnShare: Permill = Permill::from_percent(10);
    /// Held on whoever registers a model.
    pub const ModelDeposit: Balance = 10 * KGR;
}

/// Blocks between unbonding and taking the bond back: a day.
const UNBONDING_PERIOD: BlockNumber = 24 * HOURS;
/// Longest deadline of a job, in blocks: ten minutes.
const MAX_DEADLINE: BlockNumber = 10 * MINUTES;

impl pallet_compute_market::Config for Runtime {
    type WeightInfo = MarketWeights;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type BlockNumberProvider = System;
    type Judge = MarketJudge;
    type MinBond = MinBond;
    type UnbondingPeriod = ConstU32<UNBONDING_PERIOD>;
    type MaxPrice = MaxPrice;
    type MinDeadline = ConstU32<2>;
    type MaxDeadline = ConstU32<MAX_DEADLINE>;
    type BurnShare = BurnShare;
    type ModelDeposit = ModelDeposit;
    type AttestationWeight = WholeAttestation;
}

impl pallet_proof_of_work_done::Config for Runtime {
    type WeightInfo = ProofWeights;
    type Currency = Balances;
    type BlockNumberProvider = System;
    type Jobs = MarketJobs;
    type EraLength = ConstU32<HOURS>;
    type MarketWeight = MarketPart;
}

type MarketWeights = weights::pallet_compute_market::WeightInfo<Runtime>;
type ProofWeights = weights::pallet_proof_of_work_done::WeightInfo<Runtime>;

/// Weight of what an attestation changes in the market.
pub struct MarketPart;
impl pallet_proof_of_work_done::WeightOfWords for MarketPart {
    fn weight(words: u32) -> Weight {
        MarketWeights::attest(words)
    }
}

/// Weight of a whole attestation, its authorisation included, which a job's requester prepays.
pub struct WholeAttestation;
impl pallet_compute_market::WeightOfWords for WholeAttestation {
    fn weight(words: u32) -> Weight {
        ProofWeights::authorize_attest(words)
            .saturating_add(ProofWeights::attest())
            .saturating_add(MarketWeights::attest(words))
    }
}

/// Has the market's jobs judged, and their work rewarded, by the proof of work.
pub struct MarketJudge;
impl Judge for MarketJudge {
    fn verdict(job: JobId) -> Verdict {
        if ProofOfWorkDone::verdict(job) {
            return Verdict::Settle;
        }
        Verdict::Wait(System::block_number().saturating_add(1))
    }

    fn reward(provider: &AccountId, work: Work, burned: Balance) -> Reward {
        let (era, amount) = ProofOfWorkDone::reward(provider, work, burned);
        Reward { era, amount }
    }

    fn archive(provider: &AccountId, work: EraWork) {
        let EraWork { era, work, reward } = work;
        ProofOfWorkDone::archive(provider, era, AccountWork { work, reward });
    }
}

/// Shows the market's jobs to the proof of work.
pub struct MarketJobs;
impl Jobs for MarketJobs {
    fn assigned(job: JobId) -> Option<AssignedJob> {
        let (assignment, worker) = ComputeMarket::assignment(job)?;
        let shape = ComputeMarket::model(assignment.spec.model)?.shape;
        Some(AssignedJob {
            assignment,
            shape,
            worker,
        })
    }

    fn is_open(job: JobId) -> bool {
        ComputeMarket::is_open(job)
    }

    fn attest(
        attestation: &Attestation,
        output: &[Word],
        window_end: BlockNumber,
    ) -> DispatchResult {
        ComputeMarket::attest(attestation, output, window_end)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn assign_for_benchmark(
        worker: kagari_primitives::worker_key::WorkerId,
    ) -> kagari_primitives::Assignment {
        pallet_compute_market::benchmarking::assign_for::<Runtime>(worker)
    }
}
