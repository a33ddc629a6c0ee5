//! What the constants must satisfy for the protocol to hold together.

use crate::{types::MAX_ATTEMPTS, Config, Pallet};
use frame_support::traits::Get;
use kagari_primitives::BlockNumber;

impl<T: Config> Pallet<T> {
    /// Longest time that a job can be assigned, over all attempts, in blocks.
    pub fn longest_assigned() -> BlockNumber {
        let attempt = T::MaxDeadline::get().saturating_add(1);
        attempt.saturating_mul(MAX_ATTEMPTS.into())
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
            T::UnbondingPeriod::get() > Self::longest_assigned(),
            "a provider could be gone before its jobs are judged"
        );
    }
}
