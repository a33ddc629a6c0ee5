//! Keeps a child running: restarts it when it dies, hangs, or talks nonsense.

use super::{backoff::Backoff, process::Process, session::Session, Call, Message, LOG_TARGET};
use crate::{
    inference::{InferenceConfig, InferenceError},
    metrics::ChildMetrics,
};
use kagari_inference::protocol::Response;
use sp_panic_handler::AbortGuard;
use std::{
    panic::{catch_unwind, AssertUnwindSafe},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
        Arc,
    },
    thread::{self, JoinHandle},
    time::Instant,
};

/// Calls that wait for an answer, at most; more are refused as [`InferenceError::Busy`].
const MAX_CALLS: usize = 64;
/// Calls beyond which no text is taken, so that there is always room for jobs.
const MAX_CALLS_BEFORE_TEXT: usize = MAX_CALLS / 2;

/// Starts the supervisor's thread. Without it, nothing takes messages.
pub(crate) fn start(
    config: InferenceConfig,
    metrics: ChildMetrics,
    pid: Arc<AtomicU32>,
) -> (SyncSender<Message>, Option<JoinHandle<()>>) {
    let (sender, receiver) = mpsc::sync_channel(MAX_CALLS);
    let own_sender = sender.clone();
    let run = move || {
        let _guard = AbortGuard::never_abort();
        let shared = Shared {
            config,
            metrics,
            pid,
            sender: own_sender,
        };
        supervise(&shared, &receiver);
    };
    let thread = thread::Builder::new()
        .name("kagari-infer".into())
        .spawn(run);
    let thread = thread.inspect_err(|error| {
        log::error!(target: LOG_TARGET, "Cannot start the thread of inference: {error}");
    });
    (sender, thread.ok())
}

/// Runs a supervisor, and another one if it panics.
fn supervise(shared: &Shared, messages: &Receiver<Message>) {
    let run = || Supervisor::new(shared).run(messages);
    while catch_unwind(AssertUnwindSafe(run)).is_err() {
        log::error!(target: LOG_TARGET, "The supervisor of inference panicked; it starts anew");
    }
    shared.pid.store(0, Ordering::Relaxed);
}

struct Shared {
    config: InferenceConfig,
    metrics: ChildMetrics,
    pid: Arc<AtomicU32>,
    sender: SyncSender<Message>,
}

struct Supervisor<'a> {
    shared: &'a Shared,
    child: Child,
    /// Calls that came while there was no child.
    waiting: Vec<Call>,
    backoff: Backoff,
    started: u64,
}

enum Child {
    Running(Session),
    /// None; the next one is to be started then.
    None(Instant),
}

impl<'a> Supervisor<'a> {
    fn new(shared: &'a Shared) -> Self {
        let child = Child::None(Instant::now());
        Self {
            shared,
            child,
            waiting: Vec::new(),
            backoff: Backoff::default(),
            started: 0,
        }
    }

    fn run(&mut self, messages: &Receiver<Message>) {
        loop {
            self.tick();
            match self.next_message(messages) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(message) => self.handle(message),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn next_message(&self, messages: &Receiver<Message>) -> Result<Message, RecvTimeoutError> {
        let until = match &self.child {
            Child::Running(session) => session.deadline(),
            Child::None(until) => Some(*until),
        };
        match until {
            Some(until) => messages.recv_timeout(until.saturating_duration_since(Instant::now())),
            None => messages.recv().map_err(RecvTimeoutError::from),
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Call(call) => self.call(*call),
            Message::Answer { child, response } => self.answer(child, response),
            Message::Gone { child, reason } => self.gone(child, &reason),
            // `tick` looks after what these are about; `Stop` ends the loop.
            Message::Wake | Message::Stop => {}
        }
    }

    fn call(&mut self, call: Call) {
        let calls = match &self.child {
            Child::Running(session) => session.calls(),
            Child::None(_) => self.waiting.len(),
        };
        let most = match call.is_job() {
            true => MAX_CALLS,
            false => MAX_CALLS_BEFORE_TEXT,
        };
        if calls >= most {
            return call.answer(Err(InferenceError::Busy));
        }
        match &mut self.child {
            Child::Running(session) => session.ask(call),
            Child::None(_) => self.waiting.push(call),
        }
    }

    fn answer(&mut self, child: u64, response: Response) {
        let Child::Running(session) = &mut self.child else {
            return;
        };
        if session.id != child {
            return;
        }
        match session.hear(response) {
            Ok(()) => self.backoff.worked(),
            Err(nonsense) => self.gone(child, nonsense.0),
        }
    }

    fn gone(&mut self, child: u64, reason: &str) {
        let is_it = |session: &Session| session.id == child;
        if let Some(session) = self.take_session(is_it) {
            let ended = session.died(reason);
            log::warn!(target: LOG_TARGET, "The inference process ended: {ended}; it is restarted");
        }
    }

    /// Does what is due: starts a child, or kills the one that is late or works for nobody.
    fn tick(&mut self) {
        let now = Instant::now();
        match &self.child {
            Child::None(until) if *until <= now => self.start(),
            Child::Running(session) if session.deadline().is_some_and(|d| d <= now) => {
                self.time_out(now)
            }
            Child::Running(session) if session.is_abandoned() => self.abandon(),
            Child::None(_) | Child::Running(_) => {}
        }
    }

    fn time_out(&mut self, now: Instant) {
        if let Some(session) = self.take_session(|_| true) {
            let timeout = self.shared.config.timeout.as_secs_f32();
            log::warn!(
                target: LOG_TARGET,
                "The inference process took longer than {timeout} s for an answer; it is killed and restarted",
            );
            session.time_out(now);
        }
    }

    fn abandon(&mut self) {
        if let Some(session) = self.take_session(|_| true) {
            log::info!(target: LOG_TARGET, "Nobody waits for what the inference process computes; it is restarted");
            self.waiting.extend(session.abandon());
        }
    }

    /// Takes the session of the running child, and lets another be started.
    fn take_session(&mut self, which: impl Fn(&Session) -> bool) -> Option<Session> {
        if !matches!(&self.child, Child::Running(session) if which(session)) {
            return None;
        }
        let next = Child::None(Instant::now() + self.backoff.failed());
        self.shared.pid.store(0, Ordering::Relaxed);
        match std::mem::replace(&mut self.child, next) {
            Child::Running(session) => Some(session),
            Child::None(_) => None,
        }
    }

    fn start(&mut self) {
        let Shared {
            config,
            metrics,
            pid,
            sender,
        } = self.shared;
        self.started += 1;
        if self.started > 1 {
            metrics.restarts.inc();
        }
        match Process::spawn(config, self.started, sender) {
            Ok(process) => {
                let models_dir = config.models_dir.display().to_string();
                let mut session = Session::new(self.started, process, models_dir, config.timeout);
                pid.store(session.pid(), Ordering::Relaxed);
                log::info!(target: LOG_TARGET, "Inference runs in process {}", session.pid());
                self.waiting.drain(..).for_each(|call| session.ask(call));
                self.child = Child::Running(session);
            }
            Err(error) => self.not_started(&error.to_string()),
        }
    }

    fn not_started(&mut self, error: &str) {
        let wait = self.backoff.failed();
        let program = self.shared.config.program.display();
        log::error!(
            target: LOG_TARGET,
            "Cannot start the inference process {program}: {error}; trying again in {} s",
            wait.as_secs_f32(),
        );
        self.child = Child::None(Instant::now() + wait);
        let error = InferenceError::NotStarted(error.into());
        self.waiting
            .drain(..)
            .for_each(|call| call.answer(Err(error.clone())));
    }
}
