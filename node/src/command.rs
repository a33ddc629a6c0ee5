//! Does what the command line asks for.

// The SDK's error is large; it is made at most once.
#![allow(clippy::result_large_err)]

use crate::{
    chain_spec,
    cli::{Cli, Subcommand},
    service::{self, blocks_kept, FullBackend, FullClient, Partial},
};
use kagari_runtime::opaque::Block;
use sc_cli::{CliConfiguration, SubstrateCli};
use sc_service::{Configuration, TaskManager};
use std::{future::Future, sync::Arc};

impl SubstrateCli for Cli {
    fn impl_name() -> String {
        "Kagari Node".into()
    }

    fn impl_version() -> String {
        env!("SUBSTRATE_CLI_IMPL_VERSION").into()
    }

    fn description() -> String {
        env!("CARGO_PKG_DESCRIPTION").into()
    }

    fn author() -> String {
        "the Kagari developers".into()
    }

    fn support_url() -> String {
        "the README of Kagari's source".into()
    }

    fn copyright_start_year() -> i32 {
        2026
    }

    fn load_spec(&self, id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
        let spec = match id {
            "dev" => chain_spec::development()?,
            "" | "local" => chain_spec::local_testnet()?,
            path => chain_spec::ChainSpec::from_json_file(path.into())?,
        };
        Ok(Box::new(spec))
    }
}

/// Parses the command line and does what it asks for.
pub fn run() -> sc_cli::Result<()> {
    let cli = Cli::from_args();
    match &cli.subcommand {
        None => run_node(&cli),
        Some(subcommand) => run_subcommand(&cli, subcommand),
    }
}

/// Runs a node until it is told to end.
fn run_node(cli: &Cli) -> sc_cli::Result<()> {
    let runner = cli.create_runner(&cli.run)?;
    blocks_kept::check(runner.config().blocks_pruning)?;
    let params = cli.compute.clone();
    runner.run_node_until_exit(|config| async move {
        service::new_full(config, params).map_err(sc_cli::Error::Service)
    })
}

fn run_subcommand(cli: &Cli, subcommand: &Subcommand) -> sc_cli::Result<()> {
    match subcommand {
        Subcommand::Key(cmd) => cmd.run(cli),
        Subcommand::BuildSpec(cmd) => {
            let runner = cli.create_runner(cmd)?;
            runner.sync_run(|config| cmd.run(config.chain_spec, config.network))
        }
        Subcommand::ExportChainSpec(cmd) => cmd.run(cli.load_spec(&cmd.chain)?),
        Subcommand::CheckBlock(cmd) => {
            with_partial(cli, cmd, |_, p| cmd.run(p.client, p.import_queue))
        }
        Subcommand::ExportBlocks(cmd) => {
            with_partial(cli, cmd, |config, p| cmd.run(p.client, config.database))
        }
        Subcommand::ExportState(cmd) => {
            with_partial(cli, cmd, |config, p| cmd.run(p.client, config.chain_spec))
        }
        Subcommand::ImportBlocks(cmd) => {
            with_partial(cli, cmd, |_, p| cmd.run(p.client, p.import_queue))
        }
        Subcommand::PurgeChain(cmd) => {
            let runner = cli.create_runner(cmd)?;
            runner.sync_run(|config| cmd.run(config.database))
        }
        Subcommand::Revert(cmd) => with_partial(cli, cmd, |_, p| {
            cmd.run(p.client, p.backend, Some(Box::new(revert_consensus)))
        }),
        Subcommand::ChainInfo(cmd) => {
            let runner = cli.create_runner(cmd)?;
            runner.sync_run(|config| cmd.run::<Block>(&config))
        }
        #[cfg(feature = "runtime-benchmarks")]
        Subcommand::Benchmark(cmd) => benchmark(cli, cmd),
    }
}

/// Runs `work` on the parts of a node that needs no network.
fn with_partial<Cmd, Work, Fut>(cli: &Cli, cmd: &Cmd, work: Work) -> sc_cli::Result<()>
where
    Cmd: CliConfiguration,
    Work: FnOnce(Configuration, Parts) -> Fut,
    Fut: Future<Output = sc_cli::Result<()>>,
{
    cli.create_runner(cmd)?.async_run(|config| {
        let Partial {
            client,
            backend,
            task_manager,
            import_queue,
            ..
        } = service::new_partial(&config)?;
        let parts = Parts {
            client,
            backend,
            import_queue,
        };
        Ok::<(Fut, TaskManager), sc_cli::Error>((work(config, parts), task_manager))
    })
}

/// What subcommands work on.
struct Parts {
    client: Arc<FullClient>,
    backend: Arc<FullBackend>,
    import_queue: sc_consensus::DefaultImportQueue<Block>,
}

/// Takes back what consensus keeps beside the blocks.
fn revert_consensus(
    client: Arc<FullClient>,
    backend: Arc<FullBackend>,
    blocks: u32,
) -> sc_cli::Result<()> {
    sc_consensus_babe::revert(client.clone(), backend, blocks)?;
    sc_consensus_grandpa::revert(client, blocks)?;
    Ok(())
}

/// Measures the runtime's pallets, the cost of blocks and extrinsics as such, or the machine.
#[cfg(feature = "runtime-benchmarks")]
fn benchmark(cli: &Cli, cmd: &frame_benchmarking_cli::BenchmarkCmd) -> sc_cli::Result<()> {
    use frame_benchmarking_cli::{BenchmarkCmd, OpaqueBlock, SUBSTRATE_REFERENCE_HARDWARE};
    use sp_runtime::traits::HashingFor;

    cli.create_runner(cmd)?.sync_run(|config| match cmd {
        BenchmarkCmd::Pallet(cmd) => {
            cmd.run_with_spec::<HashingFor<Block>, ()>(Some(config.chain_spec))
        }
        BenchmarkCmd::Overhead(cmd) => {
            cmd.run_with_default_builder_and_spec::<OpaqueBlock, ()>(Some(config.chain_spec))
        }
        BenchmarkCmd::Machine(cmd) => cmd.run(&config, SUBSTRATE_REFERENCE_HARDWARE.clone()),
        _ => Err(
            "this node has `benchmark pallet`, `benchmark overhead` and `benchmark machine`".into(),
        ),
    })
}
