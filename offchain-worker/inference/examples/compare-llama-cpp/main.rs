//! How near SmolLM2 on the exact kernels is to SmolLM2 in llama.cpp: the distributions of the next token
//! along greedy continuations of 100 prompts, and the token ids of 10,000 texts. The exit status says
//! whether they are near enough. `scripts/compare-llama-cpp.sh` runs it.
//!
//! Usage: compare-llama-cpp [--json] COMMAND...   COMMAND starts llama.cpp

mod distributions;
mod ids;
mod llama_cpp;
mod prompts;
mod texts;
mod truth;

use ids::Ids;
use kagari_inference::Model;
use kagari_primitives::known_models;
use llama_cpp::LlamaCpp;
use prompts::{Engines, Prompts};
use std::{path::PathBuf, process::ExitCode};
use truth::Truth;

/// What can go wrong is told to a person, and ends the run.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Compares, prints what was found, and says whether that is near enough.
fn run() -> Result<bool> {
    let mut command: Vec<String> = std::env::args().skip(1).collect();
    let as_json = command.first().is_some_and(|first| first == "--json");
    command.drain(..usize::from(as_json));
    let mut engines = load(&command)?;
    let ids = ids::compare(&engines.model, &mut engines.llama_cpp)?;
    let prompts = prompts::compare(&mut engines)?;
    match as_json {
        true => println!("{}", serde_json::json!({ "prompts": prompts, "ids": ids })),
        false => tell(&prompts, &ids),
    }
    Ok(prompts.are_near() && ids.agree())
}

fn load(command: &[String]) -> Result<Engines> {
    let models = std::env::var_os("KAGARI_MODELS").map(PathBuf::from);
    let models = models.ok_or("KAGARI_MODELS is not set: run scripts/compare-llama-cpp.sh")?;
    let manifest = known_models::smollm2_135m_instruct();
    let file = models.join(manifest.name_text()).join("model.gguf");
    Ok(Engines {
        llama_cpp: LlamaCpp::start(command)?,
        truth: Truth::load(&file, manifest.shape)?,
        model: Model::load(&models, manifest)?,
    })
}

fn tell(prompts: &Prompts, ids: &Ids) {
    println!("{prompts}");
    println!("{ids}");
}
