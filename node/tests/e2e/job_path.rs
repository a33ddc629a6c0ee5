//! The path of a job from a request in words to an answer in words, and the money that moves.

use crate::common::{
    account::account_of,
    alone,
    chain::Chain,
    compute_rpc::{completer, embedder, words, Prepared},
    job::Sent,
    node::{Node, NodeConfig},
    provider::PRICE,
    snapshot::fee_of,
};
use kagari_primitives::{payload_hash, price_of, Manifest, Word};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use subxt_signer::sr25519::dev;

async fn start() -> (Node, Chain) {
    // One thread for inference leaves the other core to the chain.
    let config = NodeConfig::validator()
        .with_worker()
        .flag("--inference-threads=1");
    let node = Node::start("validator", config).await;
    let chain = Chain::connect(&node.url()).await;
    let models = [completer().id(), embedder().id()];
    chain.bond_node(&dev::bob(), &models, 32).await;
    (node, chain)
}

/// What an RPC answer says of an output, after checking that it is what the chain has the hash of.
fn output_of(job: &Json, prepared: &Prepared) -> Vec<Word> {
    assert_eq!(words(&job["input"]["words"]), prepared.input);
    let output = words(&job["output"]["words"]);
    let hash = serde_json::to_value(payload_hash(&output)).expect("hashes are JSON");
    assert_eq!(job["output"]["hash"], hash);
    output
}

/// Sends a job alone on the chain, and checks what it cost in transactions and in money.
async fn run_alone(chain: &Chain, prepared: &Prepared, model: &Manifest) -> (Sent, Json) {
    let (bob, dave) = (account_of(&dev::bob()), account_of(&dev::dave()));
    let call = chain.submit_job(&prepared.spec, &prepared.input);
    let done = chain.submit_good(&dev::dave(), &call).await;
    let sent = Sent::of(&done).expect("an accepted job is announced");
    let during = chain.account(&dave, done.block.hash).await;
    assert!(
        during.reserved >= sent.escrow && sent.escrow > 0,
        "{during:?}"
    );

    let updates = chain.watch_job(sent.job).await;
    let last = updates.last().expect("a watched job ends").clone();
    println!("the subscription said: {}", states(&updates).join(", "));
    assert_eq!(states(&updates).last().map(String::as_str), Some("settled"));
    let expected = ["JobSubmitted", "JobAssigned", "JobAttested", "JobSettled"];
    assert_eq!(chain.course(sent).await, expected);

    let history = chain.history(sent).await;
    let settled_in = history.last().expect("a course has an end").0;
    let transactions = chain.transactions(sent.block..=settled_in).await;
    assert_eq!(
        transactions,
        ["ComputeMarket.submit_job", "ProofOfWorkDone.attest"]
    );

    let before = chain.block(sent.block - 1).await.hash;
    let after = chain.block(settled_in).await.hash;
    let settled = chain.settlement(sent).await;
    assert_eq!(
        (settled.job, &settled.provider, &settled.requester),
        (sent.job, &bob, &dave)
    );
    let output_len = u32::try_from(output_of(&last, prepared).len()).expect("outputs are short");
    let input_len = u32::try_from(prepared.input.len()).expect("inputs are short");
    assert_eq!(
        settled.work,
        model.shape.work(input_len, output_len),
        "as the model's shape says"
    );
    assert_eq!(
        settled.paid,
        price_of(PRICE, settled.work),
        "the only offer is its own price"
    );
    assert_eq!(settled.refunded, sent.escrow - settled.paid);
    assert!(settled.reward <= settled.burned * 9 / 10, "{settled:?}");

    let (was, is) = (
        chain.account(&dave, before).await,
        chain.account(&dave, after).await,
    );
    assert_eq!(is.reserved, was.reserved);
    assert_eq!(is.free, was.free - fee_of(&done) - settled.paid);
    let (was, is) = (
        chain.account(&bob, before).await,
        chain.account(&bob, after).await,
    );
    assert_eq!(
        is.total(),
        was.total() + settled.paid - settled.burned + settled.reward
    );
    let (was, is) = (chain.issuance(before).await, chain.issuance(after).await);
    let burned = settled.burned + fee_of(&done);
    assert_eq!(
        is,
        was + settled.reward - burned,
        "only emission and burn change it"
    );
    let (block, era) = (sent.block, settled.era);
    println!("sent in {block}, settled in {settled_in}, in era {era}: {settled:?}");
    (sent, last)
}

fn states(updates: &[Json]) -> Vec<String> {
    updates
        .iter()
        .map(|u| u["state"].as_str().expect("a job has a state").to_owned())
        .collect()
}

#[test]
fn jobs_are_done_paid_and_readable() {
    alone(async {
        let (node, chain) = start().await;
        a_completion_is_done_paid_and_readable(&chain).await;
        an_embedding_is_done_paid_and_readable(&chain).await;
        fifty_jobs_are_attested_within_two_blocks_of_their_inference(&node, &chain).await;
    });
}

async fn a_completion_is_done_paid_and_readable(chain: &Chain) {
    let prepared = chain.prepare_chat("Name the capital of France.", 16).await;
    let (sent, job) = run_alone(chain, &prepared, &completer()).await;

    let output = output_of(&job, &prepared);
    assert!((1..=16).contains(&output.len()), "{output:?}");
    let text = job["output"]["text"]
        .as_str()
        .expect("a completion has a text");
    println!("the model says: {text:?}");
    assert!(text.contains("Paris"), "{text:?}");

    let head = chain.head().await.hash;
    let open: Option<kagari_primitives::JobInfo> =
        chain.runtime_call("ComputeApi_job", sent.job, head).await;
    assert_eq!(open, None, "an ended job leaves the state");
    assert_eq!(
        chain.job(sent.job).await,
        job,
        "and yet the node still knows it"
    );
}

async fn an_embedding_is_done_paid_and_readable(chain: &Chain) {
    let mut vectors = Vec::new();
    let texts = [
        "A cat sits on the mat.",
        "A kitten rests on a rug.",
        "Interest rates fell.",
    ];
    for text in texts {
        let prepared = chain.prepare_embedding(text).await;
        let (_, job) = run_alone(chain, &prepared, &embedder()).await;
        vectors.push(vector_of(&job, &output_of(&job, &prepared)));
    }
    let (near, far) = (dot(&vectors[0], &vectors[1]), dot(&vectors[0], &vectors[2]));
    println!("cat and kitten: {near}, cat and interest rates: {far}");
    assert!(near > 0.5 && far < 0.3, "{near} {far}");
}

/// The vector of an embedding, of which the words are the bits.
fn vector_of(job: &Json, output: &[Word]) -> Vec<f32> {
    let bits: Vec<f32> = output.iter().map(|w| f32::from_bits(*w)).collect();
    let vector: Vec<f32> =
        serde_json::from_value(job["output"]["vector"].clone()).expect("an embedding has a vector");
    assert_eq!(vector, bits);
    assert_eq!(vector.len(), 384);
    assert!(
        (dot(&vector, &vector) - 1.0).abs() < 1e-5,
        "it is normalised"
    );
    vector
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

async fn fifty_jobs_are_attested_within_two_blocks_of_their_inference(node: &Node, chain: &Chain) {
    const JOBS: u32 = 50;
    let mut sent = Vec::new();
    for i in 0..JOBS {
        let question = format!("How much is {i} and {i}?");
        let prepared = chain.prepare_chat(&question, 4).await;
        let requester = if i % 2 == 0 { dev::dave() } else { dev::eve() };
        sent.push(chain.send(&requester, &prepared).await);
    }
    let mut delays = BTreeMap::<u32, u32>::new();
    for sent in sent {
        assert_eq!(chain.wait_for_end(sent.job).await["state"], "settled");
        let history = chain.history(sent).await;
        let attested = history
            .iter()
            .find(|(_, e)| e.is_of_job("JobAttested", sent.job));
        let delay = attested.expect("a settled job was attested").0 - sent.block;
        *delays.entry(delay).or_default() += 1;
    }
    println!("blocks from assignment to attestation, and jobs: {delays:?}");
    let (all, within) = attestation_blocks(node);
    println!("blocks from inference to attestation, and jobs up to there: {within:?}");
    assert!(
        all >= f64::from(JOBS),
        "the worker saw every attestation of its own"
    );
    assert_eq!(within[1], all, "at most two blocks");
}

/// The worker's own count, by blocks between the end of an inference and the block that carries the
/// attestation: of all, and of those within 1, 2, 3, … blocks.
fn attestation_blocks(node: &Node) -> (f64, Vec<f64>) {
    let name = "kagari_attestation_blocks";
    let all = node
        .metric(&format!("{name}_count"))
        .expect("the worker counts");
    let within = |blocks: u32| {
        let bucket = format!("le=\"{blocks}\"");
        node.metric_with(&format!("{name}_bucket"), &bucket)
            .expect("the worker counts")
    };
    (all, (1..=5).map(within).collect())
}
