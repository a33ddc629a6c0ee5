//! Jobs that the runtime refuses: each says why, holds nothing, and leaves the state as it was.

use crate::common::{
    account::account_of,
    chain::Chain,
    compute_rpc::{completer, completion, embedder, spec},
    in_turn,
    node::{Node, NodeConfig},
    provider::{Worker, PRICE},
};
use kagari_primitives::{Hash, JobSpec, Sampling, Task, Word, KGR, MAX_INPUT, MAX_OUTPUT};
use subxt_signer::{
    sr25519::{dev, Keypair},
    SecretUri,
};

const INPUT: &[Word] = &[1, 4_093, 198, 1_780];

/// Bob and Charlie offer the model that completes, Charlie at twice the price; each takes one job.
pub async fn market() -> (Node, Chain) {
    let node = Node::start("validator", NodeConfig::validator()).await;
    let chain = Chain::connect(&node.url()).await;
    let bond = 10 * chain.min_bond().await;
    for (name, pair, price) in [
        ("bob", dev::bob(), PRICE),
        ("charlie", dev::charlie(), 2 * PRICE),
    ] {
        Worker::new(name).bond(&chain, &pair, bond).await;
        chain
            .submit_good(&pair, &chain.set_offer(completer().id(), price, 1))
            .await;
    }
    (node, chain)
}

fn good() -> JobSpec {
    spec(completer().id(), completion(4))
}

#[test]
fn bad_jobs_are_refused_and_hold_nothing() {
    in_turn(async {
        let (_node, chain) = market().await;
        bad_specifications_and_inputs_are_refused(&chain).await;
        an_input_larger_than_a_block_is_refused(&chain).await;
        the_maximum_price_gates_to_the_last_unit(&chain).await;
        without_free_capacity_a_job_is_refused(&chain).await;
        a_job_that_cannot_be_paid_or_covered_is_refused(&chain).await;
    });
}

async fn bad_specifications_and_inputs_are_refused(chain: &Chain) {
    let job = |change: fn(&mut JobSpec)| {
        let mut spec = good();
        change(&mut spec);
        chain.submit_job(&spec, INPUT)
    };
    let input = |input: &[Word]| chain.submit_job(&good(), input);
    let too_long = vec![1; MAX_INPUT as usize + 1];
    let cases = [
        (
            job(|s| s.model = Hash::repeat_byte(1)),
            "ComputeMarket::UnknownModel",
        ),
        (input(&[]), "ComputeMarket::EmptyInput"),
        (input(&too_long), "ComputeMarket::InputTooLong"),
        // Fits by itself, but leaves no room for the output in the model's context.
        (input(&too_long[1..]), "ComputeMarket::InputTooLong"),
        (
            input(&[1, completer().shape.vocab]),
            "ComputeMarket::UnknownToken",
        ),
        (
            job(|s| s.task = completion(0)),
            "ComputeMarket::InvalidOutputLength",
        ),
        (
            job(|s| s.task = completion(MAX_OUTPUT + 1)),
            "ComputeMarket::InvalidOutputLength",
        ),
        (
            job(|s| s.task = sampled(10_001, 1_000)),
            "ComputeMarket::InvalidSampling",
        ),
        (
            job(|s| s.task = sampled(0, 0)),
            "ComputeMarket::InvalidSampling",
        ),
        (
            job(|s| s.task = Task::Embedding),
            "ComputeMarket::TaskUnsupported",
        ),
        (
            job(|s| s.deadline = 0),
            "ComputeMarket::DeadlineOutOfBounds",
        ),
        (
            job(|s| s.deadline = u32::MAX),
            "ComputeMarket::DeadlineOutOfBounds",
        ),
        (job(|s| s.max_price = 0), "ComputeMarket::MaxPriceTooLow"),
        (job(|s| s.max_price = 1), "ComputeMarket::MaxPriceTooLow"),
        (
            chain.submit_job(&spec(embedder().id(), Task::Embedding), INPUT),
            "ComputeMarket::NoOffer",
        ),
    ];
    chain.assert_refused(&dev::dave(), &cases).await;
}

/// What no block has room for is refused before it costs anything.
async fn an_input_larger_than_a_block_is_refused(chain: &Chain) {
    let signer = dev::dave();
    let call = chain.submit_job(&good(), &vec![1; 1_200_000]);
    let extrinsic = chain.sign(&signer, chain.next_nonce(&signer).await, &call);
    let refusal = chain
        .submit_extrinsic(&extrinsic)
        .await
        .expect_err("it is larger than a block");
    println!("refused as it should be: {refusal}");
    assert!(refusal.contains("exhaust"), "{refusal}");
}

fn sampled(temperature: u32, top_p: u32) -> Task {
    Task::Completion {
        max_new_tokens: 4,
        sampling: Sampling {
            temperature,
            top_p,
            seed: 0,
        },
    }
}

/// Bob wins and is paid what Charlie asks.
async fn the_maximum_price_gates_to_the_last_unit(chain: &Chain) {
    let input_len = u32::try_from(INPUT.len()).expect("it is short");
    let work = completer().shape.work(input_len, 4);
    let price = kagari_primitives::price_of(2 * PRICE, work);
    let offering = |max_price| {
        chain.submit_job(
            &JobSpec {
                max_price,
                ..good()
            },
            INPUT,
        )
    };
    let low = [(offering(price - 1), "ComputeMarket::MaxPriceTooLow")];
    chain.assert_refused(&dev::dave(), &low).await;
    chain.submit_good(&dev::dave(), &offering(price)).await;
}

/// Bob has a job already; Charlie gets one here, and then there is room no more.
async fn without_free_capacity_a_job_is_refused(chain: &Chain) {
    let another = |n: Word| chain.submit_job(&good(), &[1, n]);
    chain.submit_good(&dev::dave(), &another(1)).await;
    chain
        .assert_refused(&dev::dave(), &[(another(2), "ComputeMarket::NoOffer")])
        .await;
    chain
        .submit_good(&dev::bob(), &chain.set_offer(completer().id(), PRICE, 2))
        .await;
    chain.submit_good(&dev::dave(), &another(2)).await;
}

/// Bob has two jobs already and Charlie one; each makes room for one more, at a much higher price.
async fn a_job_that_cannot_be_paid_or_covered_is_refused(chain: &Chain) {
    let uri: SecretUri = "//Pauper".parse().expect("a valid path");
    let pauper = Keypair::from_uri(&uri).expect("a valid key");
    let call = chain.transfer(&account_of(&pauper), KGR / 10);
    chain.submit_good(&dev::alice(), &call).await;

    let price = chain.min_bond().await / 10;
    chain
        .submit_good(&dev::bob(), &chain.set_offer(completer().id(), price, 3))
        .await;
    chain
        .submit_good(
            &dev::charlie(),
            &chain.set_offer(completer().id(), price, 2),
        )
        .await;
    let dear = chain.submit_job(&good(), INPUT);
    chain
        .assert_refused(&pauper, &[(dear.clone(), "ComputeMarket::CannotPayEscrow")])
        .await;

    // A thousand work units at a tenth of the least bond are worth ten times the bonds.
    let long = spec(completer().id(), completion(6_000));
    let long = chain.submit_job(&long, INPUT);
    chain
        .assert_refused(&dev::dave(), &[(long, "ComputeMarket::NoOfferInReach")])
        .await;
    chain.submit_good(&dev::dave(), &dear).await;
}
