//! Sealed-bid auctions: opened, bid in, and cleared all or nothing.

use crate::{
    index_impls::{Relisted, Retier},
    judge::Judge,
    lease_types::*,
    sealed_bids::{clear, Cleared},
    types::*,
    Auctions, Config, Error, Event, HoldReason, Leases, Models, Pallet, PrepaidFee, Providers,
    WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{
    ensure,
    traits::{fungible::hold::Mutate as _, Defensive, Get},
    weights::Weight,
};
use kagari_primitives::{
    lease::{auction_id, bid_commitment},
    AccountId, AuctionId, AuctionTerms, Balance, BlockNumber, Hash, ProviderStatus, Tier,
};
use sp_runtime::{
    traits::BlockNumberProvider, DispatchError, DispatchResult, Permill, SaturatedConversion,
};

/// The deposit of a bid, as a share of what the machine costs at most.
const BID_SHARE: Permill = Permill::from_percent(1);

impl<T: Config> Pallet<T> {
    pub(crate) fn do_open_auction(who: AccountId, terms: AuctionTerms) -> DispatchResult {
        Self::check_terms(&terms)?;
        let now = T::BlockNumberProvider::current_block_number();
        let nonce = frame_system::Pallet::<T>::account_nonce(&who).saturated_into();
        let id = auction_id(&who, nonce, now);
        let is_new = !Auctions::<T>::contains_key(id) && !Leases::<T>::contains_key(id);
        ensure!(is_new, Error::<T>::DuplicateAuction);
        let machines = terms.machines;
        let commit_until = now.saturating_add(terms.commit_period);
        let mut auction = Auction {
            requester: who.clone(),
            reveal_until: commit_until.saturating_add(terms.reveal_period),
            terms,
            escrow: 0,
            commit_until,
            missed: Self::missed(),
            bids: Default::default(),
        };
        let escrow = auction.most().checked_mul(machines.into());
        auction.escrow = escrow.ok_or(Error::<T>::InvalidTerms)?;
        let cannot_pay = |_| Error::<T>::CannotPayEscrow;
        let prepaid = T::PrepaidFee::auction_fee(machines.into());
        Self::burn_fee(&who, prepaid).map_err(cannot_pay)?;
        let escrow = auction.escrow;
        T::Currency::hold(&HoldReason::Escrow.into(), &who, escrow).map_err(cannot_pay)?;
        Self::enqueue_lease(id, auction.due());
        Self::deposit_event(Event::AuctionOpened {
            auction: id,
            requester: who,
            commit_until,
            reveal_until: auction.reveal_until,
            escrow,
            prepaid,
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
        Self::give_back(HoldReason::Escrow, &who, auction.escrow);
        Auctions::<T>::remove(id);
        Self::deposit_event(Event::AuctionCancelled {
            auction: id,
            requester: who,
        });
        Ok(())
    }

    pub(crate) fn do_commit_bid(
        who: AccountId,
        id: AuctionId,
        commitment: Hash,
    ) -> Result<Weight, DispatchError> {
        let relisted = Auctions::<T>::try_mutate(id, |auction| {
            let auction = auction.as_mut().ok_or(Error::<T>::NoSuchAuction)?;
            let now = T::BlockNumberProvider::current_block_number();
            let (commit_until, _) = times::<T>(auction);
            ensure!(now <= commit_until, Error::<T>::CommitsClosed);
            let again = auction.bids.iter().any(|bid| bid.provider == who);
            ensure!(!again, Error::<T>::BidsAlready);
            let reserved = auction.most();
            let relisted = Self::take_leased_room(&who, &auction.terms, reserved)?;
            let deposit = deposit_for::<T>(reserved);
            let bid = Bid {
                provider: who.clone(),
                commitment,
                price: None,
                deposit,
            };
            let added = auction.bids.try_push(bid);
            added.map_err(|_| Error::<T>::TooManyBids)?;
            T::Currency::hold(&HoldReason::Bid.into(), &who, deposit)?;
            Ok::<_, DispatchError>(relisted)
        })?;
        Self::deposit_event(Event::BidCommitted {
            auction: id,
            provider: who,
        });
        Ok(T::WeightInfo::commit_bid().saturating_add(relisted.weight::<T>()))
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
            let (commit_until, reveal_until) = times::<T>(auction);
            ensure!(now > commit_until, Error::<T>::RevealsNotOpen);
            ensure!(now <= reveal_until, Error::<T>::RevealsClosed);
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

    /// Serves an auction whose time is over. Gives what it weighed.
    pub(crate) fn serve_auction(id: AuctionId, mut auction: Auction) -> Weight {
        match missed_by::<T>(&auction) {
            0 => Self::clear_auction(id, auction),
            missed => {
                auction.extend(missed);
                Self::enqueue_lease(id, auction.due());
                Auctions::<T>::insert(id, auction);
                T::WeightInfo::clear_auction(0, 1)
            }
        }
    }

    /// Clears an auction: the machines are leased to it, or all of the escrow goes back. The deposits of bids that
    /// were revealed go back, those of the others are burned. Gives what it weighed.
    pub(crate) fn clear_auction(id: AuctionId, auction: Auction) -> Weight {
        Auctions::<T>::remove(id);
        let good = Self::settle_deposits(id, &auction);
        let (machines, most) = (auction.terms.machines.into(), auction.terms.max_price);
        let mut weight = T::WeightInfo::clear_auction(auction.bids.len() as u32, machines);
        let cleared = clear(good.into_iter(), machines as usize, most);
        let winners = cleared.as_ref().map(|c| c.winners.as_slice());
        let winners = winners.unwrap_or_default();
        for bid in auction
            .bids
            .iter()
            .filter(|bid| !winners.contains(&bid.provider))
        {
            let given_back = Self::give_leased_room_back(
                &bid.provider,
                &auction.terms,
                auction.most(),
                Retier::Later,
                |_| (),
            );
            weight = weight.saturating_add(given_back.weight::<T>());
        }
        let Some(cleared) = cleared else {
            let refunded = Self::give_back(HoldReason::Escrow, &auction.requester, auction.escrow);
            Self::deposit_event(Event::AuctionFailed {
                auction: id,
                requester: auction.requester,
                refunded,
            });
            return weight;
        };
        weight.saturating_add(Self::start_lease(id, auction, cleared))
    }

    /// Most that clearing an auction can weigh.
    pub(crate) fn most_for_clearing() -> Weight {
        let moving = T::WeightInfo::list_offers(MAX_PLACES).saturating_mul(MAX_BIDS.into());
        T::WeightInfo::clear_auction(MAX_BIDS, MAX_MACHINES).saturating_add(moving)
    }

    /// Gives deposits back or burns them, and gives the bids that count, the cheapest first; of equal ones that which
    /// was committed first. A bid above the public maximum has only kept others out, and a provider that is leaving
    /// can't keep its bid.
    fn settle_deposits(id: AuctionId, auction: &Auction) -> Vec<(Balance, AccountId)> {
        let mut good = Vec::new();
        for bid in &auction.bids {
            let provider = Providers::<T>::get(&bid.provider);
            let stays = provider.is_some_and(|p| p.status == ProviderStatus::Active);
            match bid.price.filter(|p| stays && *p <= auction.terms.max_price) {
                Some(price) => {
                    Self::give_back(HoldReason::Bid, &bid.provider, bid.deposit);
                    good.push((price, bid.provider.clone()));
                }
                None => Self::forfeit_deposit(id, bid),
            }
        }
        good.sort_by_key(|(price, _)| *price);
        good
    }

    /// Burned, and not the requester's, so that nobody has a reason to keep others from revealing.
    fn forfeit_deposit(id: AuctionId, bid: &Bid) {
        let amount = Self::burn_held(HoldReason::Bid, &bid.provider, bid.deposit);
        Self::deposit_event(Event::DepositForfeited {
            auction: id,
            provider: bid.provider.clone(),
            amount,
        });
    }

    /// Makes the winners' bids into a lease. Gives what that weighed besides.
    fn start_lease(id: AuctionId, auction: Auction, cleared: Cleared<AccountId>) -> Weight {
        let Cleared { winners, price } = cleared;
        let reserved = auction.most();
        let Auction {
            requester,
            terms,
            escrow,
            bids,
            ..
        } = auction;
        let from = T::BlockNumberProvider::current_block_number();
        let until = from.saturating_add(terms.blocks);
        let mut lease = Lease {
            requester,
            price,
            from,
            until,
            // The deadlines of its last jobs are one block later, and their windows follow.
            due: until.saturating_add(2).saturating_add(T::Judge::window()),
            missed: Self::missed(),
            terms,
            machines: Default::default(),
        };
        let worth = lease.cost(lease.terms.blocks);
        let exposure = worth.min(reserved);
        let spared = reserved.saturating_sub(exposure);
        let mut weight = Weight::zero();
        for bid in bids
            .into_iter()
            .filter(|bid| winners.contains(&bid.provider))
        {
            let relisted = Self::change_provider(&bid.provider, Retier::Later, |provider| {
                provider.exposure = provider.exposure.saturating_sub(spared);
                Ok(())
            });
            let ((), relisted) = relisted.defensive_unwrap_or_default();
            weight = weight.saturating_add(relisted.weight::<T>());
            let machine = Machine {
                provider: bid.provider,
                exposure,
                job: None,
                proved_until: from,
            };
            lease
                .machines
                .try_push(machine)
                .defensive_unwrap_or_default();
        }
        let rest = escrow.saturating_sub(lease.escrow());
        Self::give_back(HoldReason::Escrow, &lease.requester, rest);
        Self::enqueue_lease(id, lease.due);
        Self::deposit_event(Event::LeaseStarted {
            lease: id,
            requester: lease.requester.clone(),
            price,
            until,
            providers: lease.machines.iter().map(|m| m.provider.clone()).collect(),
        });
        Leases::<T>::insert(id, lease);
        weight
    }

    /// Takes up room for one job at once, and so much of the bond.
    fn take_leased_room(
        who: &AccountId,
        terms: &AuctionTerms,
        worth: Balance,
    ) -> Result<Relisted, DispatchError> {
        let now = T::BlockNumberProvider::current_block_number();
        let changed = Self::change_provider(who, Retier::Later, |provider| {
            ensure!(can_lease(provider, terms, now), Error::<T>::NotEligible);
            ensure!(provider.headroom() >= worth, Error::<T>::BondTooSmallForBid);
            provider.exposure = provider.exposure.saturating_add(worth);
            let offer = provider.offer_mut(&terms.model);
            let offer = offer.ok_or(Error::<T>::NotEligible)?;
            offer.leased = offer.leased.saturating_add(1);
            Ok(())
        });
        changed.map(|((), relisted)| relisted)
    }

    /// Gives room and bond back that a bid or a lease has taken up, and makes another change to the provider.
    pub(crate) fn give_leased_room_back(
        who: &AccountId,
        terms: &AuctionTerms,
        worth: Balance,
        retier: Retier,
        change: impl FnOnce(&mut Provider),
    ) -> Relisted {
        let changed = Self::change_provider(who, retier, |provider| {
            provider.exposure = provider.exposure.saturating_sub(worth);
            if let Some(offer) = provider.offer_mut(&terms.model) {
                offer.leased = offer.leased.saturating_sub(1);
            }
            provider.drop_idle_offers();
            change(provider);
            Ok(())
        });
        changed.defensive_unwrap_or_default().1
    }
}

/// Whether a provider has a machine for an auction.
fn can_lease(provider: &Provider, terms: &AuctionTerms, now: BlockNumber) -> bool {
    let hardware = &provider.hardware;
    provider.status == ProviderStatus::Active
        && provider.offer(&terms.model).is_some_and(Offer::has_room)
        && hardware.class == terms.class
        && (terms.region.is_none() || hardware.region == terms.region)
        && (terms.min_tier == Tier::New || provider.reputation.tier(now) >= terms.min_tier)
}

/// What is held on a bidder for a machine that costs so much at most: more for more, since it can keep others out of
/// more.
fn deposit_for<T: Config>(most: Balance) -> Balance {
    T::BidDeposit::get().max(BID_SHARE.mul_ceil(most))
}

/// Blocks that could carry no transactions, by which an auction is yet to be extended.
fn missed_by<T: Config>(auction: &Auction) -> BlockNumber {
    Pallet::<T>::missed().saturating_sub(auction.missed)
}

/// The last blocks in which bids can be committed, and revealed.
fn times<T: Config>(auction: &Auction) -> (BlockNumber, BlockNumber) {
    let missed = missed_by::<T>(auction);
    (
        auction.commit_until.saturating_add(missed),
        auction.reveal_until.saturating_add(missed),
    )
}
