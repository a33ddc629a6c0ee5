//! Attestations that are refused: each with a clear word, and the state stays as it was.

use crate::common::{
    chain::Chain,
    compute_rpc::{completer, completion, spec, Prepared},
    in_turn,
    job::Sent,
    node::{Node, NodeConfig},
    provider::{statement, Signed, Worker, PRICE},
};
use kagari_primitives::{attestation, payload_hash, Attestation, Hash, JobSpec, Word};
use sp_core::crypto::ByteArray;
use subxt_signer::sr25519::dev;

const OUTPUT: &[Word] = &[5, 6, 7, 8];

/// Bob takes one job, at half of what Charlie asks.
struct Market {
    chain: Chain,
    bobs: Worker,
    charlies: Worker,
    _node: Node,
}

impl Market {
    async fn new() -> Self {
        let node = Node::start("validator", NodeConfig::validator()).await;
        let chain = Chain::connect(&node.url()).await;
        let (bobs, charlies) = (Worker::new("bob"), Worker::new("charlie"));
        let bond = 10 * chain.min_bond().await;
        bobs.bond(&chain, &dev::bob(), bond).await;
        charlies.bond(&chain, &dev::charlie(), bond).await;
        let model = completer().id();
        chain
            .submit_good(&dev::bob(), &chain.set_offer(model, PRICE, 1))
            .await;
        chain
            .submit_good(&dev::charlie(), &chain.set_offer(model, 2 * PRICE, 8))
            .await;
        Self {
            chain,
            bobs,
            charlies,
            _node: node,
        }
    }

    async fn send(&self, input: Word, deadline: u32) -> Sent {
        let spec = JobSpec {
            deadline,
            ..spec(completer().id(), completion(4))
        };
        self.chain
            .send(
                &dev::dave(),
                &Prepared {
                    spec,
                    input: vec![1, input],
                },
            )
            .await
    }

    /// The pool refuses it, and nothing changes.
    async fn assert_refused(&self, what: &str, signed: &Signed, code: &str) {
        let before = self.chain.head().await;
        let refusal = signed.submit(&self.chain).await;
        let refusal = refusal.err().unwrap_or_else(|| panic!("{what} was taken"));
        println!("{what}: {refusal}");
        assert!(refusal.contains(code), "{what}: {refusal}");
        let after = self.chain.wait_for_height(before.number + 1).await;
        let before = self.chain.snapshot(before.hash).await;
        assert_eq!(
            before,
            self.chain.snapshot(after.hash).await,
            "{what} changed the state"
        );
    }
}

/// JSON-RPC code of a transaction that is invalid.
const INVALID: &str = "1010";
/// JSON-RPC code of a transaction that this node can't judge yet.
const UNKNOWN: &str = "1011";

#[test]
fn bad_attestations_are_refused_and_change_nothing() {
    in_turn(async {
        let market = Market::new().await;
        attestations_that_are_wrong_are_refused(&market).await;
        a_job_is_attested_once(&market).await;
        an_attestation_that_comes_too_late_is_refused(&market).await;
    });
}

async fn attestations_that_are_wrong_are_refused(market: &Market) {
    let (chain, bobs) = (&market.chain, &market.bobs);
    let (bobs_sent, charlies_sent) = (market.send(1, 200).await, market.send(2, 200).await);
    let (bobs_job, charlies_job) = (bobs_sent.job, charlies_sent.job);
    let (right, message) = statement(chain, bobs_job, OUTPUT).await;
    let good = bobs.sign(right, &message, OUTPUT);

    let other = market.charlies.sign(right, &message, OUTPUT);
    market
        .assert_refused("somebody else's signature", &other, INVALID)
        .await;
    let other = bobs.attest(chain, charlies_job, OUTPUT).await;
    market
        .assert_refused("an attestation for another's job", &other, INVALID)
        .await;

    let mut broken = good.clone();
    let mut bytes = broken.signature.to_raw_vec();
    bytes[10] ^= 1;
    broken.signature = sp_core::sr25519::Signature::from_slice(&bytes)
        .unwrap()
        .into();
    market
        .assert_refused("a signature with a flipped bit", &broken, INVALID)
        .await;

    let fork = attestation::message(chain.genesis, Hash::repeat_byte(9), &right);
    let forked = bobs.sign(right, &fork, OUTPUT);
    market
        .assert_refused("a signature from another fork", &forked, INVALID)
        .await;

    let swapped = Signed {
        output: vec![5, 6, 7, 9],
        ..good.clone()
    };
    market
        .assert_refused("an output that is not the one attested", &swapped, INVALID)
        .await;
    let long = bobs.attest(chain, bobs_job, &[5; 5]).await;
    market
        .assert_refused("an output longer than was asked for", &long, INVALID)
        .await;
    let empty = bobs.attest(chain, bobs_job, &[]).await;
    market
        .assert_refused("an empty output", &empty, INVALID)
        .await;
    let changed = Attestation {
        output_hash: payload_hash(&[9; 4]),
        ..right
    };
    let changed = Signed {
        attestation: changed,
        output: vec![9; 4],
        ..good.clone()
    };
    market
        .assert_refused("another output under the same signature", &changed, INVALID)
        .await;
    let unknown = Attestation {
        job: Hash::repeat_byte(3),
        ..right
    };
    let unknown = Signed {
        attestation: unknown,
        ..good.clone()
    };
    market
        .assert_refused("an attestation for no job", &unknown, INVALID)
        .await;
    let early = Attestation {
        assigned_at: right.assigned_at + 1_000,
        ..right
    };
    let early = Signed {
        attestation: early,
        ..good.clone()
    };
    market
        .assert_refused("an attestation from the future", &early, UNKNOWN)
        .await;

    assert_refused_as_a_call(chain, &good).await;
    println!("the right ones are taken");
    let charlies = market.charlies.attest(chain, charlies_job, OUTPUT).await;
    for right in [good, charlies] {
        assert_eq!(
            right.submit(chain).await.expect("it is right").outcome,
            Ok(())
        );
    }
    for sent in [bobs_sent, charlies_sent] {
        assert_eq!(chain.wait_for_end(sent.job).await["state"], "settled");
    }
}

/// An attestation is no call that an account could make, alone or in a batch.
async fn assert_refused_as_a_call(chain: &Chain, good: &Signed) {
    let call = chain.attest(&good.attestation, &good.signature, &good.output);
    for call in [chain.batch_all(std::slice::from_ref(&call)), call] {
        let done = chain.submit(&dev::dave(), &call).await;
        let error = done.outcome.clone().expect_err("an account can't attest");
        assert!(error.contains("BadOrigin"), "{error}");
        chain.assert_only_fees_paid(&dev::dave(), &[done]).await;
    }
}

async fn a_job_is_attested_once(market: &Market) {
    let chain = &market.chain;
    let sent = market.send(1, 200).await;
    let (attestation, message) = statement(chain, sent.job, OUTPUT).await;
    let good = market.bobs.sign(attestation, &message, OUTPUT);
    let second = market.bobs.attest(chain, sent.job, &[9; 4]).await;
    let extrinsic = good.extrinsic(chain).await;
    assert_eq!(
        chain
            .submit_extrinsic(&extrinsic)
            .await
            .expect("it is right")
            .outcome,
        Ok(())
    );

    let head = chain.head().await.hash;
    let before = chain.snapshot(head).await;
    let again = chain
        .submit_extrinsic(&extrinsic)
        .await
        .expect_err("it is used up");
    println!("the same extrinsic again: {again}");
    let other = second.submit(chain).await.expect_err("the job is attested");
    println!("another attestation: {other}");
    assert!(other.contains(INVALID), "{other}");
    let ended = chain.wait_for_end(sent.job).await;
    assert_eq!(ended["state"], "settled");
    let expected = ["JobSubmitted", "JobAssigned", "JobAttested", "JobSettled"];
    assert_eq!(chain.course(sent).await, expected);
    assert_ne!(
        before,
        chain.snapshot(chain.head().await.hash).await,
        "it was settled"
    );

    market
        .assert_refused("an attestation for a settled job", &good, INVALID)
        .await;
}

async fn an_attestation_that_comes_too_late_is_refused(market: &Market) {
    let chain = &market.chain;
    let shortest = market.shortest_deadline();
    let sent = market.send(1, shortest).await;
    let late = market.bobs.attest(chain, sent.job, OUTPUT).await;
    // The job goes to Charlie then, so Bob's word does not count any more.
    chain.wait_for_height(sent.block + shortest + 2).await;
    let refusal = late.submit(chain).await.expect_err("it is late");
    println!("a late attestation: {refusal}");
    assert!(refusal.contains(INVALID), "{refusal}");

    assert_eq!(chain.wait_for_end(sent.job).await["state"], "refunded");
    let course = chain.course(sent).await;
    println!("{course:?}");
    assert!(course.iter().any(|n| n == "JobTimedOut"));
    assert!(!course
        .iter()
        .any(|n| n == "JobAttested" || n == "JobSettled"));
    let dave = crate::common::account::account_of(&dev::dave());
    let head = chain.head().await.hash;
    assert_eq!(chain.account(&dave, head).await.reserved, 0);
}

impl Market {
    fn shortest_deadline(&self) -> u32 {
        let market = self
            .chain
            .metadata()
            .pallet_by_name("ComputeMarket")
            .unwrap();
        let constant = market.constant_by_name("MinDeadline").unwrap();
        codec::Decode::decode(&mut constant.value()).unwrap()
    }
}
