//! The command line: what is taken and what is refused.

use super::*;
use clap::{error::ErrorKind, CommandFactory};

const JOB: &str = "0x00000000000000000000000000000000000000000000000000000000000000ff";

fn parse(args: &[&str]) -> Result<Cli, ErrorKind> {
    let args = ["kagari"].iter().chain(args);
    Cli::try_parse_from(args).map_err(|error| error.kind())
}

fn infer(args: &[&str]) -> Result<InferArgs, ErrorKind> {
    let cli = parse(&[&["infer", "Why?"], args].concat())?;
    let Command::Infer(infer) = cli.command else {
        panic!("`infer` was asked for; qed")
    };
    Ok(infer)
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn defaults_are_the_plain_case() {
    let infer = infer(&[]).expect("parses");
    assert_eq!(infer.max_new_tokens, None);
    assert_eq!(
        (infer.temperature, infer.top_p, infer.seed),
        (Thousandths(0), Thousandths(1_000), 0)
    );
    assert!(infer.order.max_price.is_none() && infer.order.model.is_none());
    let cli = parse(&["models"]).expect("parses");
    assert_eq!(cli.global.url, "ws://127.0.0.1:9944");
    assert!(!cli.global.json && cli.keys.account.is_none());
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    for args in [
        ["--json", "--account", "alice", "models"],
        ["models", "--account", "alice", "--json"],
    ] {
        let cli = parse(&args).expect("parses");
        assert!(cli.global.json);
        assert_eq!(cli.keys.account, Some(DevAccount::Alice));
    }
}

#[test]
fn figures_beyond_their_bounds_are_refused() {
    assert!(infer(&[
        "--temperature",
        "10",
        "--top-p",
        "0.001",
        "--max-new-tokens",
        "8192"
    ])
    .is_ok());
    for (option, value) in [
        ("--temperature", "10.001"),
        ("--temperature", "-1"),
        ("--temperature", "0.0001"),
        ("--top-p", "0"),
        ("--top-p", "1.001"),
        ("--max-new-tokens", "0"),
        ("--max-new-tokens", "8193"),
        ("--deadline", "0"),
        ("--max-price", "-1"),
        ("--max-price", "0.0000000000001"),
    ] {
        let refused = infer(&[&format!("{option}={value}")]).expect_err(option);
        assert_eq!(refused, ErrorKind::ValueValidation, "{option} {value}");
    }
}

#[test]
fn a_prompt_may_be_stdin_or_stand_after_two_hyphens() {
    for args in [&["infer", "-"][..], &["infer", "--", "--- what is this?"]] {
        let cli = parse(args).expect("parses");
        assert!(
            matches!(cli.command, Command::Infer(infer) if infer.prompt == *args[args.len() - 1])
        );
    }
    assert_eq!(
        parse(&["infer"]).err(),
        Some(ErrorKind::MissingRequiredArgument)
    );
    // A misspelt option must not be sent, and paid for, as a prompt.
    assert_eq!(
        parse(&["infer", "--temprature"]).err(),
        Some(ErrorKind::UnknownArgument)
    );
}

#[test]
fn a_key_is_never_an_argument() {
    for option in ["--mnemonic", "--suri", "--seed-phrase", "--password"] {
        assert_eq!(
            parse(&[option, "x", "models"]).err(),
            Some(ErrorKind::UnknownArgument)
        );
    }
    let made_up = parse(&["--account", "//Alice", "models"]).err();
    assert_eq!(made_up, Some(ErrorKind::InvalidValue));
    let both = parse(&["--account", "bob", "--key-file", "f", "models"]).err();
    assert_eq!(both, Some(ErrorKind::ArgumentConflict));
}

#[test]
fn a_worker_key_of_ones_own_needs_its_proof() {
    let worker = format!("0x{}", "11".repeat(32));
    let proof = format!("0x{}", "22".repeat(64));
    let register = ["provider", "register", "--bond", "5"];
    let with = |more: &[&str]| parse(&[&register, more].concat()).map(|_| ());
    assert!(with(&[]).is_ok());
    assert!(with(&["--worker-key-from-node"]).is_ok());
    assert!(with(&["--worker", &worker, "--proof", &proof]).is_ok());
    assert_eq!(
        with(&["--worker", &worker]),
        Err(ErrorKind::MissingRequiredArgument)
    );
    let both = with(&[
        "--worker-key-from-node",
        "--worker",
        &worker,
        "--proof",
        &proof,
    ]);
    assert_eq!(both, Err(ErrorKind::ArgumentConflict));
    let swapped = with(&["--worker", &proof, "--proof", &worker]);
    assert_eq!(swapped, Err(ErrorKind::ValueValidation));
}

#[test]
fn ids_and_addresses_are_checked() {
    assert!(parse(&["job", "show", JOB]).is_ok());
    for id in ["1", "0x12", &JOB[2..], &JOB.replace('f', "g")] {
        assert_eq!(
            parse(&["job", "show", id]).err(),
            Some(ErrorKind::ValueValidation),
            "{id}"
        );
    }
    assert!(parse(&["balance", "bob"]).is_ok());
    assert_eq!(
        parse(&["balance", "5F"]).err(),
        Some(ErrorKind::ValueValidation)
    );
    let http = parse(&["--url", "http://127.0.0.1:9944", "models"]).err();
    assert_eq!(http, Some(ErrorKind::ValueValidation));
}

#[test]
fn whose_and_who_signs_are_two_things() {
    for command in [&["balance"][..], &["provider", "status"]] {
        let args = [command, &["bob", "--account", "alice"]].concat();
        let cli = parse(&args).expect("parses");
        assert_eq!(cli.keys.account, Some(DevAccount::Alice));
        let (Command::Balance { whose } | Command::Provider(ProviderCommand::Status { whose })) =
            cli.command
        else {
            panic!("one of these was asked for; qed")
        };
        assert_eq!(whose, Some(DevAccount::Bob.account()));
    }
}

#[test]
fn an_offer_needs_room_and_a_price() {
    let offer = ["provider", "offer", "--model", "m", "--price", "0.001"];
    assert!(parse(&offer).is_ok());
    let none = parse(&[&offer[..], &["--capacity", "0"]].concat()).err();
    assert_eq!(none, Some(ErrorKind::ValueValidation));
    assert_eq!(
        parse(&offer[..4]).err(),
        Some(ErrorKind::MissingRequiredArgument)
    );
}

#[test]
fn a_replay_that_fails_is_told_from_one_that_finds_a_difference() {
    let cli = parse(&["job", "verify", JOB, "--models", "/m"]).expect("parses");
    assert_eq!(cli.command.failure_code(), 2);
    let Command::Job(JobCommand::Verify(verify)) = cli.command else {
        panic!("`job verify` was asked for; qed")
    };
    assert_eq!(verify.models, Some("/m".into()));
    assert_eq!(verify.resources.inference_memory.get(), 4_096);
    let show = parse(&["job", "show", JOB]).expect("parses");
    assert_eq!(show.command.failure_code(), 1);
    for option in ["--inference-threads", "--inference-memory"] {
        let none = parse(&["job", "verify", JOB, option, "0"]).err();
        assert_eq!(none, Some(ErrorKind::ValueValidation), "{option}");
    }
}
