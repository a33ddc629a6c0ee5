//! The node's chain, through its JSON-RPC.

use anyhow::{Context, Result};
use codec::Decode;
use frame_support::storage::storage_prefix;
use frame_system::{AccountInfo, ConsumedWeight, EventRecord};
use kagari_runtime::{AccountId, BlockNumber, Hash, Header, Nonce, Runtime, RuntimeEvent};
use sp_core::Bytes;
use std::{
    collections::VecDeque,
    sync::{
        atomic::{AtomicUsize, Ordering},
        Arc,
    },
    time::Duration,
};
use subxt::{
    ext::jsonrpsee::ws_client::WsClientBuilder,
    rpcs::{client::RpcSubscription, rpc_params, Error as RpcError, RpcClient, UserError},
};
use tokio::sync::Semaphore;

/// Most bytes of an answer: the events of a full block are megabytes, and twice as long in hexadecimal.
const MAX_RESPONSE: u32 = 128 << 20;
/// Most extrinsics that are on their way to the pool at once. The node checks two at a time anyhow, and what it
/// has not answered after a minute counts as lost.
const AT_ONCE: usize = 256;
/// Longest that a block is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to the node for questions, and some for extrinsics.
pub struct Chain {
    /// Hash of block 0.
    pub genesis: Hash,
    questions: RpcClient,
    senders: Vec<RpcClient>,
    turn: AtomicUsize,
    permits: Semaphore,
}

/// A block, as far as a load test goes.
pub struct Block {
    /// Its header.
    pub header: Header,
    /// Its time in milliseconds.
    pub time: u64,
    /// What it weighs, by class.
    pub weight: ConsumedWeight,
    /// What happened in it.
    pub events: Vec<RuntimeEvent>,
}

impl Chain {
    /// Connects to the node at `url`, so many times for extrinsics.
    pub async fn connect(url: &str, connections: u32) -> Result<Self> {
        let questions = connect(url).await?;
        let mut senders = Vec::new();
        for _ in 0..connections {
            senders.push(connect(url).await?);
        }
        let genesis = questions
            .request("chain_getBlockHash", rpc_params![0])
            .await?;
        Ok(Self {
            genesis,
            questions,
            senders,
            turn: AtomicUsize::new(0),
            permits: Semaphore::new(AT_ONCE),
        })
    }

    /// Sends an encoded extrinsic. The outer error says that there is no node any more, the inner one that its pool
    /// refuses the extrinsic.
    pub async fn submit(&self, extrinsic: &Bytes) -> Result<Result<(), Refusal>> {
        let _permit = self.permits.acquire().await?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let sender = &self.senders[turn % self.senders.len()];
        let sent = sender
            .request::<Hash>("author_submitExtrinsic", rpc_params![extrinsic])
            .await;
        match sent {
            Ok(_) => Ok(Ok(())),
            Err(RpcError::User(error)) => Ok(Err(Refusal::new(&error))),
            Err(error) => Err(error).context("the node does not answer any more: look at its log"),
        }
    }

    /// The nonce that the best block expects of an account.
    pub async fn nonce(&self, who: &AccountId) -> Result<Nonce> {
        type Info = AccountInfo<Nonce, <Runtime as frame_system::Config>::AccountData>;
        let key = frame_system::Account::<Runtime>::hashed_key_for(who);
        Ok(self.storage::<Info>(key, None).await?.nonce)
    }

    async fn header(&self, hash: Hash) -> Result<Header> {
        let header = self
            .questions
            .request::<Option<Header>>("chain_getHeader", rpc_params![hash])
            .await?;
        header.context("the node has dropped a block before it was asked for: look at its log")
    }

    async fn block(&self, header: Header) -> Result<Block> {
        let at = Some(header.hash());
        let value =
            |pallet: &str, name: &str| storage_prefix(pallet.as_bytes(), name.as_bytes()).to_vec();
        let (records, weight, time) = tokio::try_join!(
            self.storage::<Vec<EventRecord<RuntimeEvent, Hash>>>(value("System", "Events"), at),
            self.storage::<ConsumedWeight>(value("System", "BlockWeight"), at),
            self.storage::<u64>(value("Timestamp", "Now"), at),
        )?;
        Ok(Block {
            header,
            time,
            weight,
            events: records.into_iter().map(|record| record.event).collect(),
        })
    }

    /// A value of the state of a block, or of the best one; the default, where there is none.
    async fn storage<T: Decode + Default>(&self, key: Vec<u8>, at: Option<Hash>) -> Result<T> {
        let params = rpc_params![Bytes(key), at];
        let value = self
            .questions
            .request::<Option<Bytes>>("state_getStorage", params)
            .await?;
        let Some(Bytes(value)) = value else {
            return Ok(T::default());
        };
        T::decode(&mut &value[..])
            .context("the node's runtime is another than this program's: build both anew")
    }
}

async fn connect(url: &str) -> Result<RpcClient> {
    let client = WsClientBuilder::default()
        .max_response_size(MAX_RESPONSE)
        .max_concurrent_requests(2 * AT_ONCE)
        .build(url)
        .await
        .with_context(|| {
            format!("no node answers at {url}: start one, or name another with --url")
        })?;
    Ok(RpcClient::new(client))
}

/// Why the pool refuses an extrinsic.
pub struct Refusal {
    /// In words that are the same for all refusals of a kind.
    pub reason: String,
    code: i32,
}

impl Refusal {
    // Codes of the SDK's `author_submitExtrinsic`.
    const INVALID: i32 = 1010;
    const UNKNOWN: i32 = 1011;
    const IN_POOL: i32 = 1013;
    const TOO_LOW_PRIORITY: i32 = 1014;
    /// What an extrinsic is told whose nonce, or whose job, has been served.
    const OUTDATED: &'static str = "Transaction is outdated";

    fn new(error: &UserError) -> Self {
        let detail = error.data.as_ref().map(|data| data.get().trim_matches('"'));
        let reason = match (error.code, detail) {
            (Self::INVALID | Self::UNKNOWN, Some(detail)) => {
                format!("{}: {detail}", error.message)
            }
            // Its message has the priorities.
            (Self::TOO_LOW_PRIORITY, _) => "Priority is too low".into(),
            _ => error.message.clone(),
        };
        Self {
            reason,
            code: error.code,
        }
    }

    /// Whether an extrinsic with the same nonce is in the pool or in the chain.
    pub fn is_of_taken_nonce(&self) -> bool {
        let outdated = self.code == Self::INVALID && self.reason.ends_with(Self::OUTDATED);
        outdated || matches!(self.code, Self::IN_POOL | Self::TOO_LOW_PRIORITY)
    }

    /// Whether it is of no use to send the same extrinsic again.
    pub fn is_final(&self) -> bool {
        matches!(
            self.code,
            Self::INVALID | Self::IN_POOL | Self::TOO_LOW_PRIORITY
        )
    }
}

/// The best chain's blocks as they come, none left out. For a chain of one validator: it knows no forks.
pub struct Blocks {
    chain: Arc<Chain>,
    heads: RpcSubscription<Header>,
    /// Headers of blocks that have not been given out.
    waiting: VecDeque<Header>,
    /// Height of the block that was given out last.
    seen: Option<BlockNumber>,
}

impl Blocks {
    /// Follows the chain from its best block on.
    pub async fn follow(chain: Arc<Chain>) -> Result<Self> {
        let subscribed = chain.questions.subscribe::<Header>(
            "chain_subscribeNewHeads",
            rpc_params![],
            "chain_unsubscribeNewHeads",
        );
        let heads = subscribed.await?;
        Ok(Self {
            chain,
            heads,
            waiting: VecDeque::new(),
            seen: None,
        })
    }

    /// The next block.
    pub async fn next(&mut self) -> Result<Block> {
        loop {
            if let Some(header) = self.waiting.pop_front() {
                self.seen = Some(header.number);
                return self.chain.block(header).await;
            }
            let head = tokio::time::timeout(PATIENCE, self.heads.next())
                .await
                .context("no block has come for a minute: look at the node's log")?
                .context("the node tells of no blocks any more: look at its log")?
                .context("what the node tells of a block cannot be read")?;
            self.enqueue(head).await?;
        }
    }

    /// Puts a head into the queue behind the blocks between it and what was seen before: of several that come close
    /// together, the node may tell the last alone.
    async fn enqueue(&mut self, head: Header) -> Result<()> {
        let first = self.seen.map_or(head.number, |seen| seen + 1);
        let mut header = head;
        while header.number > first {
            let parent = self.chain.header(header.parent_hash).await?;
            self.waiting.push_front(header);
            header = parent;
        }
        if header.number == first {
            self.waiting.push_front(header);
        }
        Ok(())
    }
}
