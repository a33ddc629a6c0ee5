//! The market and the proof of work, and the adapters that tie them: neither names the other.

use crate::{
    constants::{HOURS, MINUTES},
    weights, Balances, ComputeMarket, ProofOfWorkDone, Runtime, RuntimeHoldReason, System,
    TransactionPayment,
};
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64, Get},
    weights::Weight,
};
use kagari_primitives::{
    AccountId, Attestation, Balance, BlockNumber, EraIndex, EraReward, Hash, JobId, Word, Work,
    KGR, MACS_PER_WORK_UNIT,
};
use pallet_compute_market::{
    judge::{Judge, Reward, Verdict},
    lease_types::MAX_BIDS,
    types::EraWork,
    WeightInfo as _,
};
use pallet_proof_of_work_done::{
    emission::{share_out, REWARD_CAP},
    jobs::{AssignedJob, Jobs, Replica},
    types::AccountWork,
    WeightInfo as _,
};
use sp_runtime::{DispatchError, DispatchResult, Permill};

parameter_types! {
    /// Least bond of a provider.
    pub const MinBond: Balance = 100 * KGR;
    /// Highest price per work unit.
    pub const MaxPrice: Balance = 1_000_000 * KGR;
    /// What a provider that fails a job pays its requester, as a share of the job's worth.
    pub const FailurePenalty: Permill = Permill::from_percent(10);
    /// Share of every payment that is burned.
    pub const BurnShare: Permill = Permill::from_percent(10);
    /// Least that can be delegated to a provider.
    pub const MinDelegation: Balance = KGR;
    /// Held on a bidder until its auction is cleared.
    pub const BidDeposit: Balance = 10 * KGR;
    /// Held on whoever registers a model.
    pub const ModelDeposit: Balance = 10 * KGR;
}

/// Blocks between unbonding and taking the bond back: a day.
const UNBONDING_PERIOD: BlockNumber = 24 * HOURS;
/// Eras whose work and rewards are kept: thirty days.
const HISTORY_DEPTH: u32 = 30 * 24;
/// Bytes of an attestation's extrinsic without its output, at most.
const ATTESTATION_LEN: u32 = 256;
/// Bytes of a commitment's extrinsic, at most.
const COMMITMENT_LEN: u32 = 192;
/// Bytes of a word.
const WORD_LEN: u32 = size_of::<Word>() as u32;
/// Work that a provider is expected to do in two seconds: twenty work units.
const WORK_PER_BLOCK: Work = 20 * MACS_PER_WORK_UNIT;
/// Longest time for commitments, and for reveals, in an auction: an hour.
const MAX_BIDDING: BlockNumber = HOURS;
/// Longest lease: twelve hours.
const MAX_LEASE: BlockNumber = 12 * HOURS;
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
    type WorkPerBlock = ConstU64<WORK_PER_BLOCK>;
    type MaxDeadline = ConstU32<MAX_DEADLINE>;
    type FailurePenalty = FailurePenalty;
    type DeclinePeriod = ConstU32<HOURS>;
    type BurnShare = BurnShare;
    type ModelDeposit = ModelDeposit;
    type MinDelegation = MinDelegation;
    type BidDeposit = BidDeposit;
    type MaxBidding = ConstU32<MAX_BIDDING>;
    type MaxLease = ConstU32<MAX_LEASE>;
    type PrepaidFee = UnpaidSteps;
}

impl pallet_proof_of_work_done::Config for Runtime {
    type WeightInfo = ProofWeights;
    type Currency = Balances;
    type BlockNumberProvider = System;
    type Jobs = MarketJobs;
    type EraLength = ConstU32<HOURS>;
    type HistoryDepth = ConstU32<HISTORY_DEPTH>;
    type RelistingWeight = RelistingWeight;
}

type MarketWeights = weights::pallet_compute_market::WeightInfo<Runtime>;
type ProofWeights = weights::pallet_proof_of_work_done::WeightInfo<Runtime>;

/// An offer that has room again stands anew, among those of all regions and those of its own. What a replica gave is
/// compared with what others gave.
pub struct RelistingWeight;
impl Get<Weight> for RelistingWeight {
    fn get() -> Weight {
        MarketWeights::list_offers(2).saturating_add(ComputeMarket::weight_of_revealing())
    }
}

/// The fees that attestation, settlement and missed deadlines would cost if they were signed calls.
pub struct UnpaidSteps;
impl pallet_compute_market::PrepaidFee for UnpaidSteps {
    fn fee(output: u32) -> Balance {
        let weight = ProofWeights::attest(output).saturating_add(MarketWeights::settle_jobs(1));
        let len = ATTESTATION_LEN.saturating_add(output.saturating_mul(WORD_LEN));
        TransactionPayment::weight_to_fee(weight)
            .saturating_add(TransactionPayment::length_to_fee(len))
    }

    fn commit_fee() -> Balance {
        // It is judged a second time if another is not revealed, and leaves its gang at each of these.
        let judging = MarketWeights::settle_jobs(1).saturating_add(MarketWeights::leave_gang());
        let weight = ProofWeights::commit()
            .saturating_add(ComputeMarket::weight_of_revealing())
            .saturating_add(judging)
            .saturating_add(MarketWeights::leave_gang());
        TransactionPayment::weight_to_fee(weight)
            .saturating_add(TransactionPayment::length_to_fee(COMMITMENT_LEN))
    }

    fn late_fee() -> Balance {
        TransactionPayment::weight_to_fee(MarketWeights::time_out_job())
    }

    fn auction_fee(machines: u32) -> Balance {
        let clearing = MarketWeights::clear_auction(MAX_BIDS, machines);
        let ending = MarketWeights::end_lease(machines);
        TransactionPayment::weight_to_fee(clearing.saturating_add(ending))
    }
}

/// Work of one era, as the history keeps it.
fn account_work(work: EraWork) -> AccountWork {
    let EraWork {
        work,
        burned,
        reward,
        ..
    } = work;
    AccountWork {
        work,
        burned,
        reward,
    }
}

/// An account's work and reward in an era, and the terms that the reward follows from.
pub fn reward_of(account: &AccountId, era: EraIndex) -> Option<EraReward> {
    let record = ProofOfWorkDone::era_record(era)?;
    let present = ComputeMarket::era_work(account).filter(|work| work.era == era);
    let present = present.map(account_work).unwrap_or_default();
    let kept = ProofOfWorkDone::history(account, era).unwrap_or_default();
    let AccountWork {
        work,
        burned,
        reward,
    } = kept.plus(present);
    Some(EraReward {
        era,
        rate: record.rate,
        work,
        burned,
        cap: REWARD_CAP.mul_floor(burned),
        provider_share: share_out(KGR).provider,
        reward,
    })
}

/// Has the market's jobs judged, and their work rewarded, by the proof of work.
pub struct MarketJudge;
impl Judge for MarketJudge {
    fn window() -> BlockNumber {
        ProofOfWorkDone::window()
    }

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
        ProofOfWorkDone::archive(provider, work.era, account_work(work));
    }
}

/// Shows the market's jobs to the proof of work.
pub struct MarketJobs;
impl Jobs for MarketJobs {
    fn assigned(job: JobId) -> Option<AssignedJob> {
        let (assignment, shape, worker, replica) = ComputeMarket::assignment(job)?;
        let replica = replica.map(|replica| Replica {
            commitment: replica.commitment.map(|committed| committed.hash),
            may_reveal: replica.may_reveal,
        });
        Some(AssignedJob {
            assignment,
            shape,
            worker,
            replica,
        })
    }

    fn is_open(job: JobId) -> bool {
        ComputeMarket::is_open(job)
    }

    fn commit(job: JobId, commitment: Hash) -> DispatchResult {
        ComputeMarket::commit(job, commitment)
    }

    fn attest(attestation: &Attestation, output: &[Word]) -> Result<Weight, DispatchError> {
        ComputeMarket::attest(attestation, output)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn bring_for_benchmark(words: &[Word]) {
        pallet_compute_market::benchmarking::bring::<Runtime>(words);
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn assign_for_benchmark(
        worker: kagari_primitives::worker_key::WorkerId,
    ) -> kagari_primitives::Assignment {
        pallet_compute_market::benchmarking::assign_for::<Runtime>(worker)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn assign_replica_for_benchmark(
        worker: kagari_primitives::worker_key::WorkerId,
    ) -> kagari_primitives::Assignment {
        pallet_compute_market::benchmarking::assign_replica_for::<Runtime>(worker)
    }
}
