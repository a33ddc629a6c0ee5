//! Starts the child, and talks to it.

use kagari_inference::{
    child::{serve, ChildLimits},
    protocol::{decode, read_frame, write_frame, Request, RequestBody, Response, ResponseBody},
};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// First argument of a process that is the child.
pub const CHILD: &str = "inference-child";
/// First argument of a process that starts a child and waits to be killed.
pub const PARENT: &str = "inference-parent";

/// Limits under which both models fit.
pub const LIMITS: ChildLimits = ChildLimits {
    memory_mib: 2_048,
    threads: 2,
    concurrency: 1,
    queue: 1,
};

/// Serves with the limits in the arguments.
pub fn be_the_child(mut args: impl Iterator<Item = String>) -> ExitCode {
    let mut next = || args.next().unwrap().parse::<u64>().unwrap();
    let limits = ChildLimits {
        memory_mib: next(),
        threads: next() as usize,
        concurrency: next() as usize,
        queue: next() as usize,
    };
    serve(limits)
}

/// Starts a child whose pipes stay open whatever becomes of this process, says its id, and waits.
pub fn be_a_parent() -> ExitCode {
    let mut command = command(LIMITS);
    let mut child = command
        .stdin(Stdio::inherit())
        .stdout(Stdio::inherit())
        .spawn()
        .unwrap();
    eprintln!("{}", child.id());
    child.wait().unwrap();
    ExitCode::FAILURE
}

fn command(limits: ChildLimits) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let ChildLimits {
        memory_mib,
        threads,
        concurrency,
        queue,
    } = limits;
    command.arg(CHILD).args(
        [memory_mib, threads as u64, concurrency as u64, queue as u64].map(|n| n.to_string()),
    );
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// A running child.
pub struct Inference {
    process: Child,
    requests: Option<ChildStdin>,
    responses: ChildStdout,
}

impl Inference {
    /// Starts it.
    pub fn start(limits: ChildLimits) -> Self {
        Self::talk_to(command(limits).spawn().unwrap())
    }

    /// Starts a process that starts a child; gives the child's id beside it. What is sent goes to the
    /// child, and what is closed or killed is its parent.
    pub fn start_with_parent() -> (Self, u32) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .arg(PARENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut parent = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(parent.stderr.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        (Self::talk_to(parent), line.trim().parse().unwrap())
    }

    fn talk_to(mut process: Child) -> Self {
        let requests = process.stdin.take();
        let responses = process.stdout.take().unwrap();
        Self {
            process,
            requests,
            responses,
        }
    }

    /// Sends a request.
    pub fn send(&mut self, id: u64, body: RequestBody) {
        write_frame(self.requests.as_mut().unwrap(), &Request { id, body }).unwrap();
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.requests.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// The next answer.
    pub fn receive(&mut self) -> Response {
        let frame = read_frame(&mut self.responses)
            .unwrap()
            .expect("the child is there");
        decode(&frame).unwrap()
    }

    /// The next answer that is no progress, which has to be the one to request `id`.
    pub fn result(&mut self, id: u64) -> ResponseBody {
        loop {
            let response = self.receive();
            if !matches!(response.body, ResponseBody::Progress { .. }) {
                assert_eq!(response.id, id, "{:?}", response.body);
                return response.body;
            }
        }
    }

    /// Sends a request and waits for its result.
    pub fn ask(&mut self, id: u64, body: RequestBody) -> ResponseBody {
        self.send(id, body);
        self.result(id)
    }

    /// Closes the child's input and waits for its end.
    pub fn close(mut self) -> ExitStatus {
        self.requests = None;
        self.process.wait().unwrap()
    }

    /// Kills the process, with the child's input left open.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for the child's end.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }
}

impl Drop for Inference {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until a process is gone, or is a zombie that nobody has collected yet.
pub fn wait_until_gone(process: u32) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while is_alive(process) {
        assert!(Instant::now() < deadline, "process {process} lives on");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process runs.
pub fn is_alive(process: u32) -> bool {
    let status = Path::new("/proc").join(process.to_string()).join("status");
    std::fs::read_to_string(status).is_ok_and(|status| !status.contains("State:\tZ"))
}
