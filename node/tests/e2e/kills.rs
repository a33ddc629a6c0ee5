//! What is killed comes back, and no job is lost or paid twice for it.

use crate::common::{
    chain::Chain,
    compute_rpc::completer,
    in_turn,
    job::Sent,
    node::{Node, NodeConfig},
    process::{kill, wait_until_gone},
};
use libc::{SIGKILL, SIGSTOP};
use subxt_signer::sr25519::dev;

/// Enough tokens that the work is under way when the test looks.
const LONG: u32 = 600;
const LONG_QUESTION: &str = "Write a very long story about a lighthouse keeper and the sea.";

async fn start() -> (Node, Chain) {
    let config = NodeConfig::validator()
        .with_worker()
        .flag("--inference-threads=1");
    let node = Node::start("validator", config).await;
    let chain = Chain::connect(&node.url()).await;
    chain.bond_node(&dev::bob(), &[completer().id()], 4).await;
    (node, chain)
}

/// Sends a job, halts the child while it works on it, and waits until the block that brought it is
/// final: a database may lose its newest blocks when its process is killed.
async fn send_long_job(node: &Node, chain: &Chain) -> (Sent, u32) {
    let prepared = chain.prepare_chat(LONG_QUESTION, LONG).await;
    let sent = chain.send(&dev::dave(), &prepared).await;
    let child = node.inference_child_other_than(None).await;
    node.wait_until_job_runs().await;
    kill(child, SIGSTOP);
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

/// Kills the node as `kill -9` does, makes sure that its child is gone, and starts it again.
async fn kill_and_restart(node: &mut Node, child: u32) -> Chain {
    node.kill_hard();
    wait_until_gone(child).await;
    node.restart().await;
    Chain::connect(&node.url()).await
}

#[test]
fn jobs_of_a_node_that_is_killed_end_once() {
    in_turn(async {
        let (mut node, chain) = start().await;
        let (sent, child) = send_long_job(&node, &chain).await;
        println!("killing the node while its child {child} works");
        let chain = kill_and_restart(&mut node, child).await;
        assert_ended_once(&chain, sent).await;

        let prepared = chain.prepare_chat("Hello!", 8).await;
        let sent = chain.send(&dev::dave(), &prepared).await;
        chain.wait_for_state(sent.job, &["attested"]).await;
        println!("killing the node; its database may not have the attestation yet");
        let child = node.inference_child_other_than(None).await;
        let chain = kill_and_restart(&mut node, child).await;
        assert_ended_once(&chain, sent).await;
    });
}

#[test]
fn a_killed_inference_child_is_restarted_and_its_job_is_done() {
    in_turn(async {
        let (mut node, chain) = start().await;
        let (sent, child) = send_long_job(&node, &chain).await;
        println!("killing the child {child} while it works");
        kill(child, SIGKILL);
        wait_until_gone(child).await;
        let successor = node.inference_child_other_than(Some(child)).await;
        println!("its successor is {successor}");

        assert_ended_once(&chain, sent).await;
        let state = chain.job(sent.job).await["state"].clone();
        assert_eq!(state, "settled", "{}", node.log_tail());
        assert!(!node.has_ended());
        assert_eq!(node.metric("kagari_inference_restarts"), Some(1.0));

        println!("ending the node as a terminal does");
        node.stop().await;
        wait_until_gone(successor).await;
    });
}
