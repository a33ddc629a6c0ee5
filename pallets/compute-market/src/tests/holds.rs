//! Accounts that were emptied while something is held on them: what is too little for them is burned, and holds up
//! nobody.

use super::mock::*;
use crate::Jobs;
use frame_support::assert_ok;
use kagari_primitives::AccountId;

/// Empties an account that has another reason to exist, as a validator's has.
fn empty(who: &AccountId) {
    System::inc_providers(who);
    assert_ok!(Balances::transfer_all(signed(who), DAVE, false));
    assert_eq!(free(who), 0);
}

/// Alice, who asks almost nothing, and a job of the requester's, whose escrow is dust.
fn with_dust(test: impl FnOnce(kagari_primitives::JobId, kagari_primitives::Balance)) {
    TestExt::new().execute_with(|| {
        assert_ok!(register(&ALICE, MinBond::get()));
        assert_ok!(Market::set_offer(signed(&ALICE), llm(), 1, 1));
        let id = submitted(spec());
        let escrow = Jobs::<Test>::get(id).unwrap().escrow;
        assert!(escrow > 0 && escrow < ExistentialDeposit::get());
        test(id, escrow);
    });
}

#[test]
fn a_refund_that_is_dust_to_an_emptied_account_is_burned() {
    with_dust(|id, escrow| {
        empty(&REQUESTER);
        let burned = crate::Burned::<Test>::get();
        run_to(12);
        assert!(!Market::is_open(id));
        assert_eq!(Market::escrowed(&REQUESTER), 0);
        assert!(crate::Burned::<Test>::get() >= burned + escrow);
    });
}

#[test]
fn a_payment_that_is_dust_to_an_emptied_account_is_burned() {
    with_dust(|id, _| {
        empty(&ALICE);
        assert_ok!(attest(id, 1));
        run_to(1 + WINDOW);
        assert!(!Market::is_open(id));
        assert_eq!((free(&ALICE), Market::escrowed(&REQUESTER)), (0, 0));
        assert_eq!(provider(&ALICE).settled, 1);
    });
}
