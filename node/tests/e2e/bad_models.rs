//! Model files that are not what the manifest says: refused in words, never run; the node goes on.

use crate::common::{
    account::account_of,
    chain::Chain,
    compute_rpc::{embedder, spec, Prepared},
    in_turn,
    node::{models_dir, Node, NodeConfig},
};
use kagari_primitives::{model::ModelFile, Hash, JobSpec, Manifest, Task};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};
use subxt::rpcs::rpc_params;
use subxt_signer::sr25519::dev;
use tempfile::TempDir;

const WEIGHTS: &str = "model.safetensors";
const TOKENIZER: &str = "tokenizer.json";

/// The model that embeds, under another name: another model, as the chain sees it.
fn renamed(name: &str) -> Manifest {
    Manifest {
        name: name.as_bytes().to_vec().try_into().unwrap(),
        ..embedder()
    }
}

/// Folders of models, each with one fault.
struct Models {
    dir: TempDir,
    faulty: Vec<Manifest>,
}

impl Models {
    fn new() -> Self {
        let mut models = Self {
            dir: TempDir::new().unwrap(),
            faulty: Vec::new(),
        };
        models.copy(&embedder());
        models.add(renamed("flipped"), |folder| {
            change(&folder.join(WEIGHTS), |bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            });
        });
        models.add(renamed("cut"), |folder| {
            change(&folder.join(WEIGHTS), |bytes| {
                bytes.truncate(bytes.len() - 1)
            });
        });
        models.add(renamed("gone"), |folder| {
            fs::remove_file(folder.join(WEIGHTS)).unwrap()
        });
        models.add(renamed("flipped-words"), |folder| {
            change(&folder.join(TOKENIZER), |bytes| bytes[100] ^= 1);
        });
        models.add_crafted(
            "absurd-header",
            &[u64::MAX.to_le_bytes().as_slice(), b"{}"].concat(),
        );
        models.add_crafted("absurd-tensor", &absurd_tensor());
        models
    }

    fn copy(&self, manifest: &Manifest) -> PathBuf {
        let source = models_dir().join(embedder().name_text());
        let folder = self.dir.path().join(manifest.name_text());
        fs::create_dir(&folder).unwrap();
        for file in [WEIGHTS, TOKENIZER] {
            fs::copy(source.join(file), folder.join(file)).unwrap();
        }
        folder
    }

    fn add(&mut self, manifest: Manifest, spoil: impl Fn(&Path)) {
        spoil(&self.copy(&manifest));
        self.faulty.push(manifest);
    }

    /// A file that is what its manifest says, so that only its parser stands in its way.
    fn add_crafted(&mut self, name: &str, weights: &[u8]) {
        let hash = Hash::from(*blake3::hash(weights).as_bytes());
        let manifest = Manifest {
            weights: ModelFile {
                hash,
                len: weights.len() as u64,
            },
            ..renamed(name)
        };
        self.add(manifest, |folder| {
            fs::write(folder.join(WEIGHTS), weights).unwrap()
        });
    }
}

fn change(file: &Path, by: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    by(&mut bytes);
    fs::write(file, bytes).unwrap();
}

/// A safetensors file that says it holds more numbers than any machine does.
fn absurd_tensor() -> Vec<u8> {
    let header = json!({
        "embeddings.word_embeddings.weight":
            { "dtype": "F32", "shape": [u32::MAX, u32::MAX], "data_offsets": [0, u64::MAX] }
    });
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()
}

#[test]
fn a_model_that_is_not_its_manifest_is_never_run() {
    in_turn(async {
        let models = Models::new();
        let config = NodeConfig::validator().with_worker_on(models.dir.path());
        let mut node = Node::start("validator", config).await;
        let chain = Chain::connect(&node.url()).await;
        for manifest in &models.faulty {
            chain
                .submit_good(&dev::alice(), &chain.register_model(manifest))
                .await;
        }
        let ids: Vec<_> = models.faulty.iter().map(Manifest::id).collect();
        chain
            .bond_node(&dev::bob(), &[&ids[..], &[embedder().id()]].concat(), 4)
            .await;

        let good = chain.prepare_embedding("Is the node well?").await;
        let mut sent = Vec::new();
        for manifest in &models.faulty {
            let name = manifest.name_text();
            // Words may be had without the weights; if not, the refusal has to say why.
            let request = json!({ "model": name, "text": "Is the node well?" });
            match chain
                .rpc
                .request::<serde_json::Value>("compute_prepare", rpc_params![request])
                .await
            {
                Ok(_) => println!("{name}: words are to be had"),
                Err(refusal) => println!("{name}: {refusal}"),
            }
            let spec = JobSpec {
                deadline: 10,
                ..spec(manifest.id(), Task::Embedding)
            };
            let prepared = Prepared {
                spec,
                input: good.input.clone(),
            };
            sent.push((name, chain.send(&dev::dave(), &prepared).await));
        }
        for (name, sent) in sent {
            let end = chain.wait_for_end(sent.job).await;
            assert_eq!(end["state"], "refunded", "{name}: {end:#}");
            let course = chain.course(sent).await;
            assert!(
                !course.iter().any(|n| n == "JobAttested"),
                "{name}: {course:?}"
            );
        }
        assert!(!node.has_ended(), "{}", node.log_tail());
        println!("what the node says of them:");
        node.log()
            .lines()
            .filter(|l| l.contains("flipped"))
            .take(5)
            .for_each(|l| println!("{l}"));

        let sent = chain.send(&dev::dave(), &good).await;
        assert_eq!(
            chain.wait_for_end(sent.job).await["state"],
            "settled",
            "{}",
            node.log_tail()
        );
        let dave = account_of(&dev::dave());
        let head = chain.head().await.hash;
        assert_eq!(chain.account(&dave, head).await.reserved, 0);
    });
}
