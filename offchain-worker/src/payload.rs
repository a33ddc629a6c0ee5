//! Payloads: the bytes of a job's input or output, read from the block that carries them.

use codec::Encode;
use kagari_primitives::{payload_hash, payload_words, BlockNumber, Hash, Word};
use sc_client_api::BlockBackend;
use sp_runtime::traits::{Block as BlockT, NumberFor};

#[cfg(test)]
mod tests;

/// Why a payload could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The block is not part of the best chain that this node knows.
    #[error(
        "block {0}, which carries the payload, is not known to this node; wait until it has synced"
    )]
    UnknownBlock(BlockNumber),
    /// The node keeps neither the block's body nor the payload.
    #[error(
        "the body of block {0}, which carries the payload, is not kept by this node; \
         run it with --blocks-pruning archive-canonical"
    )]
    Pruned(BlockNumber),
    /// The block has fewer extrinsics.
    #[error("block {block} has {count} extrinsics, and none of index {index} that would carry the payload")]
    NoExtrinsic {
        /// The block.
        block: BlockNumber,
        /// Index of the extrinsic that was looked for.
        index: u32,
        /// Number of extrinsics in the block.
        count: usize,
    },
    /// The extrinsic is shorter than the payload.
    #[error("extrinsic {index} of block {block} is shorter than the payload of {len} words")]
    Short {
        /// The block.
        block: BlockNumber,
        /// Index of the extrinsic.
        index: u32,
        /// Words of the payload.
        len: u32,
    },
    /// The bytes are others. After a fork the same height can carry another block for a moment.
    #[error(
        "the payload in extrinsic {index} of block {block} does not have the hash {expected:?}"
    )]
    Mismatch {
        /// The block.
        block: BlockNumber,
        /// Index of the extrinsic.
        index: u32,
        /// The hash that was looked for.
        expected: Hash,
    },
    /// The node's database failed.
    #[error("the node's database failed: {0}")]
    Database(String),
}

impl From<sp_blockchain::Error> for PayloadError {
    fn from(error: sp_blockchain::Error) -> Self {
        Self::Database(error.to_string())
    }
}

/// Reads the payload of `len` words with this hash, which ends extrinsic `extrinsic` of the block at
/// this height of the best chain. Where that body is gone, or is another fork's, the payload is
/// looked up by its hash among the indexed transactions.
pub fn read<Block, Client>(
    client: &Client,
    block: BlockNumber,
    extrinsic: u32,
    len: u32,
    hash: Hash,
) -> Result<Vec<Word>, PayloadError>
where
    Block: BlockT<Hash = Hash>,
    NumberFor<Block>: From<BlockNumber>,
    Client: BlockBackend<Block>,
{
    let from_body = from_body(client, block, extrinsic, len, hash);
    if from_body.is_ok() {
        return from_body;
    }
    match from_index(client, len, hash)? {
        Some(words) => Ok(words),
        None => from_body,
    }
}

fn from_body<Block, Client>(
    client: &Client,
    block: BlockNumber,
    index: u32,
    len: u32,
    expected: Hash,
) -> Result<Vec<Word>, PayloadError>
where
    Block: BlockT<Hash = Hash>,
    NumberFor<Block>: From<BlockNumber>,
    Client: BlockBackend<Block>,
{
    let id = client
        .block_hash(block.into())?
        .ok_or(PayloadError::UnknownBlock(block))?;
    let body = client.block_body(id)?.ok_or(PayloadError::Pruned(block))?;
    let no_extrinsic = PayloadError::NoExtrinsic {
        block,
        index,
        count: body.len(),
    };
    let extrinsic = body.get(index as usize).ok_or(no_extrinsic)?.encode();
    let words = trailing_words(&extrinsic, len).ok_or(PayloadError::Short { block, index, len })?;
    match payload_hash(&words) == expected {
        true => Ok(words),
        false => Err(PayloadError::Mismatch {
            block,
            index,
            expected,
        }),
    }
}

fn from_index<Block, Client>(
    client: &Client,
    len: u32,
    hash: Hash,
) -> Result<Option<Vec<Word>>, PayloadError>
where
    Block: BlockT<Hash = Hash>,
    Client: BlockBackend<Block>,
{
    let words = client
        .indexed_transaction(hash)?
        .as_deref()
        .and_then(payload_words);
    // The database takes the hash on trust from the runtime.
    Ok(words.filter(|w| w.len() == len as usize && payload_hash(w) == hash))
}

/// The last `len` words of an extrinsic.
fn trailing_words(extrinsic: &[u8], len: u32) -> Option<Vec<Word>> {
    let start = extrinsic
        .len()
        .checked_sub((len as usize).checked_mul(4)?)?;
    payload_words(extrinsic.get(start..)?)
}
