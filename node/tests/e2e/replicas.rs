//! Replicas on a real node, whose keystore serves three providers: each computes, commits, reveals and is paid.

use crate::common::{
    alone,
    chain::Chain,
    compute_rpc::{embedder, spec, words, Prepared},
    job::Sent,
    node::{Node, NodeConfig},
};
use kagari_primitives::{JobSpec, Task};
use serde_json::json;
use subxt_signer::sr25519::dev;

const REPLICAS: u8 = 3;

#[test]
fn three_providers_compute_an_embedding_and_are_paid_as_they_agree() {
    alone(async {
        let config = NodeConfig::validator()
            .with_worker()
            .flag("--inference-threads=1");
        let node = Node::start("validator", config).await;
        let chain = Chain::connect(&node.url()).await;
        for owner in [dev::bob(), dev::charlie(), dev::eve()] {
            chain.bond_node(&owner, &[embedder().id()], 4).await;
        }
        let prepared = prepare_replicas(&chain).await;
        let call = chain.submit_job(&prepared.spec, &prepared.input);
        let done = chain.submit_good(&dev::dave(), &call).await;
        let sent = Sent::all_of(&done);
        assert_eq!(sent.len(), usize::from(REPLICAS), "{:?}", done.events);

        let mut jobs = Vec::new();
        for sent in &sent {
            let job = chain.wait_for_end(sent.job).await;
            assert_eq!(job["state"], "settled", "{job:#}");
            jobs.push(job);
        }
        assert!(jobs[0]["replicaOf"].is_string());
        for (at, job) in jobs.iter().enumerate() {
            assert_eq!(job["replicaOf"], jobs[0]["replicaOf"]);
            assert_eq!(job["output"]["vector"], jobs[0]["output"]["vector"]);
            let others = jobs.iter().skip(at + 1);
            let mut others = others.map(|other| &other["provider"]);
            assert!(others.all(|other| *other != job["provider"]), "{job:#}");
        }
        let paid = chain.settlement(sent[0]).await.paid;
        for sent in &sent[1..] {
            assert_eq!(chain.settlement(*sent).await.paid, paid);
        }

        // Each has committed before any has revealed.
        let head = chain.head().await.number;
        let transactions = chain.transactions(done.block.number..=head).await;
        let expected = [
            "ComputeMarket.submit_job",
            "ProofOfWorkDone.commit",
            "ProofOfWorkDone.commit",
            "ProofOfWorkDone.commit",
            "ProofOfWorkDone.attest",
            "ProofOfWorkDone.attest",
            "ProofOfWorkDone.attest",
        ];
        assert_eq!(transactions, expected);
    });
}

/// A job for several providers, for the price that the node says is enough for all of them.
async fn prepare_replicas(chain: &Chain) -> Prepared {
    let model = embedder();
    let request = json!({
        "model": model.name_text(),
        "text": "A cat sits on the mat.",
        "replicas": REPLICAS,
    });
    let prepared = chain.prepare(request).await;
    assert_eq!(prepared["spec"]["replicas"], REPLICAS, "{prepared:#}");
    let max_price = prepared["spec"]["maxPrice"].as_str();
    let max_price = max_price.and_then(|units| units.parse().ok());
    Prepared {
        spec: JobSpec {
            replicas: REPLICAS,
            max_price: max_price.expect("there are offers to go by"),
            ..spec(model.id(), Task::Embedding)
        },
        input: words(&prepared["input"]),
    }
}
