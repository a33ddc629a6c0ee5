//! How many jobs a second a real node settles: drives it through its JSON-RPC with requesters and with providers
//! whose workers sign real attestations and compute nothing. Wants the fresh development chain that
//! `scripts/bench-node.sh` starts. Prints lines of JSON, of which that script makes a table.

mod accounts;
mod chain;
mod cpu;
mod extrinsics;
mod load;
mod report;
mod rows;
mod send;
mod setup;

use anyhow::{ensure, Result};
use chain::{Blocks, Chain};
use clap::Parser;
use extrinsics::Extrinsics;
use load::{Limits, Load};
use pallet_compute_market::types::MAX_ASSIGNED;
use std::sync::Arc;

/// How many jobs a second a node settles.
#[derive(Debug, Parser)]
struct Options {
    /// The node's JSON-RPC.
    #[arg(long, default_value = "ws://127.0.0.1:9944")]
    url: String,
    /// The node's process, whose processor time is measured.
    #[arg(long, value_name = "PID")]
    node_pid: Option<u32>,
    /// Connections over which extrinsics are sent.
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Accounts that do jobs, 64 at once each.
    #[arg(long, value_name = "N", default_value = "40", value_parser = clap::value_parser!(u32).range(1..))]
    providers: u32,
    /// Accounts that ask for jobs.
    #[arg(long, value_name = "N", default_value = "500", value_parser = clap::value_parser!(u32).range(1..))]
    requesters: u32,
    /// Most jobs that are sent and not settled.
    ///
    /// Far more than are settled in the blocks that a job lives, so that it limits nothing; not so many that
    /// the warm-up is over before settlements have caught up with them.
    #[arg(long, value_name = "N", default_value = "5000", value_parser = clap::value_parser!(u32).range(1..))]
    in_flight: u32,
    /// Blocks before the measurement: until as many jobs are settled as are sent.
    #[arg(long, value_name = "N", default_value = "20")]
    warm_up: u32,
    /// Blocks of the measurement.
    #[arg(long, value_name = "N", default_value = "60", value_parser = clap::value_parser!(u32).range(1..))]
    blocks: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    ensure!(
        setup::is_affordable(options.requesters, options.providers),
        "Alice cannot fund so many accounts: give lower numbers of --requesters and --providers"
    );
    let chain = Arc::new(Chain::connect(&options.url, options.connections).await?);
    let mut blocks = Blocks::follow(chain.clone()).await?;
    let extrinsics = Arc::new(Extrinsics::new(chain.genesis));
    let requesters = accounts::requesters(options.requesters)?;
    let providers = accounts::providers(options.providers)?;

    eprintln!("Funding the accounts and bonding the providers");
    setup::fund(&chain, &mut blocks, &extrinsics, &requesters, &providers).await?;
    setup::bond(&chain, &mut blocks, &extrinsics, &providers).await?;

    let limits = Limits {
        in_flight: options.in_flight,
        capacity: options.providers.saturating_mul(MAX_ASSIGNED),
    };
    let load = Load::new(chain, extrinsics, limits, requesters, providers).await?;
    let measured = load
        .run(
            &mut blocks,
            options.warm_up,
            options.blocks,
            options.node_pid,
        )
        .await?;
    report::print(&measured);
    Ok(())
}
