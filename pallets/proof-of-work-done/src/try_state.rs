//! What must hold of this pallet's storage after every block; run after every unit test.

use crate::{emission::job_emission, Config, CurrentEra, Emitted, History, Pallet, Window};
use frame_support::ensure;
use kagari_primitives::Balance;
use sp_runtime::TryRuntimeError;

type Check = Result<(), TryRuntimeError>;

impl<T: Config> Pallet<T> {
    /// All checks, one after the other.
    pub fn do_try_state() -> Check {
        Self::check_window()?;
        Self::check_era()?;
        Self::check_history()
    }

    /// A window has a block at least.
    fn check_window() -> Check {
        ensure!(Window::<T>::get() > 0, "the audit window is empty");
        Ok(())
    }

    /// The present era has not minted more than it may.
    fn check_era() -> Check {
        let Some(era) = CurrentEra::<T>::get() else {
            ensure!(Emitted::<T>::get() == 0, "minted before any era");
            return Ok(());
        };
        let most = job_emission(era.index);
        ensure!(era.left <= most, "more is left of an era than it had");
        let earned = most.saturating_sub(era.left);
        ensure!(
            earned <= Emitted::<T>::get().saturating_add(era.owed.sum()),
            "an era minted more than all eras"
        );
        Ok(())
    }

    /// What the history says was minted is no more than was minted.
    fn check_history() -> Check {
        let kept: Balance = History::<T>::iter_values().map(|work| work.reward).sum();
        ensure!(
            kept <= Emitted::<T>::get(),
            "the history has more than was minted"
        );
        Ok(())
    }
}
