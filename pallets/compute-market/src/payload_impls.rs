//! Payloads: the words of an input or an output, which stand in the block's body and not in the state.

use crate::{Config, Error, Pallet};
use frame_support::ensure;
use kagari_primitives::{payload_bytes, Hash, Word};
use sp_runtime::{traits::Hash as _, DispatchError};

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
        let extrinsic = frame_system::Pallet::<T>::extrinsic_data(index);
        ensure!(extrinsic.ends_with(&payload), Error::<T>::NotTrailing);
        let hash = T::Hashing::hash(&payload);
        Ok(Trailing {
            hash,
            bytes: payload.len() as u32,
            extrinsic: index,
        })
    }

    /// Has every node keep the payload under its hash. The last step of a call: an index operation
    /// outlives the roll-back of the call that made it.
    pub(crate) fn index_payload(payload: &Trailing) {
        sp_io::transaction_index::index(payload.extrinsic, payload.bytes, payload.hash.0);
    }
}
