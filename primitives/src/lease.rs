//! Leases: several machines, or a machine for a time, bought in a sealed-bid auction.

use crate::{
    provider::{HardwareClass, Region, Tier},
    AccountId, Balance, BlockNumber, Hash, ModelId, Nonce,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::H256;
use sp_runtime::traits::{BlakeTwo256, Hash as _};

/// Identifies an auction: see [`auction_id`].
pub type AuctionId = H256;
/// Identifies a lease: the id of the auction that it was bought in.
pub type LeaseId = AuctionId;

/// What a requester wants to lease: room for one job at once on each of several machines, for a time.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct AuctionTerms {
    /// The model that the machines are to serve.
    pub model: ModelId,
    /// How many machines, each of another provider; all of them or none.
    pub machines: u16,
    /// For how many blocks.
    pub blocks: BlockNumber,
    /// Most that a machine may cost a block. It is public; bids above it don't count.
    pub max_price: Balance,
    /// Blocks in which bids can be committed, from the opening on.
    pub commit_period: BlockNumber,
    /// Blocks after them in which bids can be revealed.
    pub reveal_period: BlockNumber,
    /// The least that the providers must have proved themselves.
    #[serde(default)]
    pub min_tier: Tier,
    /// How the machines must compute.
    #[serde(default)]
    pub class: HardwareClass,
    /// Where the machines must stand, if that matters.
    #[serde(default)]
    pub region: Option<Region>,
}

/// The id of an auction: H(requester, the requester's nonce, the block).
pub fn auction_id(requester: &AccountId, nonce: Nonce, block: BlockNumber) -> AuctionId {
    BlakeTwo256::hash_of(&(b"kagari-auction", requester, nonce, block))
}

/// What a bidder commits to: H(auction, bidder, price per block, salt). The salt keeps others from trying all
/// prices; the bidder's name keeps them from copying the commitment.
pub fn bid_commitment(
    auction: AuctionId,
    bidder: &AccountId,
    price: Balance,
    salt: [u8; 32],
) -> Hash {
    BlakeTwo256::hash_of(&(b"kagari-bid", auction, bidder, price, salt))
}
