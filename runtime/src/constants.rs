//! Constants that everything agrees on.

use kagari_primitives::{Balance, BlockNumber, KGR};

/// Duration of a slot, and so of a block, in milliseconds.
pub const SLOT_MILLIS: u64 = 2_000;
/// Blocks in a minute.
pub const MINUTES: BlockNumber = 30;
/// Blocks in an hour.
pub const HOURS: BlockNumber = 60 * MINUTES;
/// Slots of a BABE epoch, which is a session too.
pub const EPOCH_SLOTS: u64 = 10 * MINUTES as u64;
/// Chance, as a fraction, that a slot has a primary author.
pub const PRIMARY_PROBABILITY: (u64, u64) = (1, 4);

/// Least balance of an account.
pub const EXISTENTIAL_DEPOSIT: Balance = KGR / 1_000;
/// Fee for a byte of an extrinsic.
pub const BYTE_FEE: Balance = KGR / 1_000_000;
/// Deposit for a record of the state and for each byte in it.
pub const fn deposit(records: u32, bytes: u32) -> Balance {
    records as Balance * KGR / 10 + bytes as Balance * KGR / 10_000
}
