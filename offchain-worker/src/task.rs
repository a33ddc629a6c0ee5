//! The worker's thread: hears news of the chain and of inference, and carries out what the machine
//! asks for. A panic in here is logged and survived.

mod doing;
mod keys;
use crate::{
    chain::{Chain, ChainError, Head, News, NodeChain},
    inference::Inference,
    journal::Journal,
    machine::{Command, Event, Limits, Machine},
    metrics::WorkerMetrics,
    record::{Assigned, WorkId},
    LOG_TARGET,
};
use doing::Doing;
use futures::{
    channel::oneshot, executor::block_on, future::Fuse, stream::FusedStream, FutureExt, StreamExt,
};
use kagari_primitives::{BlockNumber, ComputeApi, Hash, JobId, JobState};
use keys::Keys;
use sc_client_api::{BlockBackend, BlockchainEvents};
use sc_transaction_pool_api::TransactionPool;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use sp_keystore::KeystorePtr;
use sp_panic_handler::AbortGuard;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{
    collections::{BTreeSet, VecDeque},
    io,
    panic::{catch_unwind, AssertUnwindSafe},
    path::PathBuf,
    pin::pin,
    sync::Arc,
    thread::{self, JoinHandle},
};
use substrate_prometheus_endpoint::Registry;

/// Jobs that wait beyond those that are computed; more are left for later.
const QUEUE: usize = 64;
/// Pieces of work that are remembered until their job has ended in a finalised block.
const ENTRIES: usize = 4_096;

/// No block: the one before the first that is looked at.
const NO_HEAD: Head = Head {
    hash: Hash::zero(),
    number: 0,
};

/// What a worker is made of.
pub struct WorkerParams<Client, Pool> {
    /// The node's client.
    pub client: Arc<Client>,
    /// The node's transaction pool.
    pub pool: Arc<Pool>,
    /// The keystore, with the worker keys.
    pub keystore: KeystorePtr,
    /// Inference.
    pub inference: Inference,
    /// Folder of the journal; it belongs to this worker alone.
    pub journal_dir: PathBuf,
    /// Where metrics are registered.
    pub registry: Option<Registry>,
}

/// A running worker. It ends when this is dropped.
#[must_use = "the worker ends when its handle is dropped"]
pub struct WorkerHandle {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl WorkerHandle {
    /// Whether the worker runs. It ends with the node.
    pub fn is_running(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A worker that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Starts a worker for the worker keys in the keystore.
pub fn start_worker<Block, Client, Pool>(
    params: WorkerParams<Client, Pool>,
) -> io::Result<WorkerHandle>
where
    Block: BlockT<Hash = Hash>,
    NumberFor<Block>: From<BlockNumber> + Into<BlockNumber>,
    Client: ProvideRuntimeApi<Block>
        + BlockchainEvents<Block>
        + HeaderBackend<Block>
        + BlockBackend<Block>
        + Send
        + Sync
        + 'static,
    Client::Api: ComputeApi<Block>,
    Pool: TransactionPool<Block = Block> + 'static,
{
    let WorkerParams {
        client,
        pool,
        keystore,
        inference,
        journal_dir,
        registry,
    } = params;
    let chain = NodeChain::<Block, Client, Pool>::new(client, pool, keystore);
    let metrics = WorkerMetrics::new(registry.as_ref());
    start(chain, inference, Journal::open(journal_dir), metrics)
}

/// Starts a worker on any chain.
pub fn start(
    chain: impl Chain + 'static,
    inference: Inference,
    journal: Journal,
    metrics: WorkerMetrics,
) -> io::Result<WorkerHandle> {
    let (stop, stopped) = oneshot::channel();
    let run = move || {
        // The node's panic hook ends the process on a panic in any thread without this guard.
        let _guard = AbortGuard::never_abort();
        Worker::new(chain, inference, journal, metrics).run(stopped);
    };
    let thread = thread::Builder::new()
        .name("kagari-worker".into())
        .spawn(run)?;
    Ok(WorkerHandle {
        stop: Some(stop),
        thread: Some(thread),
    })
}

struct Worker<C> {
    chain: C,
    journal: Journal,
    machine: Machine,
    limits: Limits,
    metrics: WorkerMetrics,
    doing: Doing,
    keys: Keys,
    /// The best block as the machine knows it: commands are carried out at its state.
    best: Head,
    /// The finalised block that was last looked at.
    finalised: Head,
    /// Assignments that were counted.
    counted: BTreeSet<WorkId>,
}

/// What the thread waits for.
enum Wake {
    News(News),
    Event(Event),
    End,
}

impl<C: Chain> Worker<C> {
    fn new(chain: C, inference: Inference, journal: Journal, metrics: WorkerMetrics) -> Self {
        let limits = Limits {
            concurrency: inference.concurrency().max(1),
            queue: QUEUE,
            entries: ENTRIES,
        };
        let machine = Machine::new(limits, journal.load());
        let doing = Doing::new(inference, metrics.clone());
        Self {
            chain,
            journal,
            machine,
            limits,
            metrics,
            doing,
            keys: Keys::default(),
            best: NO_HEAD,
            finalised: NO_HEAD,
            counted: BTreeSet::new(),
        }
    }

    fn run(mut self, stopped: oneshot::Receiver<()>) {
        // A receiver whose sender is gone calls itself terminated, and `select!` would pass over it.
        let mut stopped = stopped.fuse();
        let mut news = self.chain.news().fuse();
        self.survive(Self::hear_best);
        loop {
            match block_on(self.wake(&mut news, &mut stopped)) {
                Wake::News(News::Best) => self.survive(Self::hear_best),
                Wake::News(News::Finalised) => self.survive(Self::hear_finalised),
                Wake::Event(event) => {
                    // What has ended, has ended at the best block of now.
                    self.survive(Self::hear_best);
                    self.survive(|worker| worker.handle(event));
                }
                Wake::End => return,
            }
        }
    }

    async fn wake(
        &mut self,
        news: &mut (impl FusedStream<Item = News> + Unpin),
        mut stopped: &mut Fuse<oneshot::Receiver<()>>,
    ) -> Wake {
        let mut event = pin!(self.doing.next().fuse());
        futures::select! {
            news = news.next() => news.map_or(Wake::End, Wake::News),
            event = event => Wake::Event(event),
            _ = stopped => Wake::End,
        }
    }

    /// Does something, and goes on if it panics.
    fn survive(&mut self, act: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| act(self))).is_err() {
            log::error!(target: LOG_TARGET, "The worker panicked; it goes on with the next block");
        }
    }

    /// Looks at the best block. News may have queued up meanwhile; the same block is not looked at
    /// twice.
    fn hear_best(&mut self) {
        let best = self.chain.best();
        if best == self.best {
            return;
        }
        self.journal.save();
        match self.best_event(best) {
            Ok(event) => {
                self.best = best;
                self.handle(event);
            }
            Err(error) => {
                log::warn!(target: LOG_TARGET, "Cannot look at block {}: {error}", best.number)
            }
        }
    }

    fn best_event(&mut self, best: Head) -> Result<Event, ChainError> {
        let mut assigned = Vec::new();
        for worker in self.keys.in_use(&self.chain, best.hash)? {
            assigned.extend(self.chain.assignments(best.hash, &worker)?);
        }
        self.count(&assigned);
        let is_assigned = |job: &JobId| assigned.iter().any(|a| a.assignment.job == *job);
        let mut attested = Vec::new();
        for job in self
            .machine
            .unconfirmed()
            .into_iter()
            .filter(|job| !is_assigned(job))
        {
            let info = self.chain.job(best.hash, job)?;
            if let Some(JobState::Attested { attestation, .. }) = info.map(|i| i.state) {
                attested.push((job, attestation.block));
            }
        }
        Ok(Event::Best {
            number: best.number,
            assigned,
            attested,
        })
    }

    /// Counts assignments that were not there before.
    fn count(&mut self, assigned: &[Assigned]) {
        let now: BTreeSet<WorkId> = assigned.iter().map(|a| WorkId::of(&a.assignment)).collect();
        for work in now.difference(&self.counted) {
            self.metrics.assigned.inc();
            self.doing.assigned(*work);
        }
        self.counted
            .difference(&now)
            .for_each(|work| self.doing.unassigned(work));
        self.counted = now;
    }

    fn hear_finalised(&mut self) {
        let head = self.chain.finalised();
        if head == self.finalised {
            return;
        }
        let mut ended = Vec::new();
        for job in self.machine.settling(head.number) {
            match self.chain.job(head.hash, job) {
                Ok(None) => ended.push(job),
                Ok(Some(info)) if matches!(info.state, JobState::Ended(_)) => ended.push(job),
                Ok(Some(_)) => {}
                Err(error) => {
                    log::warn!(target: LOG_TARGET, "Cannot look at finalised block {}: {error}", head.number);
                    return;
                }
            }
        }
        self.finalised = head;
        self.handle(Event::Finalised {
            number: head.number,
            ended,
        });
    }

    /// Lets the machine take an event, and carries out its commands with all that follows at once.
    fn handle(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for command in self.decide(event) {
                events.extend(self.try_carry_out(command));
            }
        }
        self.metrics.running.set(self.machine.running() as u64);
        self.metrics.waiting.set(self.machine.waiting() as u64);
    }

    /// What the machine makes of an event. If that panics, commands may be lost, so that it starts
    /// over from the journal.
    fn decide(&mut self, event: Event) -> Vec<Command> {
        let decided = catch_unwind(AssertUnwindSafe(|| self.machine.handle(event)));
        decided.unwrap_or_else(|_| {
            log::error!(target: LOG_TARGET, "The worker panicked; it starts over from its journal");
            self.doing.cancel_all();
            self.machine = Machine::new(self.limits, self.journal.load());
            self.best = NO_HEAD;
            Vec::new()
        })
    }

    /// Carries out a command; if that panics, the machine hears that it failed.
    fn try_carry_out(&mut self, command: Command) -> Option<Event> {
        let failed = command.failed();
        let carried_out = catch_unwind(AssertUnwindSafe(|| self.carry_out(command)));
        carried_out.unwrap_or_else(|_| {
            log::error!(target: LOG_TARGET, "The worker panicked over one job; it goes on with the others");
            failed
        })
    }

    fn carry_out(&mut self, command: Command) -> Option<Event> {
        match command {
            Command::Run(assignment) => return self.doing.run(&self.chain, self.best, assignment),
            Command::Cancel(work) => self.doing.cancel(work),
            Command::Keep(record) => self.journal.keep(record),
            Command::Forget(work) => self.journal.forget(work),
            Command::Sign {
                work,
                worker,
                assignment_hash,
                attestation,
            } => {
                let signature = self.chain.sign(self.best.hash, &worker, attestation);
                return Some(doing::signed(work, worker, assignment_hash, signature));
            }
            Command::Submit {
                work,
                attestation,
                signature,
                output,
                ..
            } => {
                let submission = self
                    .chain
                    .submit(self.best.hash, attestation, signature, output);
                self.doing.submit(work, attestation.job, submission);
            }
            Command::NoteAttested { job, blocks } => {
                log::info!(target: LOG_TARGET, "The attestation of job {job:?} is in a block");
                if let Some(blocks) = blocks {
                    self.metrics.attestation.observe(blocks.into());
                }
                self.metrics.attested.inc();
            }
        }
        None
    }
}
