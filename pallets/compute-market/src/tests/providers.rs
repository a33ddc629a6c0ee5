//! Bonds, worker keys, unbonding.

use super::mock::*;
use crate::{Error, Event, Providers, Workers};
use frame_support::{assert_noop, assert_ok};
use kagari_primitives::{Hardware, KGR};

#[test]
fn register_provider_holds_the_bond() {
    TestExt::new().execute_with(|| {
        let before = free(&ALICE);
        assert_ok!(register(&ALICE, MinBond::get()));
        assert_eq!(Market::bonded(&ALICE), MinBond::get());
        assert_eq!(free(&ALICE), before - MinBond::get());
        let worker = worker(&ALICE);
        System::assert_last_event(
            Event::ProviderRegistered {
                provider: ALICE,
                worker,
                bond: MinBond::get(),
            }
            .into(),
        );
    });
}

#[test]
fn a_bond_too_small_holds_nothing() {
    TestExt::new().execute_with(|| {
        assert_noop!(
            register(&ALICE, MinBond::get() - 1),
            Error::<Test>::BondTooSmall
        );
        assert_ok!(register(&ALICE, MinBond::get()));
        assert_noop!(
            register(&ALICE, MinBond::get()),
            Error::<Test>::AlreadyProvider
        );
    });
}

#[test]
fn a_bond_beyond_the_balance_holds_nothing() {
    TestExt::new().execute_with(|| {
        let rich = register(&POOR, MinBond::get());
        assert!(rich.is_err());
        assert!(!Providers::<Test>::contains_key(&POOR));
    });
}

#[test]
fn a_worker_key_needs_its_holders_word() {
    TestExt::new().execute_with(|| {
        let register_with = |key, proof| {
            let bond = MinBond::get();
            Market::register_provider(
                signed(&ALICE),
                bond,
                worker(&key),
                proof,
                Hardware::default(),
            )
        };
        // Signed by another key, or for another provider.
        assert_noop!(
            register_with(BOB, proof(&ALICE, &ALICE)),
            Error::<Test>::BadWorkerProof
        );
        assert_noop!(
            register_with(BOB, proof(&BOB, &BOB)),
            Error::<Test>::BadWorkerProof
        );
        assert_ok!(register_with(BOB, proof(&BOB, &ALICE)));
        assert_noop!(register(&BOB, MinBond::get()), Error::<Test>::WorkerTaken);
    });
}

#[test]
fn set_worker_frees_the_old_key() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let new = worker(&CHARLIE);
        assert_noop!(
            Market::set_worker(signed(&ALICE), new.clone(), proof(&BOB, &ALICE)),
            Error::<Test>::BadWorkerProof
        );
        let id = submitted(spec());
        assert_ok!(Market::set_worker(
            signed(&ALICE),
            new.clone(),
            proof(&CHARLIE, &ALICE)
        ));
        assert!(!Workers::<Test>::contains_key(worker(&ALICE)));
        assert_eq!(Market::assignments(&new)[0].1.job, id);
        assert_eq!(Market::assignment(id).unwrap().2, new);
    });
}

#[test]
fn hardware_is_described_in_text() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let garbage = Hardware {
            description: vec![0xff, 0xfe].try_into().unwrap(),
            ..Default::default()
        };
        assert_noop!(
            Market::set_hardware(signed(&ALICE), garbage),
            Error::<Test>::InvalidDescription
        );
        let text = Hardware {
            description: b"two cores".to_vec().try_into().unwrap(),
            ..Default::default()
        };
        assert_ok!(Market::set_hardware(signed(&ALICE), text.clone()));
        assert_eq!(provider(&ALICE).hardware, text);
    });
}

#[test]
fn unbonding_takes_its_time_and_gives_the_bond_back() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let before = free(&ALICE);
        assert_noop!(
            Market::withdraw_bond(signed(&ALICE)),
            Error::<Test>::NotUnbonding
        );
        assert_ok!(Market::unbond(signed(&ALICE)));
        assert_noop!(Market::unbond(signed(&ALICE)), Error::<Test>::IsUnbonding);
        assert_noop!(
            Market::set_offer(signed(&ALICE), llm(), KGR, 1),
            Error::<Test>::IsUnbonding
        );
        assert_noop!(
            Market::bond_extra(signed(&ALICE), KGR),
            Error::<Test>::IsUnbonding
        );
        refused(spec(), &[1], Error::NoOffer);
        run_to(420);
        assert_noop!(
            Market::withdraw_bond(signed(&ALICE)),
            Error::<Test>::StillUnbonding
        );
        run_to(421);
        assert_ok!(Market::withdraw_bond(signed(&ALICE)));
        assert_eq!(free(&ALICE), before + 10_000 * KGR);
        assert!(!Workers::<Test>::contains_key(worker(&ALICE)));
    });
}

#[test]
fn an_unbonding_provider_still_does_its_jobs() {
    TestExt::new().offer(ALICE, 1, 2).execute_with(|| {
        let id = submitted(spec());
        assert_ok!(Market::unbond(signed(&ALICE)));
        assert_ok!(attest(id, 10));
        run_to(1 + WINDOW);
        assert_eq!(provider(&ALICE).settled, 1);
    });
}

#[test]
fn the_bond_stays_while_a_job_is_open() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let id = submitted(spec());
        assert_ok!(Market::unbond(signed(&ALICE)));
        assert_ok!(attest(id, 10));
        crate::tests::mock::set_verdict(crate::judge::Verdict::Wait(500));
        run_to(450);
        assert_noop!(
            Market::withdraw_bond(signed(&ALICE)),
            Error::<Test>::JobsOpen
        );
        set_verdict(crate::judge::Verdict::Settle);
        run_to(500);
        assert_ok!(Market::withdraw_bond(signed(&ALICE)));
    });
}

#[test]
fn work_of_an_era_that_is_over_is_archived() {
    TestExt::new().offer(ALICE, 1, 1).execute_with(|| {
        let first = submitted(spec());
        assert_ok!(attest(first, 10));
        run_to(101);
        let work = provider(&ALICE).era_work;
        assert!(work.work > 0 && archived().is_empty());
        let second = submitted(spec());
        assert_ok!(attest(second, 10));
        run_to(120);
        assert_eq!(archived(), vec![(ALICE, work)]);
        assert_eq!(provider(&ALICE).era_work.era, 1);
    });
}
