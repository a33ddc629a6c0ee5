//! The network: four validators and three providers.

use crate::{Chain, ComputeRpc, Progress, Settings};
use anyhow::{anyhow, Context, Result};
use futures::future::try_join_all;
use std::{path::Path, time::Duration};
use tokio::time::timeout;
use zombienet_sdk::{
    Arg, LocalFileSystem, NetworkConfig, NetworkConfigBuilder, NetworkConfigExt, NetworkNode,
};

/// The validators. Their names are those of the development keys that the chain `local` has as its
/// authorities: zombienet derives the session keys that it puts into a keystore from the node's name.
pub const VALIDATORS: [&str; 4] = ["alice", "bob", "charlie", "dave"];
/// The full nodes that serve models.
pub const PROVIDERS: [&str; 3] = ["provider-1", "provider-2", "provider-3"];

/// The chain that the nodes run: the preset `local_testnet`.
const CHAIN: &str = "local";
/// Has the chain specification built raw. A raw one is used as it is; into a plain one zombienet would
/// write authorities and balances of its own, and the chain under test would not be `local` any more.
const CHAIN_SPEC_COMMAND: &str =
    "{{mainCommand}} {{subCommand}} --chain {{chainName}} {{disableBootnodes}} --raw";
/// Session keys that a validator needs, so that zombienet makes no others.
const SESSION_KEYS: [&str; 2] = ["babe", "gran"];
/// Time for all nodes to answer. Seven nodes compile the runtime at once, and a small machine is busy
/// with that for a while. In seconds.
const SPAWN_TIMEOUT: u32 = 900;
/// Time for a height to be final on every node.
const FINALITY_TIMEOUT: Duration = Duration::from_secs(600);
/// What every node says of its finalised height.
const FINALISED: &str = "block_height{status=\"finalized\"}";

/// A running network. Its processes end when it is dropped.
pub struct Network {
    inner: zombienet_sdk::Network<LocalFileSystem>,
}

impl Network {
    /// Starts all nodes and waits until each of them answers.
    pub async fn start(settings: &Settings, progress: &Progress) -> Result<Self> {
        let config = config(settings)?;
        let inner = config
            .spawn_native()
            .await
            .context("the network did not start")?;
        let network = Self { inner };
        if let Some(dir) = network.inner.base_dir() {
            progress.say(format!("logs and databases are in {dir}"));
        }
        Ok(network)
    }

    /// Waits until every node has finalised `height`.
    pub async fn wait_until_final(&self, height: u32) -> Result<()> {
        let nodes = self.inner.nodes();
        let all = nodes.into_iter().map(|node| wait_for_height(node, height));
        timeout(FINALITY_TIMEOUT, try_join_all(all))
            .await
            .map_err(|_| anyhow!("block {height} was not final on every node in time"))??;
        Ok(())
    }

    /// The chain, as seen through this node.
    pub async fn chain(&self, node: &str) -> Result<Chain> {
        let client = self.node(node)?.wait_client().await;
        Ok(Chain::new(
            client.with_context(|| format!("{node} does not answer"))?,
        ))
    }

    /// This node's own RPC.
    pub async fn compute(&self, node: &str) -> Result<ComputeRpc> {
        let client = self.node(node)?.rpc().await;
        Ok(ComputeRpc::new(
            client.with_context(|| format!("{node} does not answer"))?,
        ))
    }

    /// Stops this node in its tracks, as a machine that hangs.
    pub async fn pause(&self, node: &str) -> Result<()> {
        self.node(node)?
            .pause()
            .await
            .with_context(|| format!("{node} cannot be paused"))
    }

    /// Ends all nodes.
    pub async fn stop(self) -> Result<()> {
        self.inner
            .destroy()
            .await
            .context("the network did not stop")
    }

    fn node(&self, name: &str) -> Result<&NetworkNode> {
        self.inner
            .get_node(name)
            .with_context(|| format!("there is no node {name}"))
    }
}

async fn wait_for_height(node: &NetworkNode, height: u32) -> Result<()> {
    let reached = node
        .wait_metric(FINALISED, |at| at >= f64::from(height))
        .await;
    reached.with_context(|| format!("{} has no finalised height", node.name()))
}

fn config(settings: &Settings) -> Result<NetworkConfig> {
    let node = text(&settings.node)?;
    let models = text(&settings.models)?;
    let [first, others @ ..] = VALIDATORS;
    let builder = NetworkConfigBuilder::new()
        .with_relaychain(|chain| {
            let chain = chain
                .with_chain(CHAIN)
                .with_default_command(node)
                .with_default_args(common_args())
                .with_chain_spec_command(CHAIN_SPEC_COMMAND)
                .chain_spec_command_is_local(true)
                .with_validator(|n| {
                    n.with_name(first)
                        .with_keystore_key_types(SESSION_KEYS.into())
                });
            let chain = others.iter().fold(chain, |chain, name| {
                chain.with_validator(|n| {
                    n.with_name(*name)
                        .with_keystore_key_types(SESSION_KEYS.into())
                })
            });
            PROVIDERS.iter().fold(chain, |chain, name| {
                chain.with_fullnode(|n| n.with_name(*name).with_args(provider_args(models)))
            })
        })
        .with_global_settings(|global| {
            let global = global
                .with_network_spawn_timeout(SPAWN_TIMEOUT)
                .with_node_spawn_timeout(SPAWN_TIMEOUT)
                .with_tear_down_on_failure(false);
            match &settings.dir {
                Some(dir) => global.with_base_dir(dir.clone()),
                None => global,
            }
        });
    builder.build().map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow!(
            "the network's configuration is wrong: {}",
            errors.join("; ")
        )
    })
}

/// Arguments of every node; a node's own replace the network's. Nothing is to be reached from outside
/// this machine, while zombienet's own choice is every address of it (`-:` takes an argument away).
fn common_args() -> Vec<Arg> {
    vec![
        "--no-mdns".into(),
        "-:--prometheus-external".into(),
        ("--listen-addr", "/ip4/127.0.0.1/tcp/0/ws").into(),
    ]
}

fn provider_args(models: &str) -> Vec<Arg> {
    let mut args = common_args();
    args.push("--provider".into());
    args.push(("--models", models).into());
    args.push(("--inference-threads", "1").into());
    args
}

fn text(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
