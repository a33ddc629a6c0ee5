//! Replicas on a real node, whose keystore serves two providers: each computes, commits, reveals and is paid.

use crate::common::{
    alone,
    chain::Chain,
    compute_rpc::embedder,
    job::Sent,
    node::{Node, NodeConfig},
};
use subxt_signer::sr25519::dev;

#[test]
fn two_providers_compute_an_embedding_and_are_paid_as_they_agree() {
    alone(async {
        let config = NodeConfig::validator()
            .with_worker()
            .flag("--inference-threads=1");
        let node = Node::start("validator", config).await;
        let chain = Chain::connect(&node.url()).await;
        for owner in [dev::bob(), dev::charlie()] {
            chain.bond_node(&owner, &[embedder().id()], 4).await;
        }
        let mut prepared = chain.prepare_embedding("A cat sits on the mat.").await;
        prepared.spec.replicas = 2;
        let call = chain.submit_job(&prepared.spec, &prepared.input);
        let done = chain.submit_good(&dev::dave(), &call).await;
        let sent = Sent::all_of(&done);
        assert_eq!(sent.len(), 2, "{:?}", done.events);

        let mut jobs = Vec::new();
        for sent in &sent {
            let job = chain.wait_for_end(sent.job).await;
            assert_eq!(job["state"], "settled", "{job:#}");
            jobs.push(job);
        }
        assert_ne!(jobs[0]["provider"], jobs[1]["provider"]);
        assert_eq!(jobs[0]["replicaOf"], jobs[1]["replicaOf"]);
        assert!(jobs[0]["replicaOf"].is_string());
        assert_eq!(jobs[0]["output"]["vector"], jobs[1]["output"]["vector"]);
        let (first, second) = (
            chain.settlement(sent[0]).await,
            chain.settlement(sent[1]).await,
        );
        assert_eq!(first.paid, second.paid);

        // Each has committed before either has revealed.
        let head = chain.head().await.number;
        let transactions = chain.transactions(done.block.number..=head).await;
        let expected = [
            "ComputeMarket.submit_job",
            "ProofOfWorkDone.commit",
            "ProofOfWorkDone.commit",
            "ProofOfWorkDone.attest",
            "ProofOfWorkDone.attest",
        ];
        assert_eq!(transactions, expected);
    });
}
