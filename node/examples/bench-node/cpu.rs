//! How much of the processor the node and this program use.

use anyhow::{Context, Result};
use std::time::Instant;

/// Ticks of a second in `/proc`: on Linux the same everywhere.
const TICKS: f64 = 100.0;
/// Places of the user's and the system's time in `/proc/PID/stat`, counted from the state on, which follows the
/// program's name.
const USER: usize = 11;
const SYSTEM: usize = 12;

/// Seconds of processor time used so far.
pub struct Sample {
    at: Instant,
    node: Option<f64>,
    client: f64,
}

/// Cores used over a while.
pub struct Cores {
    /// By the node, where its process is known.
    pub node: Option<f64>,
    /// By this program.
    pub client: f64,
    /// That the machine has for this program.
    pub all: f64,
}

impl Sample {
    /// Looks now.
    pub fn take(node_pid: Option<u32>) -> Result<Self> {
        let node = node_pid.map(|pid| {
            seconds(&pid.to_string())
                .with_context(|| format!("there is no process {pid}: give --node-pid the node's"))
        });
        Ok(Self {
            at: Instant::now(),
            node: node.transpose()?,
            client: seconds("self")?,
        })
    }

    /// What has been used since an earlier look.
    pub fn since(&self, earlier: &Self) -> Result<Cores> {
        let elapsed = self.at.duration_since(earlier.at).as_secs_f64();
        let node = self.node.zip(earlier.node);
        Ok(Cores {
            node: node.map(|(now, then)| (now - then) / elapsed),
            client: (self.client - earlier.client) / elapsed,
            all: std::thread::available_parallelism()?.get() as f64,
        })
    }
}

/// Seconds that a process has used, all of its threads together.
fn seconds(process: &str) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The program's name stands in brackets and may itself have brackets and blanks.
    let (_, fields) = stat
        .rsplit_once(") ")
        .context("the process has no name in /proc")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |place: usize| -> Result<f64> {
        let field = fields.get(place).context("/proc/PID/stat is cut off")?;
        Ok(field.parse()?)
    };
    Ok((ticks(USER)? + ticks(SYSTEM)?) / TICKS)
}
