//! The node as a service: its parts, and how they are put together.

// The SDK's error is large; it is made at most once.
#![allow(clippy::result_large_err)]

mod authoring;
pub mod blocks_kept;
mod compute;
mod finality;
mod full;
mod network;
mod partial;

pub use full::new_full;
pub use partial::{new_partial, Partial};

use kagari_runtime::{opaque::Block, RuntimeApi};
use std::sync::Arc;

/// The host functions that the runtime may call: those of the SDK, and none of our own, so that every
/// standard tool can run the runtime.
#[cfg(not(feature = "runtime-benchmarks"))]
pub type HostFunctions = sp_io::SubstrateHostFunctions;
/// The host functions that the runtime may call, and those that measure it.
#[cfg(feature = "runtime-benchmarks")]
pub type HostFunctions = (
    sp_io::SubstrateHostFunctions,
    frame_benchmarking::benchmarking::HostFunctions,
);

/// Runs the runtime.
pub type RuntimeExecutor = sc_executor::WasmExecutor<HostFunctions>;
/// The client: everything known of the chain.
pub type FullClient = sc_service::TFullClient<Block, RuntimeApi, RuntimeExecutor>;
/// The database under the client.
pub type FullBackend = sc_service::TFullBackend<Block>;
/// How the best chain is chosen.
pub type FullSelectChain = sc_consensus::LongestChain<FullBackend, Block>;
/// The transaction pool.
pub type FullPool = sc_transaction_pool::TransactionPoolHandle<Block, FullClient>;

type GrandpaImport =
    sc_consensus_grandpa::GrandpaBlockImport<FullBackend, Block, FullClient, FullSelectChain>;
type GrandpaLink = sc_consensus_grandpa::LinkHalf<Block, FullClient, FullSelectChain>;
type BabeImport = sc_consensus_babe::BabeBlockImport<
    Block,
    FullClient,
    GrandpaImport,
    Arc<authoring::SlotInherents>,
    FullSelectChain,
>;
