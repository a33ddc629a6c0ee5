//! Jobs on the chain: sending them, and finding out from the chain alone what became of them.

use super::{
    chain::{Chain, ExtrinsicKind},
    compute_rpc::Prepared,
    event::{Event, JobSettled},
    submit::InBlock,
};
use kagari_primitives::{AccountId, Balance, JobId, ModelId};
use subxt_signer::sr25519::Keypair;

/// A job that is on the chain.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Its id.
    pub job: JobId,
    /// The block that it was sent in.
    pub block: u32,
    /// What is held for it.
    pub escrow: Balance,
}

impl Sent {
    /// The first job that a transaction brought, if it brought one.
    pub fn of(done: &InBlock) -> Option<Self> {
        Self::all_of(done).into_iter().next()
    }

    /// All jobs that a transaction brought.
    pub fn all_of(done: &InBlock) -> Vec<Self> {
        let sent = done
            .events
            .iter()
            .filter(|e| e.is("ComputeMarket", "JobSubmitted"));
        sent.map(|event| {
            let (job, _, _, escrow): (JobId, AccountId, ModelId, Balance) = event.decode();
            Self {
                job,
                block: done.block.number,
                escrow,
            }
        })
        .collect()
    }
}

impl Chain {
    /// Sends a job that has to be accepted.
    pub async fn send(&self, requester: &Keypair, prepared: &Prepared) -> Sent {
        let call = self.submit_job(&prepared.spec, &prepared.input);
        let done = self.submit_good(requester, &call).await;
        Sent::of(&done).expect("an accepted job is announced")
    }

    /// All events of the market about a job, from the block that it was sent in up to the best one.
    pub async fn history(&self, sent: Sent) -> Vec<(u32, Event)> {
        let head = self.head().await.number;
        let mut found = Vec::new();
        for number in sent.block..=head {
            let events = self.events(self.block(number).await.hash).await;
            let of_job = events.into_iter().filter(|e| {
                e.pallet == "ComputeMarket" && e.fields.starts_with(sent.job.as_bytes())
            });
            found.extend(of_job.map(|e| (number, e)));
        }
        found
    }

    /// Names of the events of the market about a job, less the record of its end.
    pub async fn course(&self, sent: Sent) -> Vec<String> {
        let history = self.history(sent).await;
        history
            .into_iter()
            .map(|(_, event)| event.name)
            .filter(|n| n != "JobClosed")
            .collect()
    }

    /// How a settled job was paid.
    pub async fn settlement(&self, sent: Sent) -> JobSettled {
        let history = self.history(sent).await;
        let mut settled = history
            .iter()
            .filter(|(_, e)| e.is_of_job("JobSettled", sent.job));
        let (_, event) = settled.next().expect("the job was settled");
        assert!(settled.next().is_none(), "a job is paid once: {history:?}");
        event.decode()
    }

    /// The transactions of a range of blocks: all extrinsics but the inherents.
    pub async fn transactions(&self, blocks: std::ops::RangeInclusive<u32>) -> Vec<String> {
        let mut found = Vec::new();
        for number in blocks {
            for extrinsic in self.extrinsics(self.block(number).await.hash).await {
                match self.describe(extrinsic).await {
                    (ExtrinsicKind::Bare, _) => (),
                    (_, name) => found.push(name),
                }
            }
        }
        found
    }
}
