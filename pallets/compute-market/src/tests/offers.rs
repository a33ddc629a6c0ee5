//! Offers and books.

use super::mock::*;
use crate::{
    types::{MAX_ASSIGNED, MAX_EXAMINED, MAX_LISTINGS},
    Book, Error, Jobs,
};
use frame_support::{assert_noop, assert_ok};
use kagari_primitives::{AccountId, KGR};

#[test]
fn set_offer_works_and_changes() {
    TestExt::new().offer(ALICE, 3, 1).execute_with(|| {
        assert_ok!(Market::set_offer(signed(&ALICE), llm(), 5 * KGR, 7));
        let offers = Market::offers(llm());
        assert_eq!(offers.len(), 1);
        assert_eq!((offers[0].price, offers[0].capacity), (5 * KGR, 7));
    });
}

#[test]
fn absurd_offers_are_refused() {
    TestExt::new().offer(ALICE, 3, 1).execute_with(|| {
        let set =
            |model, price, capacity| Market::set_offer(signed(&ALICE), model, price, capacity);
        assert_noop!(set(llm(), 0, 1), Error::<Test>::PriceZero);
        assert_noop!(
            set(llm(), MaxPrice::get() + 1, 1),
            Error::<Test>::PriceTooHigh
        );
        assert_ok!(set(llm(), MaxPrice::get(), 1));
        assert_noop!(set(llm(), KGR, 0), Error::<Test>::CapacityZero);
        assert_noop!(set(Default::default(), KGR, 1), Error::<Test>::UnknownModel);
        let stranger = Market::set_offer(signed(&BOB), llm(), KGR, 1);
        assert_noop!(stranger, Error::<Test>::NotProvider);
    });
}

#[test]
fn remove_offer_works_while_jobs_are_open() {
    TestExt::new().offer(ALICE, 1, 2).execute_with(|| {
        let id = submitted(spec());
        assert_ok!(Market::remove_offer(signed(&ALICE), llm()));
        assert!(!Book::<Test>::contains_key(llm()));
        assert_noop!(
            Market::remove_offer(signed(&ALICE), llm()),
            Error::<Test>::NoSuchOffer
        );
        refused(spec(), &[9], Error::NoOffer);
        // The use of an offer set anew counts the job that is still being worked on.
        assert_ok!(Market::set_offer(signed(&ALICE), llm(), KGR, 1));
        refused(spec(), &[9], Error::NoOffer);
        assert_ok!(attest(id, 10));
        assert_ok!(submit(&REQUESTER, spec(), &[9]));
    });
}

#[test]
fn a_full_offer_is_off_the_book_until_a_place_is_free() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .execute_with(|| {
            let first = submitted(spec());
            let second = submitted(spec());
            assert_eq!(Jobs::<Test>::get(second).unwrap().provider, BOB);
            refused(spec(), &[9], Error::NoOffer);
            assert_ok!(attest(first, 10));
            assert_ok!(submit(&REQUESTER, spec(), &[9]));
        });
}

#[test]
fn a_bond_that_is_used_up_takes_no_more_jobs() {
    TestExt::new().execute_with(|| {
        assert_ok!(register(&ALICE, MinBond::get()));
        assert_ok!(Market::set_offer(signed(&ALICE), llm(), 50 * KGR, 9));
        // A job of 10 tokens is worth some 1.6 work units; the bond of 100 KGR covers one such job.
        submitted(spec());
        refused(spec(), &[9], Error::NoOfferInReach);
        assert_ok!(Market::bond_extra(signed(&ALICE), 100 * KGR));
        assert_ok!(submit(&REQUESTER, spec(), &[9]));
    });
}

#[test]
fn a_provider_offers_no_more_than_it_can_work_on() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let most = MAX_ASSIGNED as u16;
        let set = |model, capacity| Market::set_offer(signed(&ALICE), model, KGR, capacity);
        assert_noop!(set(llm(), most + 1), Error::<Test>::CapacityTooHigh);
        assert_ok!(set(llm(), most - 1));
        assert_noop!(set(embedder(), 2), Error::<Test>::CapacityTooHigh);
        assert_ok!(set(embedder(), 1));
        // An offer that is withdrawn takes up the places of its open jobs.
        submitted(spec());
        assert_ok!(Market::remove_offer(signed(&ALICE), llm()));
        assert_noop!(set(embedder(), most), Error::<Test>::CapacityTooHigh);
        assert_ok!(set(embedder(), most - 1));
    });
}

/// Offers that are full keep their lines: others cannot take them, and lock out a job that was done.
#[test]
fn an_offer_that_gets_room_again_finds_its_line_in_a_full_book() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 1, 1)
        .execute_with(|| {
            let jobs = [submitted(spec()), submitted(spec())];
            assert!(!Book::<Test>::contains_key(llm()), "both offers are full");
            let rivals = MAX_LISTINGS - 2;
            for i in 0..rivals {
                bond_poor(i);
                assert_ok!(Market::set_offer(signed(&poor(i)), llm(), 2 * KGR, 1));
            }
            bond_poor(rivals);
            let set = || Market::set_offer(signed(&poor(rivals)), llm(), 2 * KGR, 1);
            assert_noop!(set(), Error::<Test>::BookFull);

            assert_ok!(attest(jobs[0], 10));
            run_to(12);
            assert_eq!(provider(&ALICE).settled + provider(&BOB).settled, 1);
            assert_eq!(provider(&ALICE).failed + provider(&BOB).failed, 1);
            assert_eq!(Book::<Test>::get(llm()).len() as u32, MAX_LISTINGS - 1);
            assert_noop!(set(), Error::<Test>::BookFull);
            assert_ok!(Market::remove_offer(signed(&poor(0)), llm()));
            assert_ok!(set());
        });
}

fn poor(i: u32) -> AccountId {
    let mut id = [100; 32];
    id[..4].copy_from_slice(&i.to_le_bytes());
    AccountId::new(id)
}

/// Has an account with little money bond the least there is.
fn bond_poor(i: u32) {
    use frame_support::traits::{fungible::Mutate, tokens::Preservation::Preserve};
    assert_ok!(Balances::transfer(&ALICE, &poor(i), 101 * KGR, Preserve));
    assert_ok!(register(&poor(i), MinBond::get()));
}

#[test]
fn a_match_looks_at_the_cheapest_few_only() {
    TestExt::new().execute_with(|| {
        for i in 0..MAX_EXAMINED as u32 {
            bond_poor(i);
            assert_ok!(Market::set_offer(signed(&poor(i)), llm(), 100 * KGR, 1));
        }
        assert_ok!(register(&BOB, 10_000 * KGR));
        assert_ok!(Market::set_offer(signed(&BOB), llm(), 101 * KGR, 1));
        // None of the cheaper ones has a bond for it, and nobody looks beyond them.
        refused(spec(), &[9], Error::NoOfferInReach);
        assert_ok!(Market::remove_offer(signed(&poor(0)), llm()));
        assert_ok!(submit(&REQUESTER, spec(), &[9]));
    });
}
