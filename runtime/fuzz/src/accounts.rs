//! Who takes part: accounts, and the worker keys that they share.

use kagari_primitives::{worker_key::WorkerPair, AccountId, Balance, KGR};
use sp_core::Pair;
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Dave, Eve, Ferdie};
use std::sync::LazyLock;

/// Accounts beside those of the preset, which have a million KGR each: four rich ones, whose jobs make a reputation,
/// and three that can pay for little or for nothing.
pub const ENDOWED: [(AccountId, Balance); 7] = [
    (AccountId::new([1; 32]), 100_000_000 * KGR),
    (AccountId::new([2; 32]), 100_000_000 * KGR),
    (AccountId::new([3; 32]), 100_000_000 * KGR),
    (AccountId::new([4; 32]), 100_000_000 * KGR),
    (AccountId::new([5; 32]), 200 * KGR),
    (AccountId::new([6; 32]), KGR),
    (AccountId::new([7; 32]), KGR / 100),
];

/// All accounts.
pub static ACCOUNTS: LazyLock<Vec<AccountId>> = LazyLock::new(|| {
    let preset = [Alice, Bob, Charlie, Dave, Eve, Ferdie].map(|key| key.to_account_id());
    let endowed = ENDOWED.map(|(who, _)| who);
    preset.into_iter().chain(endowed).collect()
});

/// All worker keys: more than there are accounts, and few enough for two to name the same.
pub static WORKERS: LazyLock<Vec<WorkerPair>> =
    LazyLock::new(|| (1..=24).map(|n| WorkerPair::from_seed(&[n; 32])).collect());
