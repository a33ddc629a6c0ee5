//! What is killed comes back, and no job is lost or paid twice for it.

use crate::common::{
    chain::Chain,
    compute_rpc::completer,
    in_turn,
    job::Sent,
    node::{Node, NodeConfig},
    process::{kill, wait_until_gone},
};
use libc::SIGKILL;
use subxt_signer::sr25519::dev;

/// More tokens than are put out before the test strikes.
const LONG: u32 = 400;
const LONG_QUESTION: &str = "Write a very long story about a lighthouse keeper and the sea.";

async fn start() -> (Node, Chain) {
    let node = Node::start("validator", NodeConfig::validator().with_worker()).await;
    let chain = Chain::connect(&node.url()).await;
    chain.bond_node(&dev::bob(), &[completer().id()], 4).await;
    (node, chain)
}

/// Sends a job that takes long and waits until it is being worked on, on a block that is final: a
/// database may lose its newest blocks when its process is killed.
async fn send_long_job(node: &Node, chain: &Chain) -> (Sent, u32) {
    let prepared = chain.prepare_chat(LONG_QUESTION, LONG).await;
    let sent = chain.send(&dev::dave(), &prepared).await;
    let child = node.inference_child_other_than(None).await;
    chain.wait_until_final(sent.block).await;
    let state = chain.job(sent.job).await["state"].clone();
    assert_eq!(
        state, "assigned",
        "the job is over before the test could strike; make it longer"
    );
    (sent, child)
}

/// The job ended, once, and money moved at most once.
async fn assert_ended_once(chain: &Chain, sent: Sent) {
    let end = chain.wait_for_end(sent.job).await;
    let course = chain.course(sent).await;
    println!("ended as {}: {course:?}", end["state"]);
    let count = |name: &str| course.iter().filter(|n| *n == name).count();
    assert!(count("JobAttested") <= 1, "{course:?}");
    assert_eq!(count("JobSettled") + count("JobRefunded"), 1, "{course:?}");
    assert_eq!(
        count("JobSettled"),
        count("JobAttested"),
        "paid if and only if done: {course:?}"
    );

    let head = chain.head().await;
    let transactions = chain.transactions(sent.block..=head.number).await;
    let attestations = transactions
        .iter()
        .filter(|t| *t == "ProofOfWorkDone.attest")
        .count();
    assert_eq!(attestations, count("JobAttested"), "{transactions:?}");
    let dave = crate::common::account::account_of(&dev::dave());
    assert_eq!(
        chain.account(&dave, head.hash).await.reserved,
        0,
        "no escrow is left behind"
    );
}

#[test]
fn a_node_killed_in_the_middle_of_a_job_ends_it_once() {
    in_turn(async {
        let (mut node, chain) = start().await;
        let (sent, child) = send_long_job(&node, &chain).await;

        println!("killing the node while its child {child} works");
        node.kill_hard();
        wait_until_gone(child).await;
        node.restart().await;

        let chain = Chain::connect(&node.url()).await;
        assert_ended_once(&chain, sent).await;
    });
}

#[test]
fn a_node_killed_right_after_it_attested_does_not_attest_again() {
    in_turn(async {
        let (mut node, chain) = start().await;
        let prepared = chain
            .prepare_chat("What is the capital of France?", 8)
            .await;
        let sent = chain.send(&dev::dave(), &prepared).await;
        chain.wait_until_final(sent.block).await;
        chain.wait_for_state(sent.job, &["attested"]).await;

        println!("killing the node; its database may not have the newest block yet");
        node.kill_hard();
        node.restart().await;

        let chain = Chain::connect(&node.url()).await;
        assert_ended_once(&chain, sent).await;
    });
}

#[test]
fn a_killed_inference_child_is_restarted_and_the_job_is_done() {
    in_turn(async {
        let (mut node, chain) = start().await;
        let (sent, child) = send_long_job(&node, &chain).await;

        println!("killing the child {child} while it works");
        kill(child, SIGKILL);
        wait_until_gone(child).await;
        let successor = node.inference_child_other_than(Some(child)).await;
        println!("its successor is {successor}");

        assert_ended_once(&chain, sent).await;
        assert_eq!(
            chain.job(sent.job).await["state"],
            "settled",
            "{}",
            node.log_tail()
        );
        assert!(!node.has_ended());
        assert_eq!(node.metric("kagari_inference_restarts"), Some(1.0));
    });
}

#[test]
fn no_inference_child_outlives_its_node() {
    in_turn(async {
        let (mut node, chain) = start().await;
        chain.prepare_chat("Hello!", 8).await;
        let child = node.inference_child_other_than(None).await;
        node.kill_hard();
        wait_until_gone(child).await;

        node.restart().await;
        let chain = Chain::connect(&node.url()).await;
        chain.prepare_chat("Hello!", 8).await;
        let child = node.inference_child_other_than(None).await;
        node.stop().await;
        wait_until_gone(child).await;
    });
}
