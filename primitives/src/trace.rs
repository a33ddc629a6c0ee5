//! Traces: a 32-byte commitment to a whole computation.
//!
//! A leaf covers [`CHUNK`] output positions: it is the Merkle root of their position hashes. The root
//! of the trace is the Merkle root of the leaves, bound to the number of positions and the reason why
//! the computation ended. All hashes are BLAKE2b-256, domain-separated by their first byte.
//!
//! The root says what was computed, not who computed it.

use crate::{attestation::StopReason, Hash, Word};
use alloc::vec::Vec;
use codec::Encode;
use sp_runtime::traits::{BlakeTwo256, Hash as _};

/// Output positions under one leaf.
pub const CHUNK: usize = 32;

/// First bytes of what is hashed: no hash of one kind is a hash of another.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Domain {
    Position = 0,
    Node = 1,
    Root = 2,
    Empty = 3,
}

fn hash(domain: Domain, content: &impl Encode) -> Hash {
    BlakeTwo256::hash_of(&(domain as u8, content))
}

/// Hash of one output position: its index, the word put out, and the hash of the values from which
/// the word was decided (for a decoder the last position's state after the last norm, from which the
/// logits follow; as little-endian f32).
pub fn position_hash(index: u32, word: Word, values: Hash) -> Hash {
    hash(Domain::Position, &(index, word, values))
}

/// Hash of a vector of f32 values, as their little-endian bits.
pub fn values_hash(values: &[f32]) -> Hash {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|v| v.to_bits().to_le_bytes())
        .collect();
    BlakeTwo256::hash(&bytes)
}

/// Builds a trace position by position; keeps one hash a leaf and those of the open chunk.
#[derive(Clone, Debug, Default)]
pub struct TraceBuilder {
    leaves: Vec<Hash>,
    open: Vec<Hash>,
    positions: u32,
}

impl TraceBuilder {
    /// Adds the next output position.
    pub fn push(&mut self, word: Word, values: Hash) {
        self.open.push(position_hash(self.positions, word, values));
        self.positions = self.positions.saturating_add(1);
        if self.open.len() == CHUNK {
            self.close_chunk();
        }
    }

    fn close_chunk(&mut self) {
        self.leaves.push(merkle_root(&self.open));
        self.open.clear();
    }

    /// Ends the trace and gives its root.
    pub fn finish(mut self, stop: StopReason) -> Hash {
        if !self.open.is_empty() {
            self.close_chunk();
        }
        hash(
            Domain::Root,
            &(merkle_root(&self.leaves), self.positions, stop),
        )
    }
}

/// Merkle root of a list of hashes: pairs are hashed level by level, an odd one at the end of a level
/// goes up as it is. Lists of different lengths can share a root, so what is committed to carries its
/// length beside it.
pub fn merkle_root(hashes: &[Hash]) -> Hash {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = level.chunks(2).map(merge).collect();
    }
    level.pop().unwrap_or_else(|| hash(Domain::Empty, &()))
}

fn merge(pair: &[Hash]) -> Hash {
    match pair {
        [left, right] => hash(Domain::Node, &(left, right)),
        [single] => *single,
        _ => unreachable!("`chunks(2)` gives one or two; qed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn root(words: &[Word], stop: StopReason) -> Hash {
        let mut trace = TraceBuilder::default();
        words
            .iter()
            .for_each(|w| trace.push(*w, values_hash(&[*w as f32])));
        trace.finish(stop)
    }

    proptest! {
        #[test]
        fn any_changed_word_changes_the_root(
            words in prop::collection::vec(any::<Word>(), 1..100), at: prop::sample::Index, other: Word
        ) {
            let mut changed = words.clone();
            let at = at.index(words.len());
            prop_assume!(changed[at] != other);
            changed[at] = other;
            prop_assert_ne!(root(&words, StopReason::Length), root(&changed, StopReason::Length));
        }

        #[test]
        fn any_cut_changes_the_root(words in prop::collection::vec(any::<Word>(), 1..100)) {
            let whole = root(&words, StopReason::Length);
            for len in 0..words.len() {
                prop_assert_ne!(whole, root(&words[..len], StopReason::Length));
            }
        }
    }

    #[test]
    fn the_reason_to_stop_is_bound() {
        assert_ne!(
            root(&[1, 2], StopReason::Length),
            root(&[1, 2], StopReason::StopToken)
        );
    }

    #[test]
    fn values_are_bound_by_their_bits() {
        assert_ne!(values_hash(&[0.0]), values_hash(&[-0.0]));
    }
}
