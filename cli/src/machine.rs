//! What this machine has, for what a provider says of it.

use crate::args::RegisterArgs;
use kagari_primitives::{Hardware, HardwareClass};

/// What the provider says of its machine. What it leaves out is looked up, if the node runs here.
pub fn hardware(args: &RegisterArgs, url: &str) -> Hardware {
    let here = is_loopback(url);
    let look_up = |found: fn() -> Option<u32>| if here { found().unwrap_or(0) } else { 0 };
    let cores = || u16::try_from(look_up(cores)).unwrap_or(u16::MAX);
    Hardware {
        // Its length was checked when it was parsed.
        description: args
            .description
            .clone()
            .into_bytes()
            .try_into()
            .unwrap_or_default(),
        cores: args.cores.unwrap_or_else(cores),
        memory: args.memory.unwrap_or_else(|| look_up(memory)),
        class: HardwareClass::Exact,
        region: args.region,
    }
}

/// Whether a node's address is on this machine.
fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    ["127.", "localhost:", "localhost/", "[::1]"]
        .iter()
        .any(|local| host.starts_with(local))
        || host == "localhost"
}

fn cores() -> Option<u32> {
    std::thread::available_parallelism()
        .ok()?
        .get()
        .try_into()
        .ok()
}

/// Memory in MiB.
fn memory() -> Option<u32> {
    memory_of(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn memory_of(meminfo: &str) -> Option<u32> {
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    u32::try_from(kib / 1_024).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(cores: Option<u16>) -> RegisterArgs {
        RegisterArgs {
            bond: Default::default(),
            worker_key_from_node: false,
            worker: None,
            proof: None,
            description: "8 cores".into(),
            cores,
            memory: None,
            region: None,
        }
    }

    #[test]
    fn another_machine_is_not_taken_for_this_one() {
        let there = hardware(&args(None), "wss://node.example:443");
        assert_eq!((there.cores, there.memory), (0, 0));
        assert_eq!(&there.description[..], b"8 cores");
        let here = hardware(&args(None), "ws://127.0.0.1:9944");
        assert!(here.cores > 0);
        assert_eq!(hardware(&args(Some(3)), "ws://127.0.0.1:9944").cores, 3);
    }

    #[test]
    fn only_this_machine_is_local() {
        for url in [
            "ws://127.0.0.1:9944",
            "ws://localhost:9944",
            "ws://localhost",
            "ws://[::1]:9",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "ws://10.0.0.1:9944",
            "wss://localhost.example:1",
            "ws://node127.example",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn memory_is_read_in_mib() {
        assert_eq!(
            memory_of("MemTotal:       16384000 kB\nMemFree: 1 kB\n"),
            Some(16_000)
        );
        assert_eq!(memory_of("MemFree: 1 kB\n"), None);
    }
}
