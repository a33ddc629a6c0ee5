//! An attestation reaches a node before the block that assigned its job does.

use crate::common::{
    alone,
    chain::Chain,
    compute_rpc::{completer, completion, spec, Prepared},
    job::Sent,
    node::{Node, NodeConfig},
    provider::{Signed, Worker, PRICE},
};
use serde_json::Value as Json;
use subxt::rpcs::rpc_params;
use subxt_signer::sr25519::dev;

/// A worker's transaction names its era by a place among so many blocks. A node that lags on a chain
/// that is younger than that takes the era for one before the chain began.
const ERA: u32 = 32;

/// JSON-RPC code of a transaction that this node can't judge yet.
const UNKNOWN: &str = "1011";
/// JSON-RPC code of a transaction that this node was given before.
const KNOWN: &str = "1013";

async fn peer_id(chain: &Chain) -> String {
    chain.ask("system_localPeerId", rpc_params![]).await
}

#[test]
fn a_node_that_lags_behind_takes_the_attestation_once_it_has_caught_up() {
    alone(async {
        let validator = Node::start("validator", NodeConfig::validator()).await;
        let ahead = Chain::connect(&validator.url()).await;
        let address = format!(
            "/ip4/127.0.0.1/tcp/{}/p2p/{}",
            validator.p2p_port(),
            peer_id(&ahead).await
        );
        let connected = NodeConfig::follower().flag(&format!("--reserved-nodes={address}"));
        let mut follower = Node::start("follower", connected).await;
        Chain::connect(&follower.url())
            .await
            .wait_for_height(ERA)
            .await;

        // Taking a peer off the list of reserved ones does not end the connection to it.
        println!("cutting the follower off");
        follower.stop().await;
        follower.restart_with(NodeConfig::follower()).await;
        let behind = Chain::connect(&follower.url()).await;
        let stuck_at = behind.head().await.number;
        ahead.wait_for_height(stuck_at + 1).await;

        let worker = Worker::new("worker");
        worker
            .bond(&ahead, &dev::bob(), 10 * ahead.min_bond().await)
            .await;
        ahead
            .submit_good(&dev::bob(), &ahead.set_offer(completer().id(), PRICE, 1))
            .await;
        let job = Prepared {
            spec: spec(completer().id(), completion(4)),
            input: vec![1, 2, 3],
        };
        let sent = ahead.send(&dev::dave(), &job).await;
        assert!(sent.block > stuck_at);

        let attestation = worker.attest(&ahead, sent.job, &[5, 6, 7, 8]).await;
        let refusal = behind
            .submit_extrinsic(&attestation.extrinsic(&ahead).await)
            .await
            .expect_err("it knows no such job");
        println!("the node that lags says: {refusal}");
        assert!(
            refusal.contains(UNKNOWN),
            "it is unknown, not wrong: {refusal}"
        );

        println!("joining the follower to the network again");
        let _: Json = behind
            .ask("system_addReservedPeer", rpc_params![&address])
            .await;
        behind.wait_for_height(sent.block).await;
        submit_as_a_worker_does(&ahead, &behind, &attestation, sent).await;
        let ended = ahead.wait_for_end(sent.job).await;
        assert_eq!(
            ended["state"], "settled",
            "the validator took it from the follower"
        );
    });
}

/// Sends an attestation to the node `behind` with every block, until it is in one. A pool takes no
/// transaction twice, not even one that it could not judge before, so each waits for a block of its
/// own and is of a fresh era.
async fn submit_as_a_worker_does(ahead: &Chain, behind: &Chain, attestation: &Signed, sent: Sent) {
    for _ in 0..30 {
        ahead.wait_for_height(ahead.head().await.number + 1).await;
        if ahead.course(sent).await.iter().any(|n| n == "JobAttested") {
            return;
        }
        let extrinsic = attestation.extrinsic(ahead).await;
        let refusal = match behind.submit_extrinsic(&extrinsic).await {
            Ok(done) => return assert_eq!(done.outcome, Ok(()), "{done:?}"),
            Err(refusal) => refusal,
        };
        println!("the node that catches up says: {refusal}");
        let try_again = refusal.contains(UNKNOWN) || refusal.contains(KNOWN);
        assert!(try_again, "{refusal}");
    }
    panic!("the node never knew the job");
}
