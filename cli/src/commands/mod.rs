//! The commands.

pub mod account;
pub mod balance;
pub mod embed;
pub mod infer;
pub mod job;
pub mod models;
mod order;
pub mod provider;
mod send;
mod verify;

use crate::{args::Global, args::KeyArgs, compute::Compute, connect::Node, output::Output};
use anyhow::Result;

/// What every command works with.
pub struct Session {
    /// The node.
    pub node: Node,
    /// Its address.
    pub url: String,
    /// Who signs.
    pub keys: KeyArgs,
    /// Where answers go.
    pub output: Output,
}

/// How a command ended that met no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All done.
    Done,
    /// The job was refunded, cancelled or discarded.
    Unpaid,
    /// What was attested is not what the model gives.
    Differs,
}

impl Session {
    /// Connects to the node that the arguments name.
    pub async fn open(global: &Global, keys: KeyArgs, output: Output) -> Result<Self> {
        let node = Node::connect(&global.url).await?;
        Ok(Self {
            node,
            url: global.url.clone(),
            keys,
            output,
        })
    }

    /// The node's methods for jobs.
    pub fn compute(&self) -> Compute<'_> {
        Compute::new(self.node.rpc())
    }
}
