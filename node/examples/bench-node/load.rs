//! The load: keeps jobs in flight, and attests what is assigned.

use crate::{
    accounts::{Provider, Requester},
    chain::{Block, Blocks, Chain, Refusal},
    cpu::Sample,
    extrinsics::{input, Assigned, Extrinsics},
    rows::{Measured, Row},
    send::{send_attestation, send_jobs},
};
use anyhow::Result;
use kagari_primitives::{payload_hash, JobId};
use kagari_runtime::{AccountId, BlockNumber, Hash, Nonce, RuntimeEvent};
use pallet_compute_market::Event as MarketEvent;
use pallet_transaction_payment::Event as PaymentEvent;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tokio::task::JoinSet;

/// Jobs that are sent first. From then on the pool is to hold twice what the fullest block has taken in so far: more
/// would only give the node more to check anew at each block.
const FIRST_WAVE: u32 = 200;
/// Blocks after which a job is given up that the pool has accepted and that no block brings.
const PATIENCE: BlockNumber = 20;
/// Blocks from one line about the progress to the next.
const REPORT: u32 = 10;

/// How often extrinsics were refused, by reason.
pub type Refusals = BTreeMap<String, u32>;

/// What limits the load.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Most jobs that are sent and not over.
    pub in_flight: u32,
    /// Most that are sent and not attested: what providers can have assigned.
    pub capacity: u32,
}

/// A requester, and how far its nonces are.
struct Account {
    requester: Arc<Requester>,
    /// The next nonce to be sent.
    sent: Nonce,
    /// The next nonce that the chain expects.
    included: Nonce,
    /// The block in which that one grew last, or in which sending began.
    moved: BlockNumber,
    /// Whether something is being sent for it.
    busy: bool,
}

impl Account {
    fn pooled(&self) -> u32 {
        self.sent.saturating_sub(self.included)
    }
}

/// What became of what was sent.
struct Sent {
    /// The place of the requester whose jobs it was, and its next nonce.
    account: Option<(usize, Nonce)>,
    refusals: Vec<Refusal>,
}

/// The load on a chain.
pub struct Load {
    chain: Arc<Chain>,
    extrinsics: Arc<Extrinsics>,
    limits: Limits,
    accounts: Vec<Account>,
    /// Where each requester stands among the accounts.
    places: HashMap<AccountId, usize>,
    providers: HashMap<AccountId, Arc<Provider>>,
    /// The jobs that came in and are not attested, with the hashes of their inputs.
    unattested: HashMap<JobId, Hash>,
    /// Number of jobs that came in and are not over.
    open: u32,
    /// Most jobs that came in in one block.
    most_submitted: u32,
    /// Whose turn it is to send.
    turn: usize,
    /// What is being sent.
    tasks: JoinSet<Result<Sent>>,
    refusals: Refusals,
    lost: u32,
}

impl Load {
    /// A load by these accounts, which are funded and bonded.
    pub async fn new(
        chain: Arc<Chain>,
        extrinsics: Arc<Extrinsics>,
        limits: Limits,
        requesters: Vec<Arc<Requester>>,
        providers: Vec<Arc<Provider>>,
    ) -> Result<Self> {
        let mut accounts = Vec::new();
        for requester in requesters {
            let nonce = chain.nonce(&requester.account).await?;
            accounts.push(Account {
                requester,
                sent: nonce,
                included: nonce,
                moved: 0,
                busy: false,
            });
        }
        let places = accounts.iter().map(|a| a.requester.account.clone());
        Ok(Self {
            chain,
            extrinsics,
            limits,
            places: places.zip(0..).collect(),
            accounts,
            providers: providers
                .into_iter()
                .map(|p| (p.account.clone(), p))
                .collect(),
            unattested: HashMap::new(),
            open: 0,
            most_submitted: 0,
            turn: 0,
            tasks: JoinSet::new(),
            refusals: Refusals::new(),
            lost: 0,
        })
    }

    /// Loads the chain, and measures over the blocks after the warm-up.
    pub async fn run(
        mut self,
        blocks: &mut Blocks,
        warm_up: u32,
        measured: u32,
        node_pid: Option<u32>,
    ) -> Result<Measured> {
        eprintln!("Warming up for {warm_up} blocks");
        let mut base = self.step(blocks).await?;
        for count in 1..=warm_up {
            base = self.step(blocks).await?;
            tell(count, warm_up, &base);
        }
        self.refusals.clear();
        self.lost = 0;
        let before = Sample::take(node_pid)?;

        eprintln!("Measuring over {measured} blocks");
        let mut rows = Vec::new();
        for count in 1..=measured {
            let row = self.step(blocks).await?;
            tell(count, measured, &row);
            rows.push(row);
        }
        Ok(Measured {
            base,
            rows,
            refusals: self.refusals,
            lost: self.lost,
            cores: Sample::take(node_pid)?.since(&before)?,
            limits: self.limits,
        })
    }

    /// Waits for a block, has what it assigns attested, and fills up what is in flight.
    async fn step(&mut self, blocks: &mut Blocks) -> Result<Row> {
        let block = blocks.next().await?;
        let now = block.header.number;
        let mut row = Row::of(&block);
        for event in &block.events {
            match event {
                RuntimeEvent::ComputeMarket(event) => self.follow(event, &block),
                RuntimeEvent::TransactionPayment(PaymentEvent::TransactionFeePaid {
                    who, ..
                }) => self.include(who, now),
                _ => {}
            }
        }
        self.collect_sent()?;
        self.give_up_lost(now);
        self.most_submitted = self.most_submitted.max(row.submitted);
        row.pooled = self.pooled();
        row.unattested = self.unattested_of(row.pooled);
        row.in_flight = row.pooled + self.open;
        self.fill_up(&row, now);
        Ok(row)
    }

    fn pooled(&self) -> u32 {
        self.accounts.iter().map(Account::pooled).sum()
    }

    fn unattested_of(&self, pooled: u32) -> u32 {
        pooled + self.unattested.len() as u32
    }

    fn follow(&mut self, event: &MarketEvent<kagari_runtime::Runtime>, block: &Block) {
        match event {
            MarketEvent::JobSubmitted { job, requester, .. } => self.enter(*job, requester),
            MarketEvent::JobAssigned { job, provider, .. } => self.assign(*job, provider, block),
            MarketEvent::JobAttested { job, .. } => {
                self.unattested.remove(job);
            }
            MarketEvent::JobSettled { job, .. } | MarketEvent::JobRefunded { job, .. } => {
                self.unattested.remove(job);
                self.open = self.open.saturating_sub(1);
            }
            _ => {}
        }
    }

    /// A job has come in. The fee of its extrinsic is paid, and the nonce counted, after it.
    fn enter(&mut self, job: JobId, requester: &AccountId) {
        let Some(place) = self.places.get(requester) else {
            return;
        };
        let account = &self.accounts[*place];
        let input = input(&account.requester, account.included);
        self.unattested.insert(job, payload_hash(&input));
        self.open += 1;
    }

    /// Has the worker attest a job that was assigned to its provider.
    fn assign(&mut self, job: JobId, provider: &AccountId, block: &Block) {
        let provider = self.providers.get(provider).cloned();
        let input_hash = self.unattested.get(&job).copied();
        let Some((provider, input_hash)) = provider.zip(input_hash) else {
            return;
        };
        let assigned = Assigned {
            job,
            input_hash,
            at: block.header.number,
            parent: block.header.parent_hash,
        };
        let (chain, extrinsics) = (self.chain.clone(), self.extrinsics.clone());
        self.tasks.spawn(async move {
            let refusals = send_attestation(&chain, &extrinsics, &provider, &assigned).await?;
            Ok(Sent {
                account: None,
                refusals,
            })
        });
    }

    /// A signed extrinsic stands in a block.
    fn include(&mut self, who: &AccountId, now: BlockNumber) {
        let Some(place) = self.places.get(who) else {
            return;
        };
        let account = &mut self.accounts[*place];
        account.included += 1;
        account.sent = account.sent.max(account.included);
        account.moved = now;
    }

    /// Takes in what became of what was sent since it was last asked.
    fn collect_sent(&mut self) -> Result<()> {
        while let Some(sent) = self.tasks.try_join_next() {
            let Sent { account, refusals } = sent??;
            if let Some((place, next)) = account {
                let account = &mut self.accounts[place];
                account.sent = next.max(account.included);
                account.busy = false;
            }
            for refusal in refusals {
                *self.refusals.entry(refusal.reason).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Sends anew what the pool has accepted and lost.
    fn give_up_lost(&mut self, now: BlockNumber) {
        for account in &mut self.accounts {
            let stuck = now.saturating_sub(account.moved) > PATIENCE;
            if stuck && !account.busy && account.pooled() > 0 {
                self.lost += account.pooled();
                account.sent = account.included;
            }
        }
    }

    /// How many jobs more may be sent now.
    fn room(&self, row: &Row) -> u32 {
        let in_flight = self.limits.in_flight.saturating_sub(row.in_flight);
        let unattested = self.limits.capacity.saturating_sub(row.unattested);
        let pooled = (2 * self.most_submitted + FIRST_WAVE).saturating_sub(row.pooled);
        in_flight.min(unattested).min(pooled)
    }

    /// Sends as many jobs as there is room for, by all requesters that are not busy.
    fn fill_up(&mut self, row: &Row, now: BlockNumber) {
        let mut room = self.room(row);
        let idle = self.accounts.iter().filter(|a| !a.busy).count() as u32;
        let each = room.div_ceil(idle.max(1));
        for _ in 0..self.accounts.len() {
            let (place, count) = (self.turn, each.min(room));
            if count == 0 {
                break;
            }
            self.turn = (self.turn + 1) % self.accounts.len();
            if !self.accounts[place].busy {
                self.request(place, count, now);
                room -= count;
            }
        }
    }

    /// Sends so many jobs for a requester.
    fn request(&mut self, place: usize, count: u32, now: BlockNumber) {
        let account = &mut self.accounts[place];
        if account.pooled() == 0 {
            account.moved = now;
        }
        let nonces = account.sent..account.sent + count;
        account.sent += count;
        account.busy = true;
        let requester = account.requester.clone();
        let (chain, extrinsics) = (self.chain.clone(), self.extrinsics.clone());
        self.tasks.spawn(async move {
            let (next, refusals) = send_jobs(&chain, &extrinsics, &requester, nonces).await?;
            Ok(Sent {
                account: Some((place, next)),
                refusals,
            })
        });
    }
}

/// Tells how it goes, every so many blocks.
fn tell(count: u32, of: u32, row: &Row) {
    if count.is_multiple_of(REPORT) {
        eprintln!(
            "Block {count} of {of}: {} jobs submitted, {} attested, {} settled; {} in flight, {} of them in the pool",
            row.submitted, row.attested, row.settled, row.in_flight, row.pooled
        );
    }
}
