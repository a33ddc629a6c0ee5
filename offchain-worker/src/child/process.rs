//! One child process and its pipes.

use super::{Message, LOG_TARGET};
use crate::{inference::InferenceConfig, inference_child};
use kagari_inference::protocol::{decode, read_frame, write_frame, Request, Response};
use sp_panic_handler::AbortGuard;
use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, Sender, SyncSender},
    thread,
};

/// A running child. It is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    requests: Sender<Request>,
}

impl Process {
    /// Starts a child. What it says, and its end, go to `messages` under this id.
    pub fn spawn(
        config: &InferenceConfig,
        id: u64,
        messages: &SyncSender<Message>,
    ) -> io::Result<Self> {
        let mut child = Command::new(&config.program)
            .arg(inference_child::NAME)
            .args(["--memory-mib", &config.memory_mib.to_string()])
            .args(["--threads", &config.threads.to_string()])
            .args(["--concurrency", &config.concurrency.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            // A Ctrl-C in the terminal is for the node; the child ends with its stdin.
            .process_group(0)
            .spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (requests, to_write) = mpsc::channel();
        let process = Self { child, requests };
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            return Err(io::Error::other("the child has no pipes"));
        };
        let talk = Talk {
            child: id,
            messages: messages.clone(),
        };
        let listen = Talk {
            child: id,
            messages: messages.clone(),
        };
        spawn_thread("kagari-ask", move || talk.write(stdin, to_write))?;
        spawn_thread("kagari-hear", move || listen.read(stdout))?;
        Ok(process)
    }

    /// Sends a request. If the child is gone, a message says so.
    pub fn send(&self, request: Request) {
        if self.requests.send(request).is_err() {
            log::debug!(target: LOG_TARGET, "The inference process takes no more requests");
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the child with all its descendants, and waits for its end.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        if let Ok(pid) = libc::pid_t::try_from(self.child.id()) {
            // SAFETY: `kill` touches no memory of ours. The process has not been waited for, so its
            // id is still its own, and so is the group that it was started in.
            unsafe { libc::kill(-pid, libc::SIGKILL) };
        }
        self.child.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            log::error!(target: LOG_TARGET, "Cannot end the inference process: {error}");
        }
    }
}

fn spawn_thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let run = move || {
        let _guard = AbortGuard::never_abort();
        run();
    };
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map(|_| ())
}

/// One direction of the talk with a child.
struct Talk {
    child: u64,
    messages: SyncSender<Message>,
}

impl Talk {
    fn write(self, mut stdin: ChildStdin, requests: Receiver<Request>) {
        for request in requests {
            if let Err(error) = write_frame(&mut stdin, &request) {
                return self.gone(format!("it takes no requests: {error}"));
            }
        }
    }

    fn read(self, mut stdout: ChildStdout) {
        loop {
            let frame = match read_frame(&mut stdout) {
                Ok(Some(frame)) => frame,
                Ok(None) => return self.gone("it closed its output".into()),
                Err(error) => return self.gone(format!("its output can't be read: {error}")),
            };
            let response: Response = match decode(&frame) {
                Ok(response) => response,
                Err(error) => return self.gone(format!("its output makes no sense: {error}")),
            };
            let message = Message::Answer {
                child: self.child,
                response,
            };
            if self.messages.send(message).is_err() {
                return;
            }
        }
    }

    fn gone(self, reason: String) {
        // An error means that the supervisor has ended.
        let _ = self.messages.send(Message::Gone {
            child: self.child,
            reason,
        });
    }
}
