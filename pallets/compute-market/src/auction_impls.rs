//! Sealed-bid auctions: opened, bid in, and cleared all or nothing.

use crate::{
    index_impls::{Relisted, Retier},
    lease_types::*,
    sealed_bids::{clear, Cleared},
    types::*,
    Auctions, Burned, Config, Error, Event, HoldReason, Leases, Models, Pallet, Providers,
    WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{
    ensure,
    traits::{
        fungible::hold::Mutate as _,
        tokens::{Fortitude, Precision},
        Defensive, Get,
    },
    weights::Weight,
};
use kagari_primitives::{
    lease::{auction_id, bid_commitment},
    AccountId, AuctionId, AuctionTerms, Balance, BlockNumber, Hash, ProviderStatus, Tier,
};
use sp_runtime::{traits::BlockNumberProvider, DispatchError, DispatchResult, SaturatedConversion};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_open_auction(who: AccountId, terms: AuctionTerms) -> DispatchResult {
        Self::check_terms(&terms)?;
        let now = T::BlockNumberProvider::current_block_number();
        let nonce = frame_system::Pallet::<T>::account_nonce(&who).saturated_into();
        let id = auction_id(&who, nonce, now);
        let is_new = !Auctions::<T>::contains_key(id) && !Leases::<T>::contains_key(id);
        ensure!(is_new, Error::<T>::DuplicateAuction);
        let escrow = most_cost(&terms).ok_or(Error::<T>::InvalidTerms)?;
        T::Currency::hold(&HoldReason::Escrow.into(), &who, escrow)
            .map_err(|_| Error::<T>::CannotPayEscrow)?;
        let commit_until = now.saturating_add(terms.commit_period);
        let auction = Auction {
            requester: who.clone(),
            reveal_until: commit_until.saturating_add(terms.reveal_period),
            terms,
            escrow,
            commit_until,
            bids: Default::default(),
        };
        Self::enqueue_lease(id, auction.due());
        Self::deposit_event(Event::AuctionOpened {
            auction: id,
            requester: who,
            commit_until,
            reveal_until: auction.reveal_until,
            escrow,
        });
        Auctions::<T>::insert(id, auction);
        Ok(())
    }

    fn check_terms(terms: &AuctionTerms) -> DispatchResult {
        ensure!(
            Models::<T>::contains_key(terms.model),
            Error::<T>::UnknownModel
        );
        ensure!(
            (1..=MAX_MACHINES).contains(&terms.machines.into())
                && (1..=T::MaxLease::get()).contains(&terms.blocks)
                && terms.max_price > 0,
            Error::<T>::InvalidTerms
        );
        let periods = [terms.commit_period, terms.reveal_period];
        let fits = |period| (1..=T::MaxBidding::get()).contains(&period);
        ensure!(
            periods.into_iter().all(fits),
            Error::<T>::BiddingOutOfBounds
        );
        Ok(())
    }

    /// The requester can take an auction back as long as nobody has bid: afterwards bidders have money in it.
    pub(crate) fn do_cancel_auction(who: AccountId, id: AuctionId) -> DispatchResult {
        let auction = Auctions::<T>::get(id).ok_or(Error::<T>::NoSuchAuction)?;
        ensure!(auction.requester == who, Error::<T>::NotYours);
        ensure!(auction.bids.is_empty(), Error::<T>::HasBids);
        Self::release_escrow(&who, auction.escrow)?;
        Auctions::<T>::remove(id);
        Self::deposit_event(Event::AuctionCancelled {
            auction: id,
            requester: who,
        });
        Ok(())
    }

    pub(crate) fn do_commit_bid(who: AccountId, id: AuctionId, commitment: Hash) -> DispatchResult {
        Auctions::<T>::try_mutate(id, |auction| {
            let auction = auction.as_mut().ok_or(Error::<T>::NoSuchAuction)?;
            let now = T::BlockNumberProvider::current_block_number();
            ensure!(now <= auction.commit_until, Error::<T>::CommitsClosed);
            let again = auction.bids.iter().any(|bid| bid.provider == who);
            ensure!(!again, Error::<T>::BidsAlready);
            ensure!(
                Self::can_lease(&who, &auction.terms, 0),
                Error::<T>::NotEligible
            );
            let deposit = T::BidDeposit::get();
            let bid = Bid {
                provider: who.clone(),
                commitment,
                price: None,
                deposit,
            };
            let added = auction.bids.try_push(bid);
            added.map_err(|_| Error::<T>::TooManyBids)?;
            T::Currency::hold(&HoldReason::Bid.into(), &who, deposit)
        })?;
        Self::deposit_event(Event::BidCommitted {
            auction: id,
            provider: who,
        });
        Ok(())
    }

    pub(crate) fn do_reveal_bid(
        who: AccountId,
        id: AuctionId,
        price: Balance,
        salt: [u8; 32],
    ) -> DispatchResult {
        ensure!(price > 0, Error::<T>::PriceZero);
        Auctions::<T>::try_mutate(id, |auction| -> DispatchResult {
            let auction = auction.as_mut().ok_or(Error::<T>::NoSuchAuction)?;
            let now = T::BlockNumberProvider::current_block_number();
            ensure!(now > auction.commit_until, Error::<T>::RevealsNotOpen);
            ensure!(now <= auction.reveal_until, Error::<T>::RevealsClosed);
            let bid = auction.bids.iter_mut().find(|bid| bid.provider == who);
            let bid = bid.ok_or(Error::<T>::NoSuchBid)?;
            let commitment = bid_commitment(id, &who, price, salt);
            ensure!(bid.commitment == commitment, Error::<T>::OtherBid);
            bid.price = Some(price);
            Ok(())
        })?;
        Self::deposit_event(Event::BidRevealed {
            auction: id,
            provider: who,
            price,
        });
        Ok(())
    }

    /// Clears an auction whose time is over: the deposits of bids that were revealed and can be kept go back, the
    /// others are burned; the machines are leased, or all of the escrow goes back. Gives what it weighed.
    pub(crate) fn clear_auction(id: AuctionId, auction: Auction) -> Weight {
        Auctions::<T>::remove(id);
        let bids = auction.bids.len() as u32;
        let good = Self::settle_deposits(id, &auction);
        let machines = auction.terms.machines.into();
        let weight = T::WeightInfo::clear_auction(bids, machines);
        let Some(cleared) = clear(good.into_iter(), machines as usize, auction.terms.max_price)
        else {
            Self::release_escrow(&auction.requester, auction.escrow).defensive_unwrap_or_default();
            Self::deposit_event(Event::AuctionFailed {
                auction: id,
                requester: auction.requester,
                refunded: auction.escrow,
            });
            return weight;
        };
        weight.saturating_add(Self::start_lease(id, auction, cleared))
    }

    /// Most that clearing an auction can weigh.
    pub(crate) fn most_for_clearing() -> Weight {
        let moving = T::WeightInfo::delist_offers(MAX_PLACES).saturating_mul(MAX_MACHINES.into());
        T::WeightInfo::clear_auction(MAX_BIDS, MAX_MACHINES).saturating_add(moving)
    }

    /// Gives deposits back or burns them, and gives the bids that can be kept, the cheapest first; of equal ones
    /// that which was committed first.
    fn settle_deposits(id: AuctionId, auction: &Auction) -> Vec<(Balance, AccountId)> {
        let mut good = Vec::new();
        for bid in &auction.bids {
            let cost = |price: Balance| price.saturating_mul(auction.terms.blocks.into());
            let counts = |price: &Balance| {
                *price > auction.terms.max_price
                    || Self::can_lease(&bid.provider, &auction.terms, cost(*price))
            };
            match bid.price.filter(counts) {
                Some(price) => {
                    Self::release_deposit(bid);
                    good.push((price, bid.provider.clone()));
                }
                None => Self::forfeit_deposit(id, bid),
            }
        }
        good.sort_by_key(|(price, _)| *price);
        good
    }

    fn release_deposit(bid: &Bid) {
        let reason = HoldReason::Bid.into();
        T::Currency::release(&reason, &bid.provider, bid.deposit, Precision::BestEffort)
            .defensive_unwrap_or_default();
    }

    /// Burned, and not the requester's, so that nobody has a reason to keep others from revealing.
    fn forfeit_deposit(id: AuctionId, bid: &Bid) {
        let reason = HoldReason::Bid.into();
        let (precision, force) = (Precision::BestEffort, Fortitude::Force);
        let burned = T::Currency::burn_held(&reason, &bid.provider, bid.deposit, precision, force);
        let burned = burned.defensive_unwrap_or_default();
        Burned::<T>::mutate(|all| *all = all.saturating_add(burned));
        Self::deposit_event(Event::DepositForfeited {
            auction: id,
            provider: bid.provider.clone(),
            amount: burned,
        });
    }

    /// Has the winners take up room for the lease. Gives what that weighed besides.
    fn start_lease(id: AuctionId, auction: Auction, cleared: Cleared<AccountId>) -> Weight {
        let Cleared { winners, price } = cleared;
        let Auction {
            requester,
            terms,
            escrow,
            ..
        } = auction;
        let from = T::BlockNumberProvider::current_block_number();
        let mut lease = Lease {
            requester,
            price,
            from,
            until: from.saturating_add(terms.blocks),
            terms,
            machines: Default::default(),
        };
        let worth = lease.cost(lease.terms.blocks);
        let mut weight = Weight::zero();
        for provider in winners {
            let taken = Self::take_leased_room(&provider, &lease.terms, worth);
            let Ok((exposure, relisted)) = taken.defensive() else {
                continue;
            };
            weight = weight.saturating_add(relisted.weight::<T>());
            let machine = Machine {
                provider,
                exposure,
                job: None,
            };
            lease
                .machines
                .try_push(machine)
                .defensive_unwrap_or_default();
        }
        let rest = escrow.saturating_sub(lease.escrow());
        Self::release_escrow(&lease.requester, rest).defensive_unwrap_or_default();
        Self::enqueue_lease(id, lease.due());
        Self::deposit_event(Event::LeaseStarted {
            lease: id,
            requester: lease.requester.clone(),
            price,
            until: lease.until,
            providers: lease.machines.iter().map(|m| m.provider.clone()).collect(),
        });
        Leases::<T>::insert(id, lease);
        weight
    }

    fn take_leased_room(
        who: &AccountId,
        terms: &AuctionTerms,
        worth: Balance,
    ) -> Result<(Balance, Relisted), DispatchError> {
        Self::change_provider(who, Retier::Later, |provider| {
            let exposure = worth.min(provider.headroom());
            provider.exposure = provider.exposure.saturating_add(exposure);
            let offer = provider.offer_mut(&terms.model);
            let offer = offer.ok_or(Error::<T>::NoSuchOffer)?;
            offer.leased = offer.leased.saturating_add(1);
            Ok(exposure)
        })
    }

    /// Whether a provider has a machine for an auction, and its bond covers so much.
    fn can_lease(who: &AccountId, terms: &AuctionTerms, value: Balance) -> bool {
        let now = T::BlockNumberProvider::current_block_number();
        let Some(provider) = Providers::<T>::get(who) else {
            return false;
        };
        let hardware = &provider.hardware;
        provider.status == ProviderStatus::Active
            && provider.headroom() >= value
            && provider.offer(&terms.model).is_some_and(Offer::has_room)
            && hardware.class == terms.class
            && (terms.region.is_none() || hardware.region == terms.region)
            && (terms.min_tier == Tier::New || provider.reputation.tier(now) >= terms.min_tier)
    }

    /// Gives a part of what is held on a requester back.
    pub(crate) fn release_escrow(who: &AccountId, amount: Balance) -> DispatchResult {
        T::Currency::release(&HoldReason::Escrow.into(), who, amount, Precision::Exact).map(|_| ())
    }

    /// Puts an auction or a lease into the queue.
    pub(crate) fn enqueue_lease(id: AuctionId, due: BlockNumber) {
        crate::Queue::<T>::append(due, crate::queue_impls::LEASES, id);
    }
}

/// What the machines cost at most; `None` if no balance is as much.
fn most_cost(terms: &AuctionTerms) -> Option<Balance> {
    terms
        .max_price
        .checked_mul(terms.blocks.into())?
        .checked_mul(terms.machines.into())
}
