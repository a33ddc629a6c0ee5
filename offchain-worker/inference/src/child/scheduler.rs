//! Runs jobs and replays, many at once: what is asked of one model advances together, pass by pass, and
//! whatever comes in joins at the next pass.

use super::{desk::Desk, outlet::Outlet, room::Room};
use crate::{
    model::Model,
    protocol::{Completed, Failure, Request, RequestBody, ResponseBody},
    work::{Outcome, Work},
};
use kagari_primitives::{Task, Word};
use std::{
    collections::VecDeque,
    panic::{catch_unwind, AssertUnwindSafe},
    sync::{
        mpsc::{Receiver, RecvError, TryRecvError},
        Arc,
    },
};

/// Jobs at work, and those that wait for room.
pub struct Scheduler {
    desk: Arc<Desk>,
    outlet: Outlet,
    /// Most jobs at once.
    concurrency: usize,
    room: Room,
    running: Vec<Running>,
    /// Taken from the queue; the first has no room yet.
    waiting: VecDeque<Ready>,
}

/// A job that has its model, and no room yet.
struct Ready {
    id: u64,
    model: Arc<Model>,
    task: Task,
    seed: [u8; 32],
    input: Vec<Word>,
    /// What is to be replayed.
    claimed: Option<Completed>,
    bytes: u64,
}

/// A job at work.
struct Running {
    id: u64,
    model: Arc<Model>,
    work: Work,
    bytes: u64,
}

impl Scheduler {
    /// No jobs yet. They share `bytes`.
    pub fn new(desk: Arc<Desk>, outlet: Outlet, concurrency: usize, bytes: u64) -> Self {
        Self {
            desk,
            outlet,
            concurrency: concurrency.max(1),
            room: Room::new(bytes),
            running: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Runs what comes in until there is nobody left to ask.
    pub fn serve(mut self, requests: &Receiver<Request>) {
        loop {
            if self.take_requests(requests).is_err() {
                return;
            }
            let advanced = catch_unwind(AssertUnwindSafe(|| {
                self.start_waiting();
                self.advance();
            }));
            if advanced.is_err() {
                self.abandon();
            }
        }
    }

    /// Takes requests while there may be room for them; waits for one if there is nothing else to do.
    fn take_requests(&mut self, requests: &Receiver<Request>) -> Result<(), RecvError> {
        if self.running.is_empty() && self.waiting.is_empty() {
            let request = requests.recv()?;
            self.receive(request);
        }
        while self.running.len() + self.waiting.len() < self.concurrency {
            match requests.try_recv() {
                Ok(request) => self.receive(request),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return Ok(()),
            }
        }
        Ok(())
    }

    fn receive(&mut self, request: Request) {
        let id = request.id;
        match self.prepare(request) {
            Ok(ready) => self.waiting.push_back(ready),
            Err(failure) => self.outlet.fail(id, failure),
        }
    }

    fn prepare(&self, Request { id, body }: Request) -> Result<Ready, Failure> {
        let (model, task, seed, input, claimed) = match body {
            RequestBody::Run {
                model,
                task,
                seed,
                input,
            } => (model, task, seed, input, None),
            RequestBody::Replay {
                model,
                task,
                seed,
                input,
                claimed,
            } => (model, task, seed, input, Some(claimed)),
            _ => return Err(Failure::internal("this is no job")),
        };
        let model = self.desk.model(&model)?;
        let bytes = model.job_bytes(&task, &input);
        self.room.check(bytes)?;
        Ok(Ready {
            id,
            model,
            task,
            seed,
            input,
            claimed,
            bytes,
        })
    }

    /// Starts waiting jobs in their order, as long as there is room.
    fn start_waiting(&mut self) {
        while self.running.len() < self.concurrency {
            let Some(ready) = self.waiting.pop_front() else {
                return;
            };
            if !self.room.take(ready.bytes) {
                return self.waiting.push_front(ready);
            }
            let Ready {
                id,
                model,
                task,
                seed,
                input,
                claimed,
                bytes,
            } = ready;
            match model.begin(&task, &seed, &input, claimed) {
                Ok(work) => {
                    let running = Running {
                        id,
                        model,
                        work,
                        bytes,
                    };
                    self.report(&running);
                    self.running.push(running);
                }
                Err(failure) => {
                    self.room.give_back(bytes);
                    self.outlet.fail(id, failure);
                }
            }
        }
    }

    /// Advances all that runs by one pass of each model, and answers what is done.
    fn advance(&mut self) {
        self.running
            .sort_by_key(|running| Arc::as_ptr(&running.model));
        let same_model = |a: &Running, b: &Running| Arc::ptr_eq(&a.model, &b.model);
        for together in self.running.chunk_by_mut(same_model) {
            let model = together[0].model.clone();
            let mut works: Vec<&mut Work> = together.iter_mut().map(|r| &mut r.work).collect();
            model.advance(&mut works);
        }
        self.running.iter().for_each(|running| self.report(running));
        let all = self.running.drain(..);
        let (done, running): (Vec<_>, _) = all.partition(|running| running.work.is_done());
        self.running = running;
        done.into_iter().for_each(|running| self.answer(running));
    }

    fn report(&self, running: &Running) {
        let done = running.work.tokens();
        self.outlet
            .send(running.id, ResponseBody::Progress { done });
    }

    fn answer(&mut self, running: Running) {
        self.room.give_back(running.bytes);
        let body = match running.work.finish() {
            Some(Outcome::Completed(completed)) => ResponseBody::Done(completed),
            Some(Outcome::Replayed(replayed)) => ResponseBody::Replayed(replayed),
            None => ResponseBody::Failed(Failure::internal("the job has no result")),
        };
        self.outlet.send(running.id, body);
    }

    /// After a panic in the middle of a computation, the pool of threads that computations share may
    /// be unusable: all of the process is, then.
    fn abandon(&self) {
        for running in &self.running {
            let failure = Failure::internal("the computation panicked");
            self.outlet.fail(running.id, failure);
        }
        std::process::exit(1);
    }
}
