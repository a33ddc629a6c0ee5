//! A node under test: the real binary as a process of its own, on free ports, with its own base path.

use super::process::{children_of, is_inference_child, kill, pause};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};
use subxt::rpcs::RpcClient;
use tempfile::TempDir;

/// How long a node may take to answer its first RPC call.
const START_LIMIT: Duration = Duration::from_secs(180);
/// How long a process may take to go after it was told to.
const END_LIMIT: Duration = Duration::from_secs(120);

/// What a node is started with.
#[derive(Clone, Default)]
pub struct NodeConfig {
    flags: Vec<String>,
}

impl NodeConfig {
    /// The one validator of a development chain. It runs no worker, and forgets no state: tests look
    /// back.
    pub fn validator() -> Self {
        Self::default()
            .flag("--dev")
            .flag("--state-pruning=archive")
    }

    /// A full node of the development chain that authors nothing and has nobody to talk to.
    pub fn follower() -> Self {
        Self::default().flag("--chain=dev").flag("--reserved-only")
    }

    /// Runs the worker, on the models that the machine has.
    pub fn with_worker(self) -> Self {
        self.with_worker_on(&models_dir())
    }

    /// Runs the worker, on the models of a folder.
    pub fn with_worker_on(self, models: &Path) -> Self {
        self.flag("--provider").with_models(models)
    }

    /// Takes models from a folder.
    pub fn with_models(self, models: &Path) -> Self {
        self.flag(&format!("--models={}", models.display()))
    }

    /// Adds a flag.
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.into());
        self
    }
}

/// The folder of the models that setup has fetched.
pub fn models_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("KAGARI_MODELS") {
        return dir.into();
    }
    let home = std::env::var_os("HOME").expect("HOME is set");
    PathBuf::from(home).join(".cache/kagari/models")
}

/// A running node. Dropping it kills it and everything that it started.
pub struct Node {
    name: String,
    config: NodeConfig,
    base: TempDir,
    pub(super) ports: Ports,
    child: Child,
}

/// The ports of a node.
#[derive(Clone, Copy)]
pub(super) struct Ports {
    rpc: u16,
    peers: u16,
    pub(super) metrics: u16,
}

impl Ports {
    /// Ports that are free, and that no other test of this process was given.
    fn free() -> Self {
        static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
        let mut given = GIVEN.lock().expect("nobody panics with it");
        let mut next = || loop {
            let port = free_port();
            if given.insert(port) {
                return port;
            }
        };
        Self {
            rpc: next(),
            peers: next(),
            metrics: next(),
        }
    }
}

impl Node {
    /// Starts a node on a new base path and waits until its RPC answers.
    pub async fn start(name: &str, config: NodeConfig) -> Self {
        let base = TempDir::new().expect("a temporary folder can be made");
        let ports = Ports::free();
        let child = spawn(&config, base.path(), ports);
        let mut node = Self {
            name: name.into(),
            config,
            base,
            ports,
            child,
        };
        node.wait_until_ready().await;
        node
    }

    /// Starts the node again on the same base path and ports, with the same flags.
    pub async fn restart(&mut self) {
        assert!(self.has_ended(), "{} is still running", self.name);
        self.child = spawn(&self.config, self.base.path(), self.ports);
        self.wait_until_ready().await;
    }

    /// Starts the node again on the same base path and ports, with other flags.
    pub async fn restart_with(&mut self, config: NodeConfig) {
        self.config = config;
        self.restart().await;
    }

    async fn wait_until_ready(&mut self) {
        let begun = std::time::Instant::now();
        while begun.elapsed() < START_LIMIT {
            assert!(
                !self.has_ended(),
                "{} ended at once:\n{}",
                self.name,
                self.log_tail()
            );
            if self.answers().await {
                println!("{}: up after {:?}", self.name, begun.elapsed());
                return;
            }
            pause().await;
        }
        panic!("{} did not come up:\n{}", self.name, self.log_tail());
    }

    async fn answers(&self) -> bool {
        let Ok(rpc) = RpcClient::from_insecure_url(self.url()).await else {
            return false;
        };
        rpc.request::<String>("system_chain", subxt::rpcs::rpc_params![])
            .await
            .is_ok()
    }

    /// Address of its RPC.
    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.ports.rpc)
    }

    /// Port of its RPC.
    pub fn rpc_port(&self) -> u16 {
        self.ports.rpc
    }

    /// Port at which it takes peers.
    pub fn p2p_port(&self) -> u16 {
        self.ports.peers
    }

    /// Id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ids of the inference children that it has now.
    pub fn inference_children(&self) -> Vec<u32> {
        children_of(self.pid())
            .into_iter()
            .filter(|p| is_inference_child(*p))
            .collect()
    }

    /// Waits for an inference child other than `gone`, and gives its id.
    pub async fn inference_child_other_than(&self, gone: Option<u32>) -> u32 {
        for _ in 0..600 {
            let found = self
                .inference_children()
                .into_iter()
                .find(|p| Some(*p) != gone);
            if let Some(pid) = found {
                return pid;
            }
            pause().await;
        }
        panic!(
            "{} has started no inference child:\n{}",
            self.name,
            self.log_tail()
        );
    }

    /// Kills the node as `kill -9` does, and waits until its process is gone.
    pub fn kill_hard(&mut self) {
        self.child.kill().expect("the node can be killed");
        self.child.wait().expect("the node's end can be awaited");
    }

    /// Tells the node to end as a terminal does, and waits until it has.
    pub async fn stop(&mut self) {
        kill(self.pid(), libc::SIGINT);
        let begun = std::time::Instant::now();
        while begun.elapsed() < END_LIMIT {
            if self.has_ended() {
                return;
            }
            pause().await;
        }
        panic!("{} does not end:\n{}", self.name, self.log_tail());
    }

    /// Whether its process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child's state can be read")
            .is_some()
    }

    /// All that it has written to its terminal, over all its lives.
    pub fn log(&self) -> String {
        fs::read_to_string(log_path(self.base.path())).unwrap_or_default()
    }

    /// The last lines of what it has written.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!(
                "---- the log of {} ends with ----\n{}",
                self.name,
                self.log_tail()
            );
        }
        // The inference child has a process group of its own; it ends by itself, but a test that
        // fails because it does not must not leave it behind.
        let children = children_of(self.pid());
        let _ = self.child.kill();
        let _ = self.child.wait();
        children
            .into_iter()
            .filter(|p| is_inference_child(*p))
            .for_each(|p| kill(p, libc::SIGKILL));
    }
}

fn spawn(config: &NodeConfig, base: &Path, ports: Ports) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(log_path(base))
        .expect("a log opens");
    let mut command = Command::new(env!("CARGO_BIN_EXE_kagari-node"));
    command
        .args(&config.flags)
        .arg("--base-path")
        .arg(base)
        .arg(format!("--rpc-port={}", ports.rpc))
        .arg(format!("--listen-addr=/ip4/127.0.0.1/tcp/{}", ports.peers))
        .arg(format!("--prometheus-port={}", ports.metrics))
        .args(["--no-mdns", "--no-telemetry"])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file handle can be cloned"))
        .stderr(log)
        .process_group(0);
    // SAFETY: `prctl` is async-signal-safe and is given constants only.
    unsafe { command.pre_exec(end_with_parent) };
    command.spawn().expect("the node's binary can be started")
}

/// A test that is killed takes its nodes with it.
fn end_with_parent() -> std::io::Result<()> {
    // SAFETY: no memory is passed.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

fn log_path(base: &Path) -> PathBuf {
    base.join("terminal.log")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener
        .local_addr()
        .expect("a listener has an address")
        .port()
}
