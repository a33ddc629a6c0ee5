//! `kagari job verify`: honest jobs hold, lying providers are found where they lie, and what can't be
//! verified is told apart from both.

use crate::common::{
    chain::Chain,
    command::{kagari, Ran},
    compute_rpc::{completer, embedder, words, Prepared},
    in_turn,
    node::{models_dir, Node, NodeConfig},
    provider::{Worker, PRICE},
};
use kagari_inference::protocol::Completed;
use kagari_primitives::{Hash, JobId};
use serde_json::{json, Value as Json};
use std::{fs, path::Path};
use subxt_signer::sr25519::dev;
use tempfile::TempDir;

/// Bob's worker is the node, and honest; Charlie's key is held by the test.
struct Market {
    chain: Chain,
    charlies: Worker,
    node: Node,
}

impl Market {
    async fn new() -> Self {
        let node = Node::start("validator", NodeConfig::validator().with_worker()).await;
        let chain = Chain::connect(&node.url()).await;
        let models = [completer().id(), embedder().id()];
        chain.bond_node(&dev::bob(), &models, 4).await;
        let charlies = Worker::new("charlie");
        let bond = 10 * chain.min_bond().await;
        charlies.bond(&chain, &dev::charlie(), bond).await;
        Self {
            chain,
            charlies,
            node,
        }
    }

    /// From now on Charlie gets every job, at half of what Bob asks.
    async fn let_charlie_offer(&self) {
        for model in [completer(), embedder()] {
            let offer = self.chain.set_offer(model.id(), PRICE / 2, 16);
            self.chain.submit_good(&dev::charlie(), &offer).await;
        }
    }

    /// Has Bob do a job, and gives what came out beside its id.
    async fn honest_job(&self, prepared: &Prepared) -> (JobId, Completed) {
        let sent = self.chain.send(&dev::dave(), prepared).await;
        let job = self.chain.wait_for_end(sent.job).await;
        assert_eq!(job["state"], "settled", "{job:#}");
        (sent.job, completed(&job["output"]))
    }

    /// Sends a job that Charlie gets and does not attest yet.
    async fn charlies_job(&self, prepared: &Prepared) -> JobId {
        self.chain.send(&dev::dave(), prepared).await.job
    }

    /// Has Charlie attest whatever is claimed of a new job, and gives its id.
    async fn lie(&self, prepared: &Prepared, claimed: &Completed) -> JobId {
        let job = self.charlies_job(prepared).await;
        let signed = self.charlies.claim(&self.chain, job, claimed).await;
        let done = signed.submit(&self.chain).await.expect("the pool takes it");
        assert_eq!(done.outcome, Ok(()));
        job
    }

    async fn verify(&self, job: JobId, more: &[&str]) -> Ran {
        self.verify_on(&models_dir(), job, more).await
    }

    async fn verify_on(&self, models: &Path, job: JobId, more: &[&str]) -> Ran {
        let (id, models) = (format!("{job:#x}"), models.display().to_string());
        let args = ["job", "verify", &id, "--models", &models];
        kagari(&self.node.url(), &[&args, more].concat()).await
    }

    async fn assert_holds(&self, job: JobId) {
        let ran = self.verify(job, &[]).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.answer.contains("holds"), "{ran:?}");
        let ran = self.verify(job, &["--json"]).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let verdict = ran.json();
        assert_eq!(verdict["holds"], true, "{verdict}");
        assert_eq!(verdict["job"], json!(job));
        assert!(verdict.get("differs").is_none(), "{verdict}");
    }

    async fn assert_differs(&self, job: JobId, differs: &str, position: Json) {
        let ran = self.verify(job, &["--json"]).await;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let verdict = ran.json();
        assert_eq!(verdict["holds"], false, "{verdict}");
        assert_eq!(verdict["differs"], differs, "{verdict}");
        assert_eq!(verdict["position"], position, "{verdict}");
    }
}

/// What a node tells of an output.
fn completed(output: &Json) -> Completed {
    let part = |name: &str| output[name].clone();
    Completed {
        output: words(&output["words"]),
        stop: serde_json::from_value(part("stop")).expect("an output has a reason to end"),
        trace_root: serde_json::from_value(part("traceRoot")).expect("an output has a trace root"),
    }
}

fn changed(honest: &Completed, change: impl Fn(&mut Completed)) -> Completed {
    let mut claimed = honest.clone();
    change(&mut claimed);
    claimed
}

#[test]
fn honest_jobs_hold_and_lies_are_found() {
    in_turn(async {
        let market = Market::new().await;
        let chat = market
            .chain
            .prepare_chat("Name the capital of France.", 8)
            .await;
        let text = market
            .chain
            .prepare_embedding("A cat sits on the mat.")
            .await;
        let (completion, completed) = market.honest_job(&chat).await;
        let (embedding, vector) = market.honest_job(&text).await;
        for job in [completion, embedding] {
            market.assert_holds(job).await;
        }
        what_can_not_be_verified_is_no_lie(&market, embedding).await;

        market.let_charlie_offer().await;
        false_completions_are_found(&market, &chat, &completed).await;
        false_embeddings_are_found(&market, &text, &vector).await;
        a_job_that_is_not_attested_is_no_lie(&market, &chat).await;
    });
}

async fn false_completions_are_found(market: &Market, chat: &Prepared, honest: &Completed) {
    assert!(honest.output.len() > 2, "{honest:?}");
    let honest_too = market.lie(chat, honest).await;
    market.assert_holds(honest_too).await;

    let token = market
        .lie(chat, &changed(honest, |c| c.output[2] += 1))
        .await;
    market.assert_differs(token, "output", json!(2)).await;
    let told = market.verify(token, &[]).await;
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.answer.contains("differs at position 2"), "{told:?}");

    let root = changed(honest, |c| c.trace_root = Hash::repeat_byte(7));
    let root = market.lie(chat, &root).await;
    market.assert_differs(root, "traceRoot", Json::Null).await;

    // The lie is found as well once it was paid for.
    market.chain.wait_for_end(token).await;
    market.assert_differs(token, "output", json!(2)).await;
}

async fn false_embeddings_are_found(market: &Market, text: &Prepared, honest: &Completed) {
    let number = market
        .lie(text, &changed(honest, |c| c.output[5] ^= 1))
        .await;
    market.assert_differs(number, "output", json!(5)).await;
    let root = changed(honest, |c| c.trace_root = Hash::repeat_byte(7));
    let root = market.lie(text, &root).await;
    market.assert_differs(root, "traceRoot", Json::Null).await;
}

async fn a_job_that_is_not_attested_is_no_lie(market: &Market, chat: &Prepared) {
    let job = market.charlies_job(chat).await;
    assert_fails(&market.verify(job, &[]).await, "not attested yet");
}

/// The command failed, and says why.
fn assert_fails(ran: &Ran, why: &str) {
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.answer.is_empty(), "{ran:?}");
    assert!(ran.notes.contains(why), "{ran:?}");
}

async fn what_can_not_be_verified_is_no_lie(market: &Market, embedding: JobId) {
    let unknown = market.verify(JobId::repeat_byte(3), &[]).await;
    assert_fails(&unknown, "knows no job 0x0303");

    let dir = TempDir::new().expect("a temporary folder can be made");
    let missing = market.verify_on(dir.path(), embedding, &["--json"]).await;
    assert_fails(&missing, "name another folder with --models");
    assert!(
        missing.notes.contains(&embedder().name_text()),
        "{missing:?}"
    );

    spoil_embedder(dir.path());
    let spoilt = market.verify_on(dir.path(), embedding, &[]).await;
    assert_fails(&spoilt, "BLAKE3 hash");

    let small = market
        .verify(embedding, &["--inference-memory", "64"])
        .await;
    assert_fails(&small, "can't be replayed");

    let id = format!("{embedding:#x}");
    let nowhere = kagari("ws://127.0.0.1:1", &["job", "verify", &id]).await;
    assert_fails(&nowhere, "No node answers");
}

/// Copies the model that embeds, with one bit of its weights changed.
fn spoil_embedder(models: &Path) {
    let name = embedder().name_text();
    fs::create_dir(models.join(&name)).expect("the folder is ours");
    for file in ["model.safetensors", "tokenizer.json"] {
        let source = models_dir().join(&name).join(file);
        let mut bytes = fs::read(source).expect("the models are there");
        if file == "model.safetensors" {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        fs::write(models.join(&name).join(file), bytes).expect("the folder is ours");
    }
}
