#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use kagari_primitives::payload_bytes;
use sp_runtime::{
    generic::{Header, SignedBlock},
    traits::BlakeTwo256,
    Justifications, OpaqueExtrinsic,
};
use std::collections::HashMap;

type Block = sp_runtime::generic::Block<Header<BlockNumber, BlakeTwo256>, OpaqueExtrinsic>;
type Answer<T> = sp_blockchain::Result<Option<T>>;

/// A database with one known block, number 5.
#[derive(Default)]
struct Database {
    body: Option<Vec<OpaqueExtrinsic>>,
    index: HashMap<Hash, Vec<u8>>,
}

impl BlockBackend<Block> for Database {
    fn block_body(&self, _: Hash) -> Answer<Vec<OpaqueExtrinsic>> {
        Ok(self.body.clone())
    }

    fn block_indexed_body(&self, _: Hash) -> Answer<Vec<Vec<u8>>> {
        Ok(None)
    }

    fn block_indexed_hashes(&self, _: Hash) -> Answer<Vec<Hash>> {
        Ok(None)
    }

    fn block(&self, _: Hash) -> Answer<SignedBlock<Block>> {
        Ok(None)
    }

    fn block_status(&self, _: Hash) -> sp_blockchain::Result<sp_consensus::BlockStatus> {
        Ok(sp_consensus::BlockStatus::Unknown)
    }

    fn justifications(&self, _: Hash) -> Answer<Justifications> {
        Ok(None)
    }

    fn block_hash(&self, number: BlockNumber) -> Answer<Hash> {
        Ok((number == 5).then(|| Hash::repeat_byte(5)))
    }

    fn indexed_transaction(&self, hash: Hash) -> Answer<Vec<u8>> {
        Ok(self.index.get(&hash).cloned())
    }

    fn requires_full_sync(&self) -> bool {
        false
    }
}

/// An extrinsic that ends with these words.
fn extrinsic(words: &[Word]) -> OpaqueExtrinsic {
    OpaqueExtrinsic::from_blob([&b"call"[..], &payload_bytes(words)].concat())
}

fn with_body(words: &[Word]) -> Database {
    Database {
        body: Some(vec![extrinsic(&[]), extrinsic(words)]),
        ..Default::default()
    }
}

fn read(
    database: &Database,
    block: BlockNumber,
    index: u32,
    words: &[Word],
) -> Result<Vec<Word>, PayloadError> {
    super::read::<Block, _>(
        database,
        block,
        index,
        words.len() as u32,
        payload_hash(words),
    )
}

#[test]
fn the_payload_ends_its_extrinsic() {
    for words in [&[][..], &[7], &[1, 2, u32::MAX]] {
        assert_eq!(read(&with_body(words), 5, 1, words), Ok(words.to_vec()));
    }
}

#[test]
fn what_is_missing_is_named() {
    let database = with_body(&[1, 2]);
    assert_eq!(
        read(&database, 6, 1, &[1, 2]),
        Err(PayloadError::UnknownBlock(6))
    );
    let no_extrinsic = PayloadError::NoExtrinsic {
        block: 5,
        index: 2,
        count: 2,
    };
    assert_eq!(read(&database, 5, 2, &[1, 2]), Err(no_extrinsic));
    let short = PayloadError::Short {
        block: 5,
        index: 0,
        len: 2,
    };
    assert_eq!(read(&database, 5, 0, &[1, 2]), Err(short));
    assert_eq!(
        read(&Database::default(), 5, 1, &[1, 2]),
        Err(PayloadError::Pruned(5))
    );
}

#[test]
fn other_bytes_are_refused() {
    let other = read(&with_body(&[1, 2]), 5, 1, &[1, 3]);
    assert!(matches!(
        other,
        Err(PayloadError::Mismatch {
            block: 5,
            index: 1,
            ..
        })
    ));
}

#[test]
fn absurd_lengths_are_refused() {
    let database = with_body(&[1]);
    let result = super::read::<Block, _>(&database, 5, 1, u32::MAX, payload_hash(&[1]));
    assert!(matches!(result, Err(PayloadError::Short { .. })));
}

#[test]
fn the_index_serves_where_the_body_is_gone_or_another() {
    let index: HashMap<_, _> = [(payload_hash(&[1, 2]), payload_bytes(&[1, 2]))].into();
    for body in [None, Some(vec![]), with_body(&[3, 4]).body] {
        let database = Database {
            body,
            index: index.clone(),
        };
        assert_eq!(read(&database, 5, 1, &[1, 2]), Ok(vec![1, 2]));
    }
}

#[test]
fn wrong_bytes_in_the_index_are_not_taken() {
    let index: HashMap<_, _> = [(payload_hash(&[1, 2]), payload_bytes(&[3, 4]))].into();
    let database = Database { body: None, index };
    assert_eq!(read(&database, 5, 1, &[1, 2]), Err(PayloadError::Pruned(5)));
}
