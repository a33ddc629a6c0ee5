//! Records in this pallet's storage.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::PalletId;
use kagari_primitives::{AccountId, Balance, EraIndex, Work};
use scale_info::TypeInfo;
use sp_runtime::traits::AccountIdConversion;

/// The present era.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Era {
    /// Its number.
    pub index: EraIndex,
    /// What it mints per work unit, within a job's cap.
    pub rate: Balance,
    /// What it may still mint.
    pub left: Balance,
    /// Multiply-accumulates of the jobs settled in it so far, as far as their burn paid for them.
    pub work: Work,
    /// What the other roles have earned, in this era and before, and was not minted yet.
    pub owed: RoleShares,
}

/// Shares of rewards for the roles beside the provider.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct RoleShares {
    /// For the chain's validators.
    pub validators: Balance,
    /// For those who audit.
    pub auditors: Balance,
    /// For the treasury.
    pub treasury: Balance,
}

impl RoleShares {
    /// All shares together.
    pub fn sum(&self) -> Balance {
        let Self {
            validators,
            auditors,
            treasury,
        } = *self;
        validators.saturating_add(auditors).saturating_add(treasury)
    }

    /// These shares and others.
    pub fn plus(self, other: Self) -> Self {
        Self {
            validators: self.validators.saturating_add(other.validators),
            auditors: self.auditors.saturating_add(other.auditors),
            treasury: self.treasury.saturating_add(other.treasury),
        }
    }
}

/// Where the shares of a role wait until the role can be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum Role {
    /// The chain's validators.
    Validators,
    /// Those who audit.
    Auditors,
    /// The treasury.
    Treasury,
}

impl Role {
    /// The account of the role; nobody has a key to it.
    pub fn account(self) -> AccountId {
        PalletId(*b"kgr/work").into_sub_account_truncating(self)
    }
}

/// An era that is over, or the present one, as far as rewards go.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct EraRecord {
    /// What it minted per work unit, within a job's cap.
    pub rate: Balance,
    /// Multiply-accumulates that counted towards the next era's rate.
    pub work: Work,
    /// What was earned by all roles in it.
    pub rewards: Balance,
}

/// Work of one account in one era, and what was minted for it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct AccountWork {
    /// Multiply-accumulates of settled jobs.
    pub work: Work,
    /// What their payments burned.
    pub burned: Balance,
    /// Minted for them.
    pub reward: Balance,
}

impl AccountWork {
    /// This work and more of the same account and era.
    pub fn plus(self, more: Self) -> Self {
        Self {
            work: self.work.saturating_add(more.work),
            burned: self.burned.saturating_add(more.burned),
            reward: self.reward.saturating_add(more.reward),
        }
    }
}
