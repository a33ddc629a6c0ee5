//! The connection to a node.

use crate::failure::Failure;
use anyhow::{Context, Result};
use codec::DecodeAll;
use kagari_primitives::{Manifest, ModelId};
use subxt::{
    backend::LegacyBackend,
    config::RpcConfigFor,
    rpcs::{LegacyRpcMethods, RpcClient},
    utils::AccountId32,
    OnlineClient, OnlineClientAtBlock, SubstrateConfig,
};

/// The chain at one block.
pub type ChainAt = OnlineClientAtBlock<SubstrateConfig>;

/// A node, and the chain as it sees it.
pub struct Node {
    rpc: RpcClient,
    methods: LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>,
    chain: OnlineClient<SubstrateConfig>,
}

impl Node {
    /// Connects to the node at `url`.
    pub async fn connect(url: &str) -> Result<Self> {
        let rpc = RpcClient::from_insecure_url(url)
            .await
            .map_err(|error| unreachable_node(url, &error))?;
        // subxt's other back ends work on the last finalised block. A job is over within seconds:
        // this one sees the best block, and says more about a transaction that is refused.
        let backend = LegacyBackend::builder().build(rpc.clone());
        let chain = OnlineClient::from_backend_with_config(SubstrateConfig::new(), backend.into())
            .await
            .with_context(|| format!("The node at {url} doesn't tell its chain"))?;
        Ok(Self {
            methods: LegacyRpcMethods::new(rpc.clone()),
            rpc,
            chain,
        })
    }

    /// For calls of RPC methods.
    pub fn rpc(&self) -> &RpcClient {
        &self.rpc
    }

    /// The chain at the best block.
    pub async fn at_best(&self) -> Result<ChainAt> {
        let best = self
            .methods
            .chain_get_block_hash(None)
            .await
            .map_err(Failure::from)?;
        let best = best.context("The node has no block")?;
        Ok(self.chain.at_block(best).await?)
    }

    /// The chain at the block of this height on the best chain.
    pub async fn at_height(&self, height: u32) -> Result<ChainAt> {
        Ok(self.chain.at_block(height).await?)
    }

    /// A registered model in full, as the runtime knows it at the best block.
    pub async fn model(&self, model: ModelId) -> Result<Option<Manifest>, Failure> {
        let id = model.as_bytes();
        let answer = self.methods.state_call("ComputeApi_model", Some(id), None);
        DecodeAll::decode_all(&mut &answer.await?[..]).map_err(|error| {
            Failure::new(format!(
                "The runtime's answer can't be read ({error}): is it as new as this command?"
            ))
        })
    }

    /// The nonce of the account's next transaction; those that still wait in the pool count.
    pub async fn next_nonce(&self, account: &AccountId32) -> Result<u64> {
        let nonce = self.methods.system_account_next_index(account).await;
        Ok(nonce.map_err(Failure::from)?)
    }
}

fn unreachable_node(url: &str, error: &subxt::rpcs::Error) -> Failure {
    Failure::new(format!(
        "No node answers at {url} ({}). Start one, for example with `kagari-node --dev --provider`, \
         or name another with --url.",
        innermost(error)
    ))
}

/// What the outer errors wrap: they only add that a transport failed.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    let text = error.to_string();
    // The RPC client's own errors are boxed without a source: their words stand after the colons.
    text.rsplit("error: ").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refused_connection_names_the_address_and_the_way_out() {
        // Bound and dropped: nothing listens on this port any more.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
        let url = format!("ws://{}", listener.local_addr().expect("has an address"));
        drop(listener);
        let error = Node::connect(&url).await.err().expect("nobody listens");
        let told = error.to_string();
        assert!(
            told.contains(&url) && told.contains("kagari-node --dev"),
            "{told}"
        );
        assert!(told.contains("refused"), "{told}");
    }
}
