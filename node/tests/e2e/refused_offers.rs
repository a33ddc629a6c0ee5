//! Bonds, keys, offers and models that the runtime refuses: each says why, holds nothing, and leaves
//! the state as it was.

use crate::common::{
    call::Call,
    chain::Chain,
    compute_rpc::{completer, embedder},
    in_turn,
    provider::{Worker, PRICE},
};
use crate::refused_jobs::market;
use codec::Compact;
use kagari_primitives::{Balance, Hardware, Hash, Manifest};
use subxt_signer::sr25519::{dev, Keypair};

#[test]
fn bad_bonds_and_offers_are_refused_and_hold_nothing() {
    in_turn(async {
        let (_node, chain) = market().await;
        bad_bonds_and_keys_are_refused(&chain).await;
        bad_offers_and_models_are_refused(&chain).await;
    });
}

async fn bad_bonds_and_keys_are_refused(chain: &Chain) {
    let least = chain.min_bond().await;
    let (eve, mine, bobs) = (dev::eve(), Worker::new("eve"), Worker::new("bob"));
    let proof = mine.proof(chain, &eve);
    let bond = |bond| chain.register_provider(bond, &mine.id(), &proof);
    let stolen = mine.proof(chain, &dev::dave());
    let not_text = Hardware {
        description: vec![0xff].try_into().unwrap(),
        cores: 1,
        memory: 1,
        ..Default::default()
    };
    let not_text = (Compact(least), mine.id(), proof.clone(), not_text);
    let cases = [
        (bond(0), "ComputeMarket::BondTooSmall"),
        (bond(least - 1), "ComputeMarket::BondTooSmall"),
        (
            chain.register_provider(least, &bobs.id(), &bobs.proof(chain, &eve)),
            "ComputeMarket::WorkerTaken",
        ),
        (
            chain.register_provider(least, &mine.id(), &stolen),
            "ComputeMarket::BadWorkerProof",
        ),
        (
            chain.call("ComputeMarket", "register_provider", not_text),
            "ComputeMarket::InvalidDescription",
        ),
        (
            chain.set_offer(completer().id(), PRICE, 1),
            "ComputeMarket::NotProvider",
        ),
        (chain.unbond(), "ComputeMarket::NotProvider"),
        (chain.withdraw_bond(), "ComputeMarket::NotProvider"),
    ];
    chain.assert_refused(&eve, &cases).await;
    assert_unaffordable(chain, &eve, &bond(Balance::MAX / 2)).await;

    let twice = chain.register_provider(least, &bobs.id(), &bobs.proof(chain, &dev::bob()));
    let cases = [
        (twice, "ComputeMarket::AlreadyProvider"),
        (chain.withdraw_bond(), "ComputeMarket::NotUnbonding"),
    ];
    chain.assert_refused(&dev::bob(), &cases).await;
    chain.submit_good(&eve, &bond(least)).await;
}

/// What a bond beyond one's means is refused with is the currency's own word.
async fn assert_unaffordable(chain: &Chain, signer: &Keypair, call: &Call) {
    let done = chain.submit(signer, call).await;
    let error = done.outcome.clone().expect_err("nobody owns that much");
    assert!(error.contains("FundsUnavailable"), "{error}");
    chain.assert_only_fees_paid(signer, &[done]).await;
}

async fn bad_offers_and_models_are_refused(chain: &Chain) {
    let offer = |price, capacity| chain.set_offer(completer().id(), price, capacity);
    let model = |change: fn(&mut Manifest)| {
        let mut manifest = Manifest {
            name: b"other".to_vec().try_into().unwrap(),
            ..completer()
        };
        change(&mut manifest);
        chain.register_model(&manifest)
    };
    let cases = [
        (offer(0, 1), "ComputeMarket::PriceZero"),
        (offer(Balance::MAX, 1), "ComputeMarket::PriceTooHigh"),
        (offer(PRICE, 0), "ComputeMarket::CapacityZero"),
        (
            chain.set_offer(Hash::repeat_byte(1), PRICE, 1),
            "ComputeMarket::UnknownModel",
        ),
        (
            chain.remove_offer(embedder().id()),
            "ComputeMarket::NoSuchOffer",
        ),
        (
            chain.register_model(&completer()),
            "ComputeMarket::ModelExists",
        ),
        (
            model(|m| m.name = Default::default()),
            "ComputeMarket::InvalidModelName",
        ),
        (
            model(|m| m.name = b"../x".to_vec().try_into().unwrap()),
            "ComputeMarket::InvalidModelName",
        ),
        (
            model(|m| m.shape.layers = 0),
            "ComputeMarket::InvalidModelShape",
        ),
        (
            model(|m| m.shape.hidden = u32::MAX),
            "ComputeMarket::InvalidModelShape",
        ),
    ];
    chain.assert_refused(&dev::bob(), &cases).await;
    chain.submit_good(&dev::bob(), &offer(PRICE, 2)).await;
    chain.submit_good(&dev::bob(), &model(|_| ())).await;
}
