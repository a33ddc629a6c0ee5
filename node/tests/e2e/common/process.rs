//! Processes as `/proc` shows them.

use std::{fs, time::Duration};

/// Sends a signal to one process.
pub fn kill(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).expect("process ids are small");
    // SAFETY: no memory is passed; the process is one that this test started.
    unsafe { libc::kill(pid, signal) };
}

/// Whether a process is there and no zombie.
pub fn is_alive(pid: u32) -> bool {
    stat_of(pid).is_some_and(|(state, _)| state != 'Z')
}

/// Waits until a process is gone.
pub async fn wait_until_gone(pid: u32) {
    for _ in 0..600 {
        if !is_alive(pid) {
            return;
        }
        pause().await;
    }
    panic!("process {pid} is still there");
}

/// The processes that `parent` has started.
pub fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("/proc is there");
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| stat_of(*pid).is_some_and(|(_, ppid)| ppid == parent))
        .collect()
}

/// State and parent of a process.
fn stat_of(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may itself hold blanks and parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

/// Whether a process is an inference child.
pub fn is_inference_child(pid: u32) -> bool {
    let args = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    args.split(|b| *b == 0).any(|arg| arg == b"inference-child")
}

/// A short wait between two looks at the same thing.
pub async fn pause() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}
