//! Attestations that are refused: each with a clear word, and the state stays as it was.

use crate::common::{
    chain::Chain,
    compute_rpc::{completer, completion, spec, Prepared},
    in_turn,
    job::Sent,
    node::{Node, NodeConfig},
    provider::{statement, Signed, Worker, PRICE},
    snapshot::fee_of,
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

    /// The pool refuses them all, each with its code, and nothing changes.
    async fn assert_refused(&self, cases: &[(&str, Signed, &str)]) {
        let chain = &self.chain;
        let before = chain.snapshot(chain.head().await.hash).await;
        for (what, signed, code) in cases {
            let refusal = signed.submit(chain).await;
            let refusal = refusal.err().unwrap_or_else(|| panic!("{what} was taken"));
            println!("{what}: {refusal}");
            assert!(refusal.contains(code), "{what}: {refusal}");
        }
        let after = chain.wait_for_height(chain.head().await.number + 1).await;
        assert_eq!(before, chain.snapshot(after.hash).await);
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

    let mut broken = good.clone();
    let mut bytes = broken.signature.to_raw_vec();
    bytes[10] ^= 1;
    broken.signature = sp_core::sr25519::Signature::from_slice(&bytes)
        .unwrap()
        .into();
    let fork = attestation::message(chain.genesis, Hash::repeat_byte(9), &right);
    let with_output = |output: &[Word]| Signed {
        output: output.to_vec(),
        ..good.clone()
    };
    let with = |change: fn(&mut Attestation)| {
        let mut signed = good.clone();
        change(&mut signed.attestation);
        signed
    };
    let other_output = Signed {
        output: vec![9; 4],
        ..with(|a| a.output_hash = payload_hash(&[9; 4]))
    };
    let cases = [
        (
            "somebody else's signature",
            market.charlies.sign(right, &message, OUTPUT),
            INVALID,
        ),
        (
            "an attestation for another's job",
            bobs.attest(chain, charlies_job, OUTPUT).await,
            INVALID,
        ),
        ("a signature with a flipped bit", broken, INVALID),
        (
            "a signature from another fork",
            bobs.sign(right, &fork, OUTPUT),
            INVALID,
        ),
        (
            "an output that is not the one attested",
            with_output(&[5, 6, 7, 9]),
            INVALID,
        ),
        (
            "another output under the same signature",
            other_output,
            INVALID,
        ),
        (
            "an output longer than was asked for",
            bobs.attest(chain, bobs_job, &[5; 5]).await,
            INVALID,
        ),
        (
            "an empty output",
            bobs.attest(chain, bobs_job, &[]).await,
            INVALID,
        ),
        (
            "an attestation for a job that was long ago, if ever",
            with(|a| (a.job, a.assigned_at) = (Hash::repeat_byte(3), 0)),
            INVALID,
        ),
        (
            "an attestation for a job that may come yet",
            with(|a| (a.job, a.assigned_at) = (Hash::repeat_byte(3), 1_000)),
            UNKNOWN,
        ),
        (
            "an attestation for an assignment that may come yet",
            with(|a| a.assigned_at = 1_000),
            UNKNOWN,
        ),
    ];
    market.assert_refused(&cases).await;

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
        assert!(fee_of(&done) > 0, "it is not for free: {:?}", done.events);
        chain.assert_only_fees_paid(&dev::dave(), &[done]).await;
    }
}

async fn a_job_is_attested_once(market: &Market) {
    let chain = &market.chain;
    let sent = market.send(1, 200).await;
    // A node says of a block that it is there a moment before its pool knows it.
    chain.wait_for_height(sent.block + 1).await;
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
    chain.wait_for_height(chain.head().await.number + 1).await;
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

    let settled = [("an attestation for a settled job", good, INVALID)];
    market.assert_refused(&settled).await;
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
