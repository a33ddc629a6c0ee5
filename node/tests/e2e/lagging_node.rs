//! An attestation reaches a node before the block that assigned its job does.

use crate::common::{
    chain::Chain,
    compute_rpc::{completer, completion, spec, Prepared},
    in_turn,
    node::{Node, NodeConfig},
    process::pause,
    provider::{Worker, PRICE},
};
use serde_json::Value as Json;
use subxt::rpcs::rpc_params;
use subxt_signer::sr25519::dev;

/// A worker's transaction is good for so many blocks. On a chain that is younger than that, a node
/// that lags cannot tell the transaction's era.
const ERA: u32 = 16;

async fn peer_id(chain: &Chain) -> String {
    chain.ask("system_localPeerId", rpc_params![]).await
}

/// Has a node connect to another.
async fn join(chain: &Chain, address: &str) {
    let _: Json = chain
        .ask("system_addReservedPeer", rpc_params![address])
        .await;
}

/// How many peers a node has.
async fn peers(chain: &Chain) -> u64 {
    let health: Json = chain.ask("system_health", rpc_params![]).await;
    health["peers"].as_u64().expect("a node counts its peers")
}

#[test]
fn a_node_that_lags_behind_takes_the_attestation_once_it_has_caught_up() {
    in_turn(async {
        let validator = Node::start("validator", NodeConfig::validator()).await;
        let ahead = Chain::connect(&validator.url()).await;
        let address = format!(
            "/ip4/127.0.0.1/tcp/{}/p2p/{}",
            validator.p2p_port(),
            peer_id(&ahead).await
        );
        let follower = Node::start("follower", NodeConfig::follower()).await;
        let behind = Chain::connect(&follower.url()).await;
        join(&behind, &address).await;
        behind.wait_for_height(ERA).await;

        println!("cutting the follower off");
        let peer = peer_id(&ahead).await;
        let _: Json = behind
            .ask("system_removeReservedPeer", rpc_params![peer])
            .await;
        while peers(&behind).await > 0 {
            pause().await;
        }
        let stuck_at = behind.head().await.number;
        ahead.wait_for_height(stuck_at + 2).await;

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
        join(&behind, &address).await;
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
