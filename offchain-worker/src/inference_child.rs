//! The subcommand `inference-child`, as which the node and the command start themselves to run models.

use clap::Parser;
use kagari_inference::child::{self, ChildLimits};
use std::{ffi::OsString, process::ExitCode};

/// The program that the child runs: this very one, even if its file was replaced meanwhile.
pub const THIS_PROGRAM: &str = "/proc/self/exe";

/// Name of the subcommand; the supervisor starts the child by it.
pub(crate) const NAME: &str = "inference-child";

/// The child's arguments. It is internal, so no help names it.
#[derive(Debug, Parser)]
#[command(name = NAME, about = "Runs models for the process that started it (internal)")]
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

/// Serves as the inference child if the program was started as one; `None` if it was not. To be called
/// first thing in `main`: the child has no logger, no panic hook, no key, no port and no database.
pub fn serve_if_asked(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let args: Vec<_> = args.into_iter().skip(1).collect();
    if args.first().is_none_or(|first| first != NAME) {
        return None;
    }
    Some(child::serve(ChildArgs::parse_from(args).into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
    fn the_supervisor_s_arguments_are_understood() {
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
        let limits = limits.unwrap();
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
