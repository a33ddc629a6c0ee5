//! The subcommand `inference-child`, as which the node starts itself to run models.

use clap::Parser;
use kagari_inference::child::{self, ChildLimits};
use std::{ffi::OsString, process::ExitCode};

/// Name of the subcommand; the worker starts the child by it.
const NAME: &str = "inference-child";

/// The child's arguments. It is internal, so neither the node's help nor its subcommands name it.
#[derive(Debug, Parser)]
#[command(name = NAME, about = "Runs models for the node that started it (internal)")]
struct ChildArgs {
    /// Most memory that the child may take, in MiB.
    #[arg(long, value_name = "MIB")]
    memory_mib: u64,
    /// Threads that compute.
    #[arg(long, value_name = "N")]
    threads: usize,
    /// Jobs that run at the same time.
    #[arg(long, value_name = "N")]
    concurrency: usize,
    /// Requests that wait for their turn; more are refused.
    #[arg(long, value_name = "N", default_value_t = 32)]
    queue: usize,
}

impl From<ChildArgs> for ChildLimits {
    fn from(args: ChildArgs) -> Self {
        let ChildArgs {
            memory_mib,
            threads,
            concurrency,
            queue,
        } = args;
        Self {
            memory_mib,
            threads,
            concurrency,
            queue,
        }
    }
}

/// Serves as the inference child if the program was started as one; `None` if it was not.
pub fn serve_if_asked(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let args: Vec<_> = args.into_iter().skip(1).collect();
    if args.first().is_none_or(|first| first != NAME) {
        return None;
    }
    Some(child::serve(ChildArgs::parse_from(args).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(list: &[&str]) -> Vec<OsString> {
        list.iter().map(OsString::from).collect()
    }

    #[test]
    fn other_commands_are_left_alone() {
        assert!(serve_if_asked(args(&[])).is_none());
        assert!(serve_if_asked(args(&["kagari-node"])).is_none());
        assert!(serve_if_asked(args(&["kagari-node", "--dev", NAME])).is_none());
    }

    #[test]
    fn the_worker_s_arguments_are_understood() {
        let line = [
            NAME,
            "--memory-mib",
            "2048",
            "--threads",
            "2",
            "--concurrency",
            "1",
        ];
        let limits = ChildArgs::try_parse_from(line).map(ChildLimits::from);
        let limits = limits.expect("these are the arguments that the worker gives");
        assert_eq!(
            (limits.memory_mib, limits.threads, limits.concurrency),
            (2048, 2, 1)
        );
    }

    #[test]
    fn a_child_without_limits_is_refused() {
        assert!(ChildArgs::try_parse_from([NAME]).is_err());
    }
}
