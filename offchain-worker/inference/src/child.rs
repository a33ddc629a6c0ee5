//! The child process's main loop.
//!
//! The child holds no key, port or database; it reads requests from its standard input, answers on
//! its standard output, logs to its standard error, and ends when its input does, or its parent.
//!
//! Jobs run on threads of their own, so many at a time, with a bounded queue before them. One more
//! thread loads models and turns text into ids and back, in the order in which it was asked.

mod confinement;
mod desk;
mod outlet;
mod room;

use crate::protocol::{self, Failure, FailureKind, Request, RequestBody};
use desk::Desk;
use outlet::Outlet;
use std::{
    io::{self, Read, Write},
    process::ExitCode,
    sync::{
        mpsc::{sync_channel, Receiver, SyncSender, TrySendError},
        Arc, Mutex, PoisonError,
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
    /// Jobs at once.
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
    let desk = Arc::new(Desk::new(outlet.clone(), limits.memory_mib));
    let text = start_threads("text", 1, TEXT_QUEUE, &desk)?;
    let jobs = start_threads("job", limits.concurrency, limits.queue, &desk)?;
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

/// Starts threads that take requests from a queue in turn; they end with the process.
fn start_threads(
    name: &str,
    count: usize,
    queue: usize,
    desk: &Arc<Desk>,
) -> io::Result<SyncSender<Request>> {
    // A queue of none would take a request only while a thread happens to be waiting.
    let (sender, receiver) = sync_channel(queue.max(1));
    let receiver = Arc::new(Mutex::new(receiver));
    for index in 0..count.max(1) {
        let (desk, receiver) = (desk.clone(), receiver.clone());
        thread::Builder::new()
            .name(format!("{name}-{index}"))
            .spawn(move || {
                while let Some(request) = next(&receiver) {
                    desk.answer(request)
                }
            })?;
    }
    Ok(sender)
}

fn next(receiver: &Mutex<Receiver<Request>>) -> Option<Request> {
    receiver
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .recv()
        .ok()
}

fn enqueue(
    request: Request,
    text: &SyncSender<Request>,
    jobs: &SyncSender<Request>,
    outlet: &Outlet,
) {
    let id = request.id;
    let queue = match request.body {
        RequestBody::Run { .. } => jobs,
        _ => text,
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
