//! What the command line can say.

use crate::{
    amount::{Amount, Thousandths},
    arg_values::{
        parse_bytes, parse_description, parse_hash, parse_region, parse_temperature, parse_top_p,
        parse_url,
    },
    keys::{parse_account, DevAccount},
};
use clap::{ArgGroup, Args, Parser, Subcommand};
use kagari_offchain_worker::resources::InferenceResources;
use kagari_primitives::{Hash, Region};
use std::{ffi::OsString, path::PathBuf};
use subxt::utils::AccountId32;

/// What `--help` says last.
const AFTER_HELP: &str = "\
Exit codes: 0 done (for a job: settled), 1 error, 2 wrong usage, 3 the job was refunded, cancelled
or discarded, 130 interrupted. Of `job verify`: 0 the job holds, 1 it differs, 2 error.

With --json, each command prints one JSON object on stdout, and an error is one object on stderr:
  {\"error\": \"what went wrong\", \"name\"?: \"ComputeMarket.NoOfferInReach\", \"job\"?: \"0x…\"}
Keys are camelCase, amounts are strings in units of 10^-12 KGR, ids and hashes 0x and hex digits,
accounts SS58 addresses, blocks numbers.
  models                   {\"models\": […]}         as `compute_models` has them, with \"offers\"
  provider status          {\"provider\": {…}|null}  as `compute_provider` has it
  other provider commands  {\"transaction\": {\"block\", \"blockHash\", \"hash\", \"fee\"}, …}
  infer, embed             {\"job\": {…}, \"transaction\": {…}, \"answer\"|\"vector\",
                            \"balanceBefore\", \"balanceAfter\"}
  job show, job watch      {\"job\": {…}}            as `compute_job` has it
  job verify               {\"job\", \"model\", \"provider\", \"holds\",
                            \"differs\"?: \"output\"|\"traceRoot\", \"position\"?}
  balance                  {\"account\", \"block\", \"free\", \"held\", \"holds\": {reason: amount}}
  account new              {\"account\", \"keyFile\"}

Prompts and answers of jobs on the chain are public.";

/// Buy AI inference from machines all over the world, or sell it, on the Kagari chain.
#[derive(Debug, Parser)]
#[command(name = "kagari", version, after_long_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    /// Which node, and how to answer.
    #[command(flatten)]
    pub global: Global,
    /// Who signs.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Heading of the options that every command has.
const GENERAL: &str = "Node, form and key";

/// Which node, and how to answer.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// WebSocket address of a node.
    #[arg(
        long,
        global = true,
        help_heading = GENERAL,
        default_value = "ws://127.0.0.1:9944",
        value_parser = parse_url
    )]
    pub url: String,
    /// Answer with one JSON object, for programs (see `kagari --help`).
    #[arg(long, global = true, help_heading = GENERAL)]
    pub json: bool,
}

/// Who signs.
#[derive(Clone, Debug, Default, Args)]
pub struct KeyArgs {
    /// Sign with a development account; anyone knows its key.
    #[arg(
        long,
        global = true,
        help_heading = GENERAL,
        value_enum,
        value_name = "NAME",
        conflicts_with = "key_file"
    )]
    pub account: Option<DevAccount>,
    /// Sign with the mnemonic or secret URI in this file, which only you may be able to read.
    /// Without it and --account, the key is asked for.
    #[arg(long, global = true, help_heading = GENERAL, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the models and what they cost.
    Models,
    /// Sell compute: bond, offer, look, stop.
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Have a model answer a prompt, and pay for it.
    Infer(InferArgs),
    /// Have a model turn a text into a vector, and pay for it.
    Embed(EmbedArgs),
    /// Look at a job, or replay it.
    #[command(subcommand)]
    Job(JobCommand),
    /// Show what an account has.
    Balance {
        /// The account; else the one that --account or --key-file names.
        #[arg(value_parser = parse_account, value_name = "ACCOUNT")]
        whose: Option<AccountId32>,
    },
    /// Make accounts.
    #[command(subcommand)]
    Account(AccountCommand),
}

impl Command {
    /// What the command exits with where it fails. Of a replay, 1 says that a job does not hold.
    pub fn failure_code(&self) -> u8 {
        match self {
            Self::Job(JobCommand::Verify(_)) => 2,
            _ => 1,
        }
    }
}

/// Sell compute.
#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Become a provider: hold a bond and name the worker key that attests.
    Register(RegisterArgs),
    /// Offer a model at a price, or change the offer.
    Offer(OfferArgs),
    /// Take the offer for a model back.
    RemoveOffer {
        /// Name or id of the model.
        #[arg(long)]
        model: String,
    },
    /// Show a provider.
    Status {
        /// The provider; else the account that --account or --key-file names.
        #[arg(value_parser = parse_account, value_name = "ACCOUNT")]
        whose: Option<AccountId32>,
    },
    /// Show what a provider was rewarded with in the latest eras, and how it comes about.
    Earnings {
        /// The provider; else the account that --account or --key-file names.
        #[arg(value_parser = parse_account, value_name = "ACCOUNT")]
        whose: Option<AccountId32>,
        /// How many eras to show.
        #[arg(long, default_value = "8", value_parser = clap::value_parser!(u32).range(1..=32))]
        eras: u32,
    },
    /// Give a job back that is assigned to you, for another provider to do. One now and then is for nothing;
    /// any other costs what a missed deadline costs.
    Decline {
        /// Id of the job.
        #[arg(value_parser = parse_hash)]
        job: Hash,
    },
    /// Stop: withdraw the offers and let the bond go after a while.
    Unbond,
    /// Take the bond back, once its time is over.
    Withdraw,
}

/// How to register as a provider.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("worker_source").args(["worker_key_from_node", "worker"])))]
pub struct RegisterArgs {
    /// The bond, in KGR: held while you are a provider.
    #[arg(long, value_name = "KGR")]
    pub bond: Amount,
    /// Let the node make its worker key (`compute_rotateWorkerKey`): what is done by default. The
    /// node must be your own, and allow unsafe RPC calls.
    #[arg(long)]
    pub worker_key_from_node: bool,
    /// The worker key that another node of yours made with `compute_rotateWorkerKey`.
    #[arg(long, value_name = "0xHEX", requires = "proof", value_parser = parse_bytes::<32>)]
    pub worker: Option<[u8; 32]>,
    /// The proof that came with that worker key.
    #[arg(long, value_name = "0xHEX", requires = "worker", value_parser = parse_bytes::<64>)]
    pub proof: Option<[u8; 64]>,
    /// Processor and accelerators in your own words, at most 128 bytes.
    #[arg(long, default_value = "", value_parser = parse_description)]
    pub description: String,
    /// Processor cores; else those of this machine, where the node runs on it.
    #[arg(long)]
    pub cores: Option<u16>,
    /// Memory in MiB; else that of this machine, where the node runs on it.
    #[arg(long, value_name = "MIB")]
    pub memory: Option<u32>,
    /// Where the machine stands: africa, asia, europe, latin-america, northern-america or oceania. Jobs may ask
    /// for a region.
    #[arg(long, value_parser = parse_region)]
    pub region: Option<Region>,
}

/// What to offer.
#[derive(Debug, Args)]
pub struct OfferArgs {
    /// Name or id of the model.
    #[arg(long)]
    pub model: String,
    /// Price in KGR per work unit (10^9 multiply-accumulates).
    #[arg(long, value_name = "KGR")]
    pub price: Amount,
    /// Jobs at once.
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    pub capacity: u16,
}

/// What to ask a model.
#[derive(Debug, Args)]
pub struct InferArgs {
    /// The prompt, or `-` to read it from stdin (one line end at its end is dropped). It will be
    /// public.
    pub prompt: OsString,
    /// What the model is told before the prompt; else its own default.
    #[arg(long)]
    pub system: Option<OsString>,
    /// Most tokens of the answer; else what the node suggests.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=8_192))]
    pub max_new_tokens: Option<u32>,
    /// 0 takes the likeliest token every time; above, the answer varies. At most 10.
    #[arg(long, default_value = "0", value_parser = parse_temperature)]
    pub temperature: Thousandths,
    /// Share of the probability that tokens are drawn from, above 0, at most 1.
    #[arg(long, default_value = "1", value_parser = parse_top_p)]
    pub top_p: Thousandths,
    /// Seed of the draws.
    #[arg(long, default_value = "0")]
    pub seed: u64,
    /// The model and the money.
    #[command(flatten)]
    pub order: OrderArgs,
}

/// What to embed.
#[derive(Debug, Args)]
pub struct EmbedArgs {
    /// The text, or `-` to read it from stdin (one line end at its end is dropped). It will be
    /// public.
    pub text: OsString,
    /// The model and the money.
    #[command(flatten)]
    pub order: OrderArgs,
}

/// The terms on which a job is sent.
#[derive(Clone, Debug, Args)]
pub struct OrderArgs {
    /// Name or id of the model; else the first that fits and that somebody offers.
    #[arg(long)]
    pub model: Option<String>,
    /// Most that the job may cost in all; else what the node suggests, a little above its estimate.
    /// It never raises the price.
    #[arg(long, value_name = "KGR")]
    pub max_price: Option<Amount>,
    /// Blocks that a provider has; else what the node suggests.
    #[arg(long, value_name = "BLOCKS", value_parser = clap::value_parser!(u32).range(1..))]
    pub deadline: Option<u32>,
}

/// Look at a job, or replay it.
#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// Show a job as it stands.
    Show {
        /// Id of the job.
        #[arg(value_parser = parse_hash)]
        job: Hash,
    },
    /// Follow a job until it has ended.
    Watch {
        /// Id of the job.
        #[arg(value_parser = parse_hash)]
        job: Hash,
    },
    /// Cancel a job of yours that is not attested yet. The time that it took up is paid for.
    Cancel {
        /// Id of the job.
        #[arg(value_parser = parse_hash)]
        job: Hash,
    },
    /// Replay a job on this machine, whoever computed it, and tell whether what was attested holds.
    ///
    /// Input, output and trace root are those of the chain, as the node tells them: that they have the
    /// hashes that the chain keeps is checked, as are the model's files. The model runs in a process of
    /// its own.
    ///
    /// Exit codes: 0 it holds, 1 it differs, 2 it could not be found out.
    Verify(VerifyArgs),
}

/// What to replay, and how.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Id of the job.
    #[arg(value_parser = parse_hash)]
    pub job: Hash,
    /// Folder of the models, with a subfolder for each; without it, `kagari/models` in the user's cache
    /// folder, which is where the setup script puts models.
    #[arg(long, value_name = "DIR", env = "KAGARI_MODELS")]
    pub models: Option<PathBuf>,
    /// Threads and memory.
    #[command(flatten)]
    pub resources: InferenceResources,
}

/// Make accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make a key and write its mnemonic into a new file, the one that --key-file names.
    New,
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
