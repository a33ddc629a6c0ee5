//! The child process's main loop.
//!
//! The child holds no key, port or database; it reads requests from its standard input, answers on
//! its standard output, logs to its standard error, and ends when its input does, or its parent.
//!
//! One thread runs jobs, many at once, with a bounded queue before them; one more loads models and turns
//! text into ids and back, in the order in which it was asked.

mod confinement;
mod desk;
mod outlet;
mod room;
mod scheduler;

use crate::protocol::{self, Failure, FailureKind, Request};
use desk::Desk;
use outlet::Outlet;
use scheduler::Scheduler;
use std::{
    io::{self, Read, Write},
    process::ExitCode,
    sync::{
        mpsc::{sync_channel, Receiver, SyncSender, TrySendError},
        Arc,
    },
    thread,
};

/// Requests about text and models that may wait.
const TEXT_QUEUE: usize = 256;

/// What the child is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildLimits {
    /// Address space in MiB; what does not fit ends the child.
    pub memory_mib: u64,
    /// Threads that one product is shared between.
    pub threads: usize,
    /// Jobs that are computed together.
    pub concurrency: usize,
    /// Jobs that may wait beside those that run; one more is answered `Busy`.
    pub queue: usize,
}

/// Serves requests on standard input until it ends. To be called first thing in `main`, while there
/// is no other thread.
///
/// On Linux the process is killed when the *thread* that started it ends, be it with its process or
/// before: the parent starts it from a thread that lives for as long as the child is wanted.
pub fn serve(limits: ChildLimits) -> ExitCode {
    let output = match confinement::enter(&limits) {
        Ok(output) => output,
        Err(e) => {
            log::error!("The inference child cannot be confined: {e}");
            return ExitCode::FAILURE;
        }
    };
    match serve_on(io::stdin().lock(), output, limits) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            log::error!("The inference child ends: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Serves requests that come from `input` until it ends.
fn serve_on(
    mut input: impl Read,
    output: impl Write + Send + 'static,
    limits: ChildLimits,
) -> io::Result<()> {
    let outlet = Outlet::new(output);
    // Half of the memory is for models, three eighths are for jobs, and the rest is for the program.
    let eighth = limits.memory_mib.saturating_mul(1 << 20) / 8;
    let desk = Arc::new(Desk::new(outlet.clone(), eighth.saturating_mul(4)));
    let room = eighth.saturating_mul(3);
    let scheduler = Scheduler::new(desk.clone(), outlet.clone(), limits.concurrency, room);
    let text = start_thread("text", TEXT_QUEUE, move |requests| {
        requests.iter().for_each(|request| desk.answer(request));
    })?;
    let jobs = start_thread("jobs", limits.queue, move |requests| {
        scheduler.serve(requests);
    })?;
    while let Some(frame) = protocol::read_frame(&mut input)? {
        let Some(id) = protocol::request_id(&frame) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a request without an id",
            ));
        };
        match protocol::decode::<Request>(&frame) {
            Ok(request) => enqueue(request, &text, &jobs, &outlet),
            Err(e) => outlet.fail(
                id,
                Failure::bad_input(format!("the request is malformed: {e}")),
            ),
        }
    }
    Ok(())
}

/// Starts a thread that takes requests from a queue; it ends with the process.
fn start_thread(
    name: &str,
    queue: usize,
    serve: impl FnOnce(&Receiver<Request>) + Send + 'static,
) -> io::Result<SyncSender<Request>> {
    // A queue of none would take a request only while the thread happens to be waiting.
    let (sender, receiver) = sync_channel(queue.max(1));
    thread::Builder::new()
        .name(name.into())
        .spawn(move || serve(&receiver))?;
    Ok(sender)
}

fn enqueue(
    request: Request,
    text: &SyncSender<Request>,
    jobs: &SyncSender<Request>,
    outlet: &Outlet,
) {
    let id = request.id;
    let queue = match request.body.is_job() {
        true => jobs,
        false => text,
    };
    match queue.try_send(request) {
        Ok(()) => {}
        Err(TrySendError::Full(_)) => {
            let message = "too many requests wait already; try again later".into();
            outlet.fail(
                id,
                Failure {
                    kind: FailureKind::Busy,
                    message,
                },
            );
        }
        Err(TrySendError::Disconnected(_)) => {
            outlet.fail(id, Failure::internal("the thread that answers is gone"));
        }
    }
}
