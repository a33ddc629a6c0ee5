//! What the constants must satisfy for the protocol to hold together.

use crate::{
    gang::REVEAL_PERIOD,
    judge::Judge,
    types::{MAX_ATTEMPTS, MAX_LEVERAGE},
    Call, Config, Pallet,
};
use frame_support::{dispatch::DispatchClass, traits::Get, weights::Weight};
use kagari_primitives::{Balance, BlockNumber};

impl<T: Config> Pallet<T> {
    /// Longest time that a job can be assigned, over all attempts, in blocks. A replica may wait for the last of its gang
    /// to commit, and has no more than a deadline besides to reveal what it has committed to.
    pub fn longest_assigned() -> BlockNumber {
        let attempt = T::MaxDeadline::get().saturating_add(1);
        attempt.saturating_mul(BlockNumber::from(MAX_ATTEMPTS).saturating_add(1))
    }

    /// Checks the constants; run by `integrity_test`.
    pub(crate) fn check_constants() {
        assert!(T::MinBond::get() > 0, "a bond of nothing secures nothing");
        assert!(T::MinDeadline::get() >= 1, "a job needs at least a block");
        assert!(
            T::MinDeadline::get() <= T::MaxDeadline::get(),
            "no deadline would be accepted"
        );
        assert!(
            REVEAL_PERIOD <= T::MaxDeadline::get(),
            "a replica could be assigned for longer than any job"
        );
        let open = Self::longest_assigned().saturating_add(T::Judge::window());
        assert!(
            T::UnbondingPeriod::get() > open.max(T::MaxLease::get()),
            "a provider could be gone before its jobs are judged"
        );
        // To the requester, and once more with the delegators.
        let lost: Balance = T::FailurePenalty::get().mul_ceil(100);
        let lost = lost.saturating_mul(2);
        assert!(
            lost.saturating_mul(MAX_LEVERAGE) <= 100,
            "a bond could not pay the penalties for all that it covers"
        );
        Self::check_weights();
    }

    /// Every call fits into a block, and so does every step of the queue into its share of one.
    fn check_weights() {
        let limits = T::BlockWeights::get();
        let normal = limits.get(DispatchClass::Normal);
        let most = normal.max_extrinsic.unwrap_or(limits.max_block);
        for (call, weight) in Self::heaviest_calls() {
            assert!(
                weight.all_lte(most),
                "{call} can weigh {weight}, and a block takes {most}"
            );
        }
        // Settlements come first, in half of it.
        let polling = Self::most_of_polling();
        let half = polling.div(2);
        assert!(
            Self::most_for_one().all_lte(half) && Self::most_for_one_lease().all_lte(half),
            "the queue of jobs could come to a halt: a step can weigh {} or {}, and it has {half}",
            Self::most_for_one(),
            Self::most_for_one_lease()
        );
    }

    /// The calls that move the most, each at its heaviest.
    fn heaviest_calls() -> [(&'static str, Weight); 5] {
        use frame_support::dispatch::GetDispatchInfo;
        use kagari_primitives::{JobSpec, Sampling, Task, MAX_INPUT, MAX_REPLICAS};
        let spec = JobSpec::new(
            Default::default(),
            Task::Completion {
                max_new_tokens: 1,
                sampling: Sampling::GREEDY,
            },
            0,
            0,
        );
        let input = alloc::vec![0; MAX_INPUT as usize];
        let who = kagari_primitives::AccountId::new([0; 32]);
        let calls = [
            (
                "submit_job",
                Call::<T>::submit_job {
                    spec: spec.clone(),
                    input: input.clone(),
                },
            ),
            (
                "submit_job, with replicas",
                Call::submit_job {
                    spec: JobSpec {
                        replicas: MAX_REPLICAS,
                        ..spec.clone()
                    },
                    input: input.clone(),
                },
            ),
            (
                "submit_leased_job",
                Call::submit_leased_job {
                    lease: Default::default(),
                    machine: who.clone(),
                    spec,
                    input,
                },
            ),
            (
                "decline_job",
                Call::decline_job {
                    job: Default::default(),
                },
            ),
            (
                "withdraw_delegation",
                Call::withdraw_delegation {
                    provider: who.clone(),
                    delegator: who,
                },
            ),
        ];
        calls.map(|(name, call)| (name, call.get_dispatch_info().call_weight))
    }
}
