//! `kagari`: the command for requesters and providers of Kagari.

#![cfg_attr(test, allow(clippy::expect_used))]

mod amount;
mod arg_values;
mod args;
mod balances;
mod calls;
mod claim;
mod commands;
mod compute;
mod connect;
mod failure;
mod follow;
mod job_view;
mod keys;
mod machine;
mod output;
mod progress;
mod submit;
mod text_input;
mod verdict;

use anyhow::Result;
use args::{AccountCommand, Cli, Command};
use clap::Parser;
use commands::{account, balance, embed, infer, job, models, provider, Ended, Session};
use failure::Failure;
use kagari_offchain_worker::inference_child;
use output::Output;
use std::process::ExitCode;

/// The user stopped the command: 128 and the number of the signal, as shells have it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    // Before there is any other thread.
    if let Some(exit) = inference_child::serve_if_asked(std::env::args_os()) {
        return exit;
    }
    run_command()
}

#[tokio::main]
async fn run_command() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(&error),
    };
    let output = Output::new(cli.global.json);
    let failed = cli.command.failure_code();
    match run(cli, output).await {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::Differs) => ExitCode::from(1),
        Ok(Ended::Unpaid) => ExitCode::from(3),
        Err(error) => {
            let failure = Failure::of_any(&error);
            output.failure(&failure);
            ExitCode::from(match failure.interrupted {
                true => INTERRUPTED,
                false => failed,
            })
        }
    }
}

/// Tells what is wrong with the command line; help and version are no errors.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    let for_program = error.use_stderr() && std::env::args_os().any(|arg| arg == "--json");
    if for_program {
        let words = error.render().to_string();
        let words = words.trim().trim_start_matches("error: ");
        Output::new(true).failure(&Failure::new(words));
    } else {
        let _ = error.print();
    }
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

async fn run(cli: Cli, output: Output) -> Result<Ended> {
    // Needs no node.
    if let Command::Account(AccountCommand::New) = cli.command {
        return account::new(&cli.keys, output);
    }
    let session = Session::open(&cli.global, cli.keys, output).await?;
    match cli.command {
        Command::Models => models::list(&session).await,
        Command::Provider(command) => provider::run(&session, command).await,
        Command::Infer(args) => infer::run(&session, &args).await,
        Command::Embed(args) => embed::run(&session, &args).await,
        Command::Job(command) => job::run(&session, command).await,
        Command::Balance { whose } => balance::show(&session, whose).await,
        Command::Account(AccountCommand::New) => unreachable!("it was done above; qed"),
    }
}
