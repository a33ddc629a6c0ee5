//! Payloads: the words of an input or an output, which stand in the block's body and not in the state.

use crate::{Config, Error, Pallet};
use alloc::{vec, vec::Vec};
use frame_support::{ensure, Twox64Concat};
use kagari_primitives::{payload_bytes, Hash, Word};
use sp_runtime::{traits::Hash as _, DispatchError};

/// The present block's extrinsics, which `frame_system` hands out only as copies of the whole: one
/// can be hundreds of times as long as a payload in it.
#[frame_support::storage_alias]
pub(crate) type ExtrinsicData<T: Config> =
    StorageMap<frame_system::Pallet<T>, Twox64Concat, u32, Vec<u8>>;

/// A payload that the present extrinsic ends with.
pub(crate) struct Trailing {
    /// Hash of its bytes.
    pub hash: Hash,
    /// Its length in bytes.
    bytes: u32,
    /// Index of the extrinsic in its block.
    pub extrinsic: u32,
}

impl<T: Config> Pallet<T> {
    /// Makes sure that the present extrinsic ends with these words.
    ///
    /// The host trusts the hash and length that it is given and takes the extrinsic's last bytes, and
    /// the database keeps the first value it sees under a hash. So without this check a call in the
    /// middle of a batch could store wrong bytes under the hash of an honest payload.
    pub(crate) fn ensure_trailing(words: &[Word]) -> Result<Trailing, DispatchError> {
        let index = frame_system::Pallet::<T>::extrinsic_index().ok_or(Error::<T>::NotTrailing)?;
        let payload = payload_bytes(words);
        ensure!(
            Self::extrinsic_ends_with(index, &payload),
            Error::<T>::NotTrailing
        );
        let hash = T::Hashing::hash(&payload);
        Ok(Trailing {
            hash,
            bytes: payload.len() as u32,
            extrinsic: index,
        })
    }

    /// Whether an extrinsic of the present block ends with `payload`, of which only so much is read.
    fn extrinsic_ends_with(index: u32, payload: &[u8]) -> bool {
        let key = ExtrinsicData::<T>::hashed_key_for(index);
        let len = ExtrinsicData::<T>::decode_len(index).unwrap_or_default();
        let encoded_len = sp_io::storage::read(&key, &mut [], 0).unwrap_or_default();
        let before = encoded_len.checked_sub(payload.len() as u32);
        let Some(before) = before.filter(|_| payload.len() <= len) else {
            return false;
        };
        let mut end = vec![0; payload.len()];
        sp_io::storage::read(&key, &mut end, before);
        end == payload
    }

    /// Has every node keep the payload under its hash. The last step of a call: an index operation
    /// outlives the roll-back of the call that made it.
    pub(crate) fn index_payload(payload: &Trailing) {
        sp_io::transaction_index::index(payload.extrinsic, payload.bytes, payload.hash.0);
    }
}
