//! The accounts that sell inference.

use crate::MODEL;
use anyhow::Result;
use kagari_network_test::{kgr, network::PROVIDERS, Network, Progress, KGR};
use zombienet_sdk::{
    subxt::utils::AccountId32,
    subxt_signer::sr25519::{dev, Keypair},
};

/// An account that sells inference, on one node.
pub struct Seller {
    /// Its name.
    pub name: &'static str,
    /// Its key.
    pub account: Keypair,
    /// The node that works for it.
    pub node: &'static str,
    /// What it asks per work unit.
    pub price: u128,
}

/// The sellers, dearest first, so that neither the order of the nodes nor that of the offers decides.
/// None of them is an authority of the chain.
pub fn sellers() -> Result<[Seller; 3]> {
    let [first, second, third] = PROVIDERS;
    let stash = Keypair::from_uri(&"//Eve//stash".parse()?)?;
    Ok([
        Seller {
            name: "eve",
            account: dev::eve(),
            node: first,
            price: KGR / 200,
        },
        Seller {
            name: "eve//stash",
            account: stash,
            node: second,
            price: KGR / 400,
        },
        Seller {
            name: "ferdie",
            account: dev::ferdie(),
            node: third,
            price: KGR / 500,
        },
    ])
}

impl Seller {
    /// Its address.
    pub fn id(&self) -> AccountId32 {
        self.account.public_key().to_account_id()
    }

    /// Makes it a provider with an offer, through its own node.
    pub async fn open(&self, network: &Network, progress: &Progress) -> Result<()> {
        let chain = network.chain(self.node).await?;
        let rpc = network.compute(self.node).await?;
        let key = rpc.rotate_worker_key(&self.id()).await?;
        let bond = chain.min_bond().await?;
        chain.register_provider(&self.account, bond, &key).await?;
        let model = rpc.prepare(MODEL, "Hello", 1).await?.model;
        chain.set_offer(&self.account, model, self.price, 1).await?;
        progress.say(format!(
            "{} works on {}: bond {} KGR, {} KGR a work unit",
            self.name,
            self.node,
            kgr(bond),
            kgr(self.price)
        ));
        Ok(())
    }
}
