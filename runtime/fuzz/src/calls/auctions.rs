//! Calls on sealed-bid auctions, and on the leases that they end in.

use super::{signed, Driver, MarketCall, Transaction};
use kagari_primitives::{
    lease::bid_commitment, AccountId, AuctionId, AuctionTerms, Balance, BlockNumber, KGR,
};
use kagari_runtime::{Runtime, System};
use pallet_compute_market::{lease_types::Auction, Auctions, Leases, Providers};

/// What somebody has bid, as only the bidder knows it until it is revealed.
#[derive(Clone)]
pub struct SealedBid {
    auction: AuctionId,
    bidder: AccountId,
    price: Balance,
    salt: [u8; 32],
}

impl SealedBid {
    /// Whether it is time to reveal it, and it is not revealed yet.
    fn is_due(&self) -> bool {
        let now = System::block_number();
        let Some(auction) = Auctions::<Runtime>::get(self.auction) else {
            return false;
        };
        let open = auction.commit_until < now && now <= auction.reveal_until;
        let mut bids = auction.bids.iter();
        open && bids.any(|bid| bid.provider == self.bidder && bid.price.is_none())
    }
}

impl Driver {
    pub(super) fn auction(&mut self) -> Option<Transaction> {
        let machines = match self.one_in(12) {
            true => self.below(12),
            false => 1 + self.below(2),
        };
        let max_price = match self.one_in(12) {
            true => self.amount(),
            false => Balance::from(1 + self.below(100)) * KGR / 100,
        };
        let terms = AuctionTerms {
            model: self.model(),
            machines: machines as u16,
            blocks: 1 + self.below(100) as BlockNumber,
            max_price,
            commit_period: self.below(16) as BlockNumber,
            reveal_period: self.below(16) as BlockNumber,
            min_tier: self.tier(),
            class: self.class(),
            region: self.region(),
        };
        signed(self.account(), MarketCall::open_auction { terms })
    }

    pub(super) fn auction_cancellation(&mut self) -> Option<Transaction> {
        let all: Vec<_> = Auctions::<Runtime>::iter().collect();
        let (auction, record) = self.one_of(&all)?;
        let who = self.mostly(record.requester);
        signed(who, MarketCall::cancel_auction { auction })
    }

    /// A bid of somebody who has not bid yet: mostly in time, and mostly at a price that counts.
    pub(super) fn bid(&mut self) -> Option<Transaction> {
        let (now, any) = (System::block_number(), self.one_in(16));
        let open: Vec<_> = Auctions::<Runtime>::iter()
            .filter(|(_, auction)| any || now <= auction.commit_until)
            .collect();
        let (auction, record) = self.one_of(&open)?;
        let bidders: Vec<_> = Providers::<Runtime>::iter_keys()
            .filter(|who| any || !has_bid(&record, who))
            .collect();
        let bidder = self.one_of(&bidders)?;
        let price = record.terms.max_price * Balance::from(1 + self.below(18)) / 16;
        let salt = [self.below(256) as u8; 32];
        let commitment = bid_commitment(auction, &bidder, price, salt);
        self.bids
            .retain(|bid| Auctions::<Runtime>::contains_key(bid.auction));
        self.bids.push(SealedBid {
            auction,
            bidder: bidder.clone(),
            price,
            salt,
        });
        let call = MarketCall::commit_bid {
            auction,
            commitment,
        };
        signed(bidder, call)
    }

    /// The reveal of a bid: mostly in time, and mostly of what was bid.
    pub(super) fn reveal(&mut self) -> Option<Transaction> {
        let any = self.one_in(16);
        let due: Vec<_> = self
            .bids
            .iter()
            .filter(|bid| any || bid.is_due())
            .cloned()
            .collect();
        let SealedBid {
            auction,
            bidder,
            price,
            salt,
        } = self.one_of(&due)?;
        let call = MarketCall::reveal_bid {
            auction,
            price: price + Balance::from(self.one_in(16)),
            salt,
        };
        signed(bidder, call)
    }

    pub(super) fn leased_job(&mut self) -> Option<Transaction> {
        let all: Vec<_> = Leases::<Runtime>::iter().collect();
        let (id, lease) = self.one_of(&all)?;
        let machine = self.one_of(lease.machines.as_slice())?.provider;
        let model = match self.one_in(16) {
            true => self.model(),
            false => lease.terms.model,
        };
        let (mut spec, input) = self.request(model);
        if !self.one_in(8) {
            let left = lease.until.saturating_sub(System::block_number());
            spec.deadline = spec.deadline.min(left);
        }
        let call = MarketCall::submit_leased_job {
            lease: id,
            machine: self.mostly(machine),
            spec,
            input,
        };
        signed(self.mostly(lease.requester), call)
    }
}

fn has_bid(auction: &Auction, who: &AccountId) -> bool {
    auction.bids.iter().any(|bid| bid.provider == *who)
}
