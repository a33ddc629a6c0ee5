//! Offers and books.

use super::mock::*;
use crate::{
    types::{MAX_ASSIGNED, MAX_EXAMINED, MAX_OFFERS, PAGE},
    Error, Jobs, Pages, Ticks,
};
use frame_support::{assert_noop, assert_ok};
use kagari_primitives::{
    known_models, AccountId, Hardware, HardwareClass, JobSpec, Region, Tier, KGR,
};

#[test]
fn set_offer_works_and_changes() {
    TestExt::new().offer(ALICE, 3, 1).execute_with(|| {
        assert_ok!(Market::set_offer(signed(&ALICE), llm(), 5 * KGR, 7));
        let offers = Market::offers(llm());
        assert_eq!(offers.len(), 1);
        assert_eq!((offers[0].price, offers[0].capacity), (5 * KGR, 7));
        // A price that is not round becomes the next that is.
        assert_ok!(Market::set_offer(signed(&ALICE), llm(), 5 * KGR + 1, 7));
        assert_eq!(Market::offers(llm())[0].price, 52 * KGR / 10);
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
        assert_eq!(Ticks::<Test>::iter().count(), 0);
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
        assert_ok!(Market::set_offer(signed(&BOB), llm(), 105 * KGR, 1));
        // None of the cheaper ones has a bond for it, and nobody looks beyond them.
        refused(spec(), &[9], Error::NoOfferInReach);
        assert_ok!(Market::remove_offer(signed(&poor(0)), llm()));
        assert_ok!(submit(&REQUESTER, spec(), &[9]));
    });
}

/// As many offers at one price as fill several pages come and go in any order, and each is found.
#[test]
fn pages_stay_full_whoever_leaves() {
    TestExt::new().execute_with(|| {
        let all = 3 * PAGE + 5;
        for i in 0..all {
            bond_poor(i);
            assert_ok!(Market::set_offer(signed(&poor(i)), llm(), KGR, 1));
        }
        assert_eq!(Pages::<Test>::iter().count(), 4);
        for i in (0..all).map(|i| i * 7 % all) {
            assert_ok!(Market::remove_offer(signed(&poor(i)), llm()));
            assert_ok!(Market::do_try_state());
        }
        assert_eq!(
            Pages::<Test>::iter().count() + Ticks::<Test>::iter().count(),
            0
        );
    });
}

#[test]
fn chance_decides_between_offers_at_one_price() {
    TestExt::new().execute_with(|| {
        for i in 0..4 {
            bond_poor(i);
            assert_ok!(Market::set_offer(signed(&poor(i)), llm(), KGR, 20));
        }
        let winners: std::collections::BTreeSet<_> = (0..40)
            .map(|_| Jobs::<Test>::get(submitted(spec())).unwrap().provider)
            .collect();
        assert_eq!(winners.len(), 4);
    });
}

#[test]
fn a_job_goes_to_providers_of_the_tier_that_it_asks_for() {
    TestExt::new()
        .offer(ALICE, 1, 9)
        .offer(BOB, 9, 9)
        .execute_with(|| {
            let proven = || JobSpec {
                min_tier: Tier::Proven,
                ..spec()
            };
            refused(proven(), &[9], Error::NoOffer);
            let id = submitted(JobSpec {
                task: completion(20),
                ..spec()
            });
            assert_eq!(Jobs::<Test>::get(id).unwrap().provider, ALICE);
            assert_ok!(attest(id, 20));
            run_to(1 + WINDOW);
            assert_eq!(Market::provider(ALICE).unwrap().tier, Tier::Proven);
            // The settlement has moved its offer to its new tier.
            let job = Jobs::<Test>::get(submitted(proven())).unwrap();
            assert_eq!((job.provider, job.price), (ALICE, KGR));
            assert_ok!(Market::set_offer(signed(&ALICE), llm(), 10 * KGR, 9));
            let job = Jobs::<Test>::get(submitted(spec())).unwrap();
            assert_eq!((job.provider, job.price), (BOB, 10 * KGR));
        });
}

#[test]
fn a_reputation_outlives_the_bond_it_was_earned_with() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        submitted(spec());
        run_to(12);
        let failed = provider(&ALICE).reputation;
        assert_ok!(Market::unbond(signed(&ALICE)));
        run_to(432);
        assert_ok!(Market::withdraw_bond(signed(&ALICE)));
        assert_ok!(register(&ALICE, MinBond::get()));
        assert_eq!(provider(&ALICE).reputation, failed);
        assert_ne!(failed, Default::default());
    });
}

#[test]
fn a_quote_is_what_the_job_then_costs() {
    TestExt::new()
        .offer(ALICE, 1, 1)
        .offer(BOB, 2, 1)
        .execute_with(|| {
            let quote = Market::quote(&spec(), 4).unwrap();
            let job = Jobs::<Test>::get(submitted(spec())).unwrap();
            assert_eq!(
                (job.provider, job.price, job.escrow),
                (quote.provider, quote.price, quote.escrow)
            );
            let dear = JobSpec {
                max_price: 1,
                ..spec()
            };
            assert!(matches!(
                Market::quote(&dear, 4),
                Err(Error::MaxPriceTooLow)
            ));
            assert!(matches!(Market::quote(&spec(), 0), Err(Error::EmptyInput)));
        });
}

#[test]
fn an_offer_whose_reputation_has_faded_can_be_moved_by_anyone() {
    TestExt::new()
        .offer(ALICE, 1, 9)
        .offer(BOB, 2, 9)
        .execute_with(|| {
            let job = || JobSpec {
                task: completion(20),
                ..spec()
            };
            for who in [ALICE, BOB] {
                let id = submitted(job());
                assert_eq!(Jobs::<Test>::get(id).unwrap().provider, who);
                assert_ok!(attest(id, 20));
                assert_ok!(Market::remove_offer(signed(&who), llm()));
            }
            run_to(1 + WINDOW);
            for (who, price) in [(ALICE, KGR), (BOB, 2 * KGR)] {
                assert_ok!(Market::set_offer(signed(&who), llm(), price, 9));
            }
            let proven = || JobSpec {
                min_tier: Tier::Proven,
                ..spec()
            };
            assert!(Market::quote(&proven(), 4).is_ok());
            // Years later neither is proven, but both stand among those that were.
            System::set_block_number(100_000_000);
            assert_eq!(Market::provider(ALICE).unwrap().tier, Tier::New);
            assert!(matches!(
                Market::quote(&proven(), 4),
                Err(Error::NoOfferInReach)
            ));
            for who in [ALICE, BOB] {
                assert_ok!(Market::relist_offers(signed(&POOR), who));
            }
            assert!(matches!(Market::quote(&proven(), 4), Err(Error::NoOffer)));
            assert_noop!(
                Market::relist_offers(signed(&POOR), DAVE),
                Error::<Test>::NotProvider
            );
        });
}

#[test]
fn a_job_goes_to_the_region_and_the_class_that_it_asks_for() {
    TestExt::new()
        .offer(ALICE, 1, 9)
        .offer(BOB, 2, 9)
        .offer(CHARLIE, 3, 9)
        .execute_with(|| {
            let stands = |who: &AccountId, class, region| {
                let hardware = Hardware {
                    class,
                    region,
                    ..Default::default()
                };
                assert_ok!(Market::set_hardware(signed(who), hardware));
            };
            let in_asia = || JobSpec {
                region: Some(Region::Asia),
                ..spec()
            };
            refused(in_asia(), &[9], Error::NoOffer);
            stands(&BOB, HardwareClass::Exact, Some(Region::Asia));
            stands(&CHARLIE, HardwareClass::Exact, Some(Region::Asia));
            let job = Jobs::<Test>::get(submitted(in_asia())).unwrap();
            assert_eq!((job.provider, job.price), (BOB, 3 * KGR));
            // They stand among those of all regions as well.
            let job = Jobs::<Test>::get(submitted(spec())).unwrap();
            assert_eq!((job.provider, job.price), (ALICE, 2 * KGR));

            stands(&BOB, HardwareClass::Exact, Some(Region::Europe));
            let job = Jobs::<Test>::get(submitted(in_asia())).unwrap();
            assert_eq!(job.provider, CHARLIE);
            stands(&ALICE, HardwareClass::Approximate, None);
            let job = Jobs::<Test>::get(submitted(spec())).unwrap();
            assert_eq!((job.provider, job.price), (BOB, 3 * KGR));
            let approximate = JobSpec {
                class: HardwareClass::Approximate,
                ..spec()
            };
            let job = Jobs::<Test>::get(submitted(approximate)).unwrap();
            assert_eq!(job.provider, ALICE);
            assert_eq!(Market::offers(llm()).len(), 3);
        });
}

#[test]
fn a_provider_offers_so_many_models_and_no_more() {
    TestExt::new().execute_with(|| {
        assert_ok!(register(&ALICE, MinBond::get()));
        let models = (0..=MAX_OFFERS).map(|i| {
            let manifest = kagari_primitives::Manifest {
                name: format!("model-{i}").into_bytes().try_into().unwrap(),
                ..known_models::smollm2_135m_instruct()
            };
            let id = manifest.id();
            assert_ok!(Market::register_model(signed(&BOB), manifest));
            id
        });
        let models: Vec<_> = models.collect();
        let offer = |model| Market::set_offer(signed(&ALICE), model, KGR, 1);
        for model in &models[1..] {
            assert_ok!(offer(*model));
        }
        assert_noop!(offer(models[0]), Error::<Test>::TooManyOffers);
        assert_ok!(Market::remove_offer(signed(&ALICE), models[5]));
        assert_ok!(offer(models[0]));
    });
}
