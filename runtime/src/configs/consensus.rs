//! BABE, GRANDPA, sessions and authorship.

use crate::{
    constants::{EPOCH_SLOTS, PRIMARY_PROBABILITY, SLOT_MILLIS},
    opaque::SessionKeys,
    Babe, Balances, Runtime, RuntimeEvent,
};
use frame_support::traits::{ConstU128, ConstU32, ConstU64};
use kagari_primitives::AccountId;
use sp_consensus_babe::{AllowedSlots, BabeEpochConfiguration};
use sp_runtime::traits::{ConvertInto, OpaqueKeys};

/// Most validators.
type MaxAuthorities = ConstU32<1_000>;

/// Secondary slots carry VRF outputs too, from which audits will be drawn.
pub const EPOCH_CONFIG: BabeEpochConfiguration = BabeEpochConfiguration {
    c: PRIMARY_PROBABILITY,
    allowed_slots: AllowedSlots::PrimaryAndSecondaryVRFSlots,
};

impl pallet_babe::Config for Runtime {
    type EpochDuration = ConstU64<EPOCH_SLOTS>;
    type ExpectedBlockTime = ConstU64<SLOT_MILLIS>;
    // Sessions end with epochs.
    type EpochChangeTrigger = pallet_babe::ExternalTrigger;
    type DisabledValidators = crate::Session;
    type WeightInfo = ();
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    // Equivocations are punished once there is staking.
    type KeyOwnerProof = sp_core::Void;
    type EquivocationReportSystem = ();
}

impl pallet_authorship::Config for Runtime {
    type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Runtime, Babe>;
    type EventHandler = ();
}

impl pallet_session::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type ShouldEndSession = Babe;
    type NextSessionRotation = Babe;
    // The validators of genesis stay until there is staking.
    type SessionManager = ();
    type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
    type Keys = SessionKeys;
    type DisablingStrategy = ();
    type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type KeyDeposit = ConstU128<0>;
}

impl pallet_grandpa::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = MaxAuthorities;
    type MaxNominators = ConstU32<0>;
    type MaxSetIdSessionEntries = ConstU64<168>;
    type KeyOwnerProof = sp_core::Void;
    type EquivocationReportSystem = ();
}
