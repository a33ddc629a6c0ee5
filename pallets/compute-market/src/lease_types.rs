//! Records of auctions and leases.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use kagari_primitives::{AccountId, AuctionTerms, Balance, BlockNumber, Hash, JobId};
use scale_info::TypeInfo;
use sp_core::ConstU32;
use sp_runtime::BoundedVec;

/// Most machines of one lease.
pub const MAX_MACHINES: u32 = 8;
/// Most bids in one auction.
pub const MAX_BIDS: u32 = 16;

/// An auction that is open.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Auction {
    /// Who wants the machines, and pays.
    pub requester: AccountId,
    /// What is wanted.
    pub terms: AuctionTerms,
    /// Held on the requester: what the machines cost at most.
    pub escrow: Balance,
    /// Last block in which bids can be committed.
    pub commit_until: BlockNumber,
    /// Last block in which bids can be revealed.
    pub reveal_until: BlockNumber,
    /// Blocks of the chain that could carry no transactions, as far as both have been extended by them.
    pub missed: BlockNumber,
    /// The bids, in the order in which they were committed.
    pub bids: BoundedVec<Bid, ConstU32<MAX_BIDS>>,
}

impl Auction {
    /// The block at which it is cleared.
    pub fn due(&self) -> BlockNumber {
        self.reveal_until.saturating_add(1)
    }

    /// What a machine costs at most, and what each bid adds to its provider's exposure.
    pub fn most(&self) -> Balance {
        self.terms
            .max_price
            .saturating_mul(self.terms.blocks.into())
    }

    /// Extends both times by blocks that could carry no transactions.
    pub fn extend(&mut self, missed: BlockNumber) {
        self.commit_until = self.commit_until.saturating_add(missed);
        self.reveal_until = self.reveal_until.saturating_add(missed);
        self.missed = self.missed.saturating_add(missed);
    }
}

/// A sealed bid. From its commitment on it takes up room of its provider's offer, and the bond covers what the machine
/// costs at most, so that nobody can have it fail by sending the provider other jobs.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Bid {
    /// Who bids.
    pub provider: AccountId,
    /// See [`kagari_primitives::lease::bid_commitment`].
    pub commitment: Hash,
    /// What the bidder asks per block, once it has revealed it.
    pub price: Option<Balance>,
    /// Held on the bidder until the clearing.
    pub deposit: Balance,
}

/// Machines that are leased.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Lease {
    /// Who has leased them.
    pub requester: AccountId,
    /// What was wanted.
    pub terms: AuctionTerms,
    /// What each machine is paid per block.
    pub price: Balance,
    /// The block of the clearing.
    pub from: BlockNumber,
    /// Last block in which its jobs can be attested.
    pub until: BlockNumber,
    /// The block at which it ends: once its last jobs have been judged.
    pub due: BlockNumber,
    /// Blocks of the chain that could carry no transactions, as far as both have been extended by them.
    pub missed: BlockNumber,
    /// The machines that it still has.
    pub machines: BoundedVec<Machine, ConstU32<MAX_MACHINES>>,
}

impl Lease {
    /// Extends it by blocks that could carry no transactions: it costs no more, and its jobs' deadlines are extended as
    /// well.
    pub fn extend(&mut self, missed: BlockNumber) {
        self.until = self.until.saturating_add(missed);
        self.due = self.due.saturating_add(missed);
        self.missed = self.missed.saturating_add(missed);
    }

    /// What a machine is paid for so many blocks of it.
    pub fn cost(&self, blocks: BlockNumber) -> Balance {
        self.price.saturating_mul(blocks.into())
    }

    /// What is held for it on its requester.
    pub fn escrow(&self) -> Balance {
        let machines = self.machines.len() as Balance;
        self.cost(self.terms.blocks).saturating_mul(machines)
    }
}

/// A machine that is leased.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Machine {
    /// Whose it is.
    pub provider: AccountId,
    /// What the lease adds to its provider's exposure.
    pub exposure: Balance,
    /// The latest job that was sent to it.
    pub job: Option<JobId>,
    /// The latest block at which it was seen to have done all that it had been sent.
    pub proved_until: BlockNumber,
}
