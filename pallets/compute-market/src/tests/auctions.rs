//! Sealed-bid auctions: opened, bid in, cleared.

use super::mock::*;
use crate::{Auctions, Error, Event, Jobs, Leases};
use frame_support::{assert_noop, assert_ok};
use kagari_primitives::{
    lease::{auction_id, bid_commitment},
    AccountId, AuctionId, AuctionTerms, Balance, KGR,
};
use sp_runtime::DispatchResult;

const SALT: [u8; 32] = [7; 32];
/// Blocks for commitments, and for reveals.
const PERIOD: u32 = 5;
/// The block at which an auction that was opened at block 1 is cleared.
const CLEARED: u32 = 1 + 2 * PERIOD + 1;
pub(super) const BLOCKS: u32 = 50;
const MOST: Balance = 9 * KGR;

pub(super) fn terms(machines: u16) -> AuctionTerms {
    AuctionTerms {
        model: llm(),
        machines,
        blocks: BLOCKS,
        max_price: MOST,
        commit_period: PERIOD,
        reveal_period: PERIOD,
        min_tier: Default::default(),
        class: Default::default(),
        region: None,
    }
}

pub(super) fn opened(terms: AuctionTerms) -> AuctionId {
    assert_ok!(Market::open_auction(signed(&REQUESTER), terms));
    auction_id(&REQUESTER, 0, System::block_number())
}

fn commit(who: &AccountId, id: AuctionId, price: Balance) -> DispatchResult {
    Market::commit_bid(signed(who), id, bid_commitment(id, who, price, SALT))
        .map(|_| ())
        .map_err(|refused| refused.error)
}

fn reveal(who: &AccountId, id: AuctionId, price: Balance) -> DispatchResult {
    Market::reveal_bid(signed(who), id, price, SALT)
}

/// Has each of these bid, reveal, and the auction be cleared.
pub(super) fn bid_and_clear(id: AuctionId, bids: &[(AccountId, Balance)]) {
    let start = System::block_number();
    for (who, price) in bids {
        assert_ok!(commit(who, id, *price));
    }
    run_to(start + PERIOD + 1);
    for (who, price) in bids {
        assert_ok!(reveal(who, id, *price));
    }
    run_to(start + 2 * PERIOD + 1);
}

/// Alice, Bob and Charlie, each with room for two jobs.
pub(super) fn with_offers() -> TestExt {
    TestExt::new()
        .offer(ALICE, 1, 2)
        .offer(BOB, 2, 2)
        .offer(CHARLIE, 3, 2)
}

#[test]
fn the_cheapest_bids_win_and_are_paid_what_the_cheapest_loser_asks() {
    with_offers().execute_with(|| {
        let before = free(&REQUESTER);
        let id = opened(terms(2));
        assert_eq!(Market::escrowed(&REQUESTER), MOST * u128::from(BLOCKS) * 2);
        bid_and_clear(id, &[(CHARLIE, 2 * KGR), (ALICE, 4 * KGR), (BOB, 3 * KGR)]);
        assert!(!Auctions::<Test>::contains_key(id));
        let lease = Leases::<Test>::get(id).unwrap();
        let winners: Vec<_> = lease.machines.iter().map(|m| m.provider.clone()).collect();
        assert_eq!((winners, lease.price), (vec![CHARLIE, BOB], 4 * KGR));
        let escrow = 4 * KGR * u128::from(BLOCKS) * 2;
        assert_eq!(Market::escrowed(&REQUESTER), escrow);
        assert_eq!(provider(&BOB).exposure, escrow / 2);

        let earned = free(&BOB);
        run_to(lease.due);
        assert!(!Leases::<Test>::contains_key(id));
        assert_eq!(free(&REQUESTER), before - escrow);
        assert_eq!(free(&BOB), earned + escrow / 2 * 9 / 10);
        assert_eq!(provider(&BOB).exposure, 0);
        System::assert_has_event(Event::LeaseEnded { lease: id }.into());
    });
}

#[test]
fn without_a_loser_the_public_maximum_is_paid() {
    with_offers().execute_with(|| {
        let id = opened(terms(2));
        bid_and_clear(id, &[(ALICE, 2 * KGR), (BOB, 3 * KGR)]);
        assert_eq!(Leases::<Test>::get(id).unwrap().price, MOST);
    });
}

#[test]
fn with_a_bid_too_few_nothing_is_leased_and_all_goes_back() {
    with_offers().execute_with(|| {
        let (before, alice) = (free(&REQUESTER), free(&ALICE));
        let id = opened(terms(3));
        // A bid above the maximum does not count, and loses nothing.
        bid_and_clear(id, &[(ALICE, 2 * KGR), (BOB, 3 * KGR), (CHARLIE, MOST + 1)]);
        assert!(!Auctions::<Test>::contains_key(id) && !Leases::<Test>::contains_key(id));
        assert_eq!((free(&REQUESTER), free(&ALICE)), (before, alice));
        System::assert_has_event(
            Event::AuctionFailed {
                auction: id,
                requester: REQUESTER,
                refunded: MOST * u128::from(BLOCKS) * 3,
            }
            .into(),
        );
    });
}

#[test]
fn a_bid_that_is_not_revealed_forfeits_its_deposit() {
    with_offers().execute_with(|| {
        let (before, issued) = (free(&CHARLIE), Balances::total_issuance());
        let id = opened(terms(1));
        assert_ok!(commit(&CHARLIE, id, KGR));
        assert_eq!(free(&CHARLIE), before - BidDeposit::get());
        bid_and_clear(id, &[(ALICE, 2 * KGR), (BOB, 3 * KGR)]);
        assert_eq!(free(&CHARLIE), before - BidDeposit::get());
        assert_eq!(Balances::total_issuance(), issued - BidDeposit::get());
        assert_eq!(Leases::<Test>::get(id).unwrap().price, 3 * KGR);
    });
}

#[test]
fn a_bid_that_cannot_be_kept_counts_for_nothing_and_forfeits_its_deposit() {
    with_offers().execute_with(|| {
        let before = free(&ALICE);
        let id = opened(terms(1));
        for (who, price) in [(ALICE, 2), (BOB, 3), (CHARLIE, 4)] {
            assert_ok!(commit(&who, id, price * KGR));
        }
        run_to(1 + PERIOD + 1);
        for (who, price) in [(ALICE, 2), (BOB, 3), (CHARLIE, 4)] {
            assert_ok!(reveal(&who, id, price * KGR));
        }
        assert_ok!(Market::unbond(signed(&ALICE)));
        run_to(CLEARED);
        let lease = Leases::<Test>::get(id).unwrap();
        assert_eq!(lease.machines[0].provider, BOB);
        assert_eq!(lease.price, 4 * KGR);
        assert_eq!(free(&ALICE), before - BidDeposit::get());
    });
}

#[test]
fn equal_bids_go_by_their_commitments() {
    with_offers().execute_with(|| {
        let id = opened(terms(1));
        bid_and_clear(id, &[(BOB, 2 * KGR), (ALICE, 2 * KGR)]);
        let lease = Leases::<Test>::get(id).unwrap();
        assert_eq!(lease.machines[0].provider, BOB);
        assert_eq!(lease.price, 2 * KGR);
    });
}

#[test]
fn an_auction_that_makes_no_sense_is_refused() {
    with_offers().execute_with(|| {
        let refused = |terms, error: Error<Test>| {
            assert_noop!(Market::open_auction(signed(&REQUESTER), terms), error);
        };
        let good = || terms(2);
        refused(
            AuctionTerms {
                model: Default::default(),
                ..good()
            },
            Error::UnknownModel,
        );
        refused(terms(0), Error::InvalidTerms);
        refused(terms(9), Error::InvalidTerms);
        for blocks in [0, 201] {
            refused(AuctionTerms { blocks, ..good() }, Error::InvalidTerms);
        }
        for max_price in [0, Balance::MAX] {
            refused(
                AuctionTerms {
                    max_price,
                    ..good()
                },
                Error::InvalidTerms,
            );
        }
        for period in [0, 21] {
            refused(
                AuctionTerms {
                    commit_period: period,
                    ..good()
                },
                Error::BiddingOutOfBounds,
            );
            refused(
                AuctionTerms {
                    reveal_period: period,
                    ..good()
                },
                Error::BiddingOutOfBounds,
            );
        }
        let poor = Market::open_auction(signed(&POOR), good());
        assert_noop!(poor, Error::<Test>::CannotPayEscrow);
        opened(good());
        refused(good(), Error::DuplicateAuction);
        run_to(2);
        opened(good());
    });
}

#[test]
fn an_auction_is_taken_back_before_the_first_bid_and_not_after_it() {
    with_offers().execute_with(|| {
        let before = free(&REQUESTER);
        let id = opened(terms(1));
        let cancel = |who: &AccountId| Market::cancel_auction(signed(who), id);
        assert_noop!(cancel(&ALICE), Error::<Test>::NotYours);
        assert_ok!(cancel(&REQUESTER));
        assert_eq!(free(&REQUESTER), before);
        assert_noop!(cancel(&REQUESTER), Error::<Test>::NoSuchAuction);
        // Its place in the queue is passed over.
        run_to(CLEARED + 1);

        let id = opened(terms(1));
        assert_ok!(commit(&ALICE, id, KGR));
        assert_noop!(
            Market::cancel_auction(signed(&REQUESTER), id),
            Error::<Test>::HasBids
        );
    });
}

#[test]
fn bids_are_committed_once_in_time_and_by_who_has_a_machine() {
    with_offers().execute_with(|| {
        assert_noop!(
            commit(&ALICE, Default::default(), KGR),
            Error::<Test>::NoSuchAuction
        );
        let id = opened(terms(1));
        assert_noop!(commit(&DAVE, id, KGR), Error::<Test>::NotProvider);
        assert_ok!(commit(&ALICE, id, KGR));
        assert_noop!(commit(&ALICE, id, KGR), Error::<Test>::BidsAlready);
        // The bid takes up room, and so much of the bond as the machine can cost.
        assert_eq!(provider(&ALICE).exposure, MOST * u128::from(BLOCKS));
        let (one, two) = (submitted(spec()), submitted(spec()));
        let at = |job| Jobs::<Test>::get(job).unwrap().provider;
        assert_eq!((at(one), at(two)), (ALICE, BOB));
        assert_ok!(Market::remove_offer(signed(&BOB), llm()));
        assert_noop!(commit(&BOB, id, KGR), Error::<Test>::NotEligible);
        assert_ok!(register(&DAVE, MinBond::get()));
        assert_ok!(Market::set_offer(signed(&DAVE), llm(), KGR, 1));
        assert_noop!(commit(&DAVE, id, KGR), Error::<Test>::BondTooSmallForBid);
        assert_ok!(Market::bond_extra(signed(&DAVE), 350 * KGR));
        assert_ok!(commit(&DAVE, id, KGR));
        run_to(1 + PERIOD);
        assert_ok!(commit(&CHARLIE, id, KGR));
        run_to(1 + PERIOD + 1);
        assert_ok!(Market::set_offer(signed(&BOB), llm(), KGR, 1));
        assert_noop!(commit(&BOB, id, KGR), Error::<Test>::CommitsClosed);
    });
}

#[test]
fn an_auction_takes_so_many_bids_and_no_more() {
    with_offers().execute_with(|| {
        let id = opened(terms(1));
        Auctions::<Test>::mutate(id, |auction| {
            let bids = &mut auction.as_mut().unwrap().bids;
            for i in 0..crate::lease_types::MAX_BIDS {
                let bid = crate::lease_types::Bid {
                    provider: AccountId::new([100 + i as u8; 32]),
                    commitment: Default::default(),
                    price: None,
                    deposit: 0,
                };
                bids.try_push(bid).unwrap();
            }
        });
        assert_noop!(commit(&ALICE, id, KGR), Error::<Test>::TooManyBids);
        Auctions::<Test>::mutate(id, |auction| auction.as_mut().unwrap().bids.clear());
        assert_ok!(commit(&ALICE, id, KGR));
    });
}

#[test]
fn bids_are_revealed_in_time_and_as_they_were_committed() {
    with_offers().execute_with(|| {
        let id = opened(terms(1));
        assert_ok!(commit(&ALICE, id, KGR));
        assert_noop!(reveal(&ALICE, id, KGR), Error::<Test>::RevealsNotOpen);
        run_to(1 + PERIOD + 1);
        assert_noop!(reveal(&BOB, id, KGR), Error::<Test>::NoSuchBid);
        assert_noop!(reveal(&ALICE, id, 2 * KGR), Error::<Test>::OtherBid);
        assert_noop!(reveal(&ALICE, id, 0), Error::<Test>::PriceZero);
        assert_noop!(
            reveal(&ALICE, Default::default(), KGR),
            Error::<Test>::NoSuchAuction
        );
        assert_ok!(reveal(&ALICE, id, KGR));
        // The auction is cleared before anything else happens in the block after the last.
        System::set_block_number(CLEARED);
        assert_noop!(reveal(&ALICE, id, KGR), Error::<Test>::RevealsClosed);
        System::set_block_number(1 + PERIOD + 1);
    });
}

#[test]
fn a_bid_holds_more_for_more() {
    with_offers().execute_with(|| {
        let dear = AuctionTerms {
            max_price: 100 * KGR,
            ..terms(1)
        };
        let before = free(&ALICE);
        let id = opened(dear);
        assert_ok!(commit(&ALICE, id, KGR));
        assert_eq!(free(&ALICE), before - 50 * KGR);
    });
}

#[test]
fn the_times_of_an_auction_are_extended_by_blocks_without_transactions() {
    with_offers().execute_with(|| {
        let id = opened(terms(1));
        assert_ok!(commit(&ALICE, id, KGR));
        run_to(1 + PERIOD + 1);
        let stands_still = 4;
        for _ in 0..stands_still {
            pass_without_transactions();
        }
        run_to(CLEARED + stands_still - 1);
        assert_ok!(reveal(&ALICE, id, KGR));
        assert!(Auctions::<Test>::contains_key(id));
        run_to(CLEARED + stands_still);
        assert!(Leases::<Test>::contains_key(id));
    });
}

#[test]
fn auctions_of_many_blocks_stand_in_many_lists() {
    with_offers().execute_with(|| {
        let due = |opened: u32| AuctionTerms {
            commit_period: 20 - opened,
            ..terms(1)
        };
        for block in 1..4 {
            run_to(block);
            opened(due(block));
        }
        let lists = crate::Queue::<Test>::iter_prefix(20 + PERIOD + 1);
        assert_eq!(lists.map(|(_, ids)| ids.len()).collect::<Vec<_>>(), [1; 3]);
        run_to(20 + PERIOD + 1);
        assert_eq!(Auctions::<Test>::iter().count(), 0);
    });
}
