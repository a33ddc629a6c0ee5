//! The node's command line.

use clap::Args;
use kagari_offchain_worker::{inference::user_models_dir, resources::InferenceResources};
use sc_cli::RunCmd;
use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::{Path, PathBuf},
};

/// The whole command line.
#[derive(Debug, clap::Parser)]
pub struct Cli {
    /// What to do instead of running a node.
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,
    /// The options of every node.
    #[clap(flatten)]
    pub run: RunCmd,
    /// The options of inference.
    #[clap(flatten)]
    pub compute: ComputeParams,
}

/// What a node can do instead of running.
#[derive(Debug, clap::Subcommand)]
// Made once, from the command line: its size costs nothing.
#[allow(clippy::large_enum_variant)]
pub enum Subcommand {
    /// Make, inspect and insert keys.
    #[command(subcommand)]
    Key(sc_cli::KeySubcommand),
    /// Build a chain specification.
    BuildSpec(sc_cli::BuildSpecCmd),
    /// Export a chain specification.
    ExportChainSpec(sc_cli::ExportChainSpecCmd),
    /// Validate blocks.
    CheckBlock(sc_cli::CheckBlockCmd),
    /// Export blocks.
    ExportBlocks(sc_cli::ExportBlocksCmd),
    /// Export the state of a block into a chain specification.
    ExportState(sc_cli::ExportStateCmd),
    /// Import blocks.
    ImportBlocks(sc_cli::ImportBlocksCmd),
    /// Remove the whole chain.
    PurgeChain(sc_cli::PurgeChainCmd),
    /// Take the chain back to an earlier block.
    Revert(sc_cli::RevertCmd),
    /// Show where the chain in the database stands.
    ChainInfo(sc_cli::ChainInfoCmd),
    /// Measure weights.
    #[cfg(feature = "runtime-benchmarks")]
    #[command(subcommand)]
    Benchmark(frame_benchmarking_cli::BenchmarkCmd),
}

/// The options of inference.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Inference")]
pub struct ComputeParams {
    /// Take jobs: run the worker of a provider.
    ///
    /// The worker does what the chain assigns to the worker key in the node's keystore. Make that key
    /// with the RPC method `compute_rotateWorkerKey` and register it on the chain.
    #[arg(long)]
    pub provider: bool,

    /// Folder of the models.
    ///
    /// Each model has a subfolder, named as in its manifest, with `model.gguf`, or with
    /// `model.safetensors` and `tokenizer.json`. A node that has the folder also turns text into token
    /// ids, and back, for those who ask by RPC.
    ///
    /// Without it: `models` in the base path, or, where that does not exist, `kagari/models` in the
    /// user's cache folder, which is where the setup script puts models.
    #[arg(long, value_name = "DIR", env = "KAGARI_MODELS")]
    pub models: Option<PathBuf>,

    /// Threads and memory.
    #[command(flatten)]
    pub resources: InferenceResources,

    /// Longest that one job may compute, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "600")]
    pub inference_timeout: NonZeroU64,

    /// Jobs that are computed together, which takes less time than one after the other, and more memory.
    #[arg(long, value_name = "N", default_value = "8")]
    pub inference_concurrency: NonZeroUsize,
}

impl ComputeParams {
    /// The folder of the models.
    pub fn models_dir(&self, base_path: &Path) -> PathBuf {
        self.models.clone().unwrap_or_else(|| {
            let own = base_path.join("models");
            if own.is_dir() {
                return own;
            }
            user_models_dir().unwrap_or(own)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["kagari-node"], args].concat())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_provider_s_options_are_understood() {
        let args = [
            "--dev",
            "--provider",
            "--models",
            "/m",
            "--inference-threads",
            "3",
        ];
        let cli = parse(&args).expect("these options exist");
        assert!(cli.compute.provider);
        assert_eq!(cli.compute.models_dir(Path::new("/base")), Path::new("/m"));
        assert_eq!(cli.compute.resources.threads(), 3);
    }

    #[test]
    fn a_node_is_no_provider_unless_told() {
        let cli = parse(&["--dev"]).expect("this option exists");
        assert!(!cli.compute.provider);
        assert!(cli.compute.resources.threads() >= 1);
    }

    #[test]
    fn limits_of_zero_are_refused() {
        for option in ["threads", "memory", "timeout", "concurrency"] {
            assert!(
                parse(&[&format!("--inference-{option}"), "0"]).is_err(),
                "{option}"
            );
            assert!(
                parse(&[&format!("--inference-{option}"), "1"]).is_ok(),
                "{option}"
            );
        }
    }

    #[test]
    fn models_in_the_base_path_come_first() {
        let base = tempfile::tempdir().expect("a temporary folder can be made");
        let mut params = parse(&[]).expect("no option is needed").compute;
        params.models = None;
        let own = base.path().join("models");
        assert_ne!(params.models_dir(base.path()), own);
        std::fs::create_dir(&own).expect("the folder is ours");
        assert_eq!(params.models_dir(base.path()), own);
    }
}
