//! An attestation reaches a node before the block that assigned its job does.

use crate::common::{
    chain::Chain,
    compute_rpc::{completer, completion, spec, Prepared},
    in_turn,
    node::{Node, NodeConfig},
    provider::{Worker, PRICE},
};
use subxt::rpcs::rpc_params;
use subxt_signer::sr25519::dev;

/// A worker's transaction is good for so many blocks. On a chain that is younger than that, a node
/// that lags cannot tell the transaction's era.
const ERA: u32 = 16;

/// Where a node takes peers.
async fn peer_address(node: &Node, chain: &Chain) -> String {
    let id: String = chain.ask("system_localPeerId", rpc_params![]).await;
    format!("/ip4/127.0.0.1/tcp/{}/p2p/{id}", node.p2p_port())
}

#[test]
fn a_node_that_lags_behind_takes_the_attestation_once_it_has_caught_up() {
    in_turn(async {
        let validator = Node::start("validator", NodeConfig::validator()).await;
        let ahead = Chain::connect(&validator.url()).await;
        let address = peer_address(&validator, &ahead).await;
        let connected = NodeConfig::follower().flag(&format!("--reserved-nodes={address}"));
        let mut follower = Node::start("follower", connected).await;
        Chain::connect(&follower.url())
            .await
            .wait_for_height(ERA)
            .await;

        println!("cutting the follower off");
        follower.stop().await;
        follower.restart_with(NodeConfig::follower()).await;
        let behind = Chain::connect(&follower.url()).await;
        let stuck_at = behind.head().await.number;

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

        let attestation = worker
            .attest(&ahead, sent.job, &[5, 6, 7, 8])
            .await
            .extrinsic(&ahead)
            .await;
        let refusal = behind
            .submit_extrinsic(&attestation)
            .await
            .expect_err("it knows no such job");
        println!("the node that lags says: {refusal}");
        assert!(
            refusal.contains("1011"),
            "it is unknown, not wrong: {refusal}"
        );

        println!("joining the follower to the network again");
        let _: serde_json::Value = behind
            .ask("system_addReservedPeer", rpc_params![address.clone()])
            .await;
        behind.wait_for_height(sent.block).await;
        let done = behind.submit_extrinsic(&attestation).await;
        let done = done.expect("what was unknown is not banned");
        assert_eq!(done.outcome, Ok(()), "{done:?}");
        let attested = done
            .events
            .iter()
            .any(|e| e.is_of_job("JobAttested", sent.job));
        assert!(
            attested,
            "the validator took it from the follower: {done:?}"
        );
    });
}
