//! A chain as a client sees it: plain JSON-RPC for what goes over the wire, subxt with the node's own
//! metadata for what has to be signed and decoded.

use super::{event::Event, process::pause};
use codec::{Decode, Encode};
use kagari_primitives::Hash;
use serde_json::Value as Json;
use std::sync::Arc;
use subxt::{
    config::substrate::{SpecVersionForRange, SubstrateConfig},
    rpcs::{client::RpcParams, rpc_params, Error as RpcError, RpcClient},
    Metadata, OfflineClient, OfflineClientAtBlock,
};

/// Looks at the chain that a wait lasts at most: far above what any wait here needs.
const MOST_LOOKS: u32 = 6_000;

/// A connection to one node.
pub struct Chain {
    /// The connection itself.
    pub rpc: RpcClient,
    /// Hash of block 0.
    pub genesis: Hash,
    /// What subxt needs in order to sign and decode.
    pub(super) offline: OfflineClientAtBlock<SubstrateConfig>,
}

/// A block that is on the best chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRef {
    /// Its height.
    pub number: u32,
    /// Its hash.
    pub hash: Hash,
}

impl Chain {
    /// Connects to the node at `url`.
    pub async fn connect(url: &str) -> Self {
        let rpc = RpcClient::from_insecure_url(url)
            .await
            .expect("the node takes connections");
        let genesis: Hash = request(&rpc, "chain_getBlockHash", rpc_params![0]).await;
        let offline = offline_client(&rpc, genesis).await;
        Self {
            rpc,
            genesis,
            offline,
        }
    }

    /// The node's metadata.
    pub fn metadata(&self) -> &Metadata {
        self.offline.metadata_ref()
    }

    /// Asks the node something that it has to answer.
    pub async fn ask<T: serde::de::DeserializeOwned>(&self, method: &str, params: RpcParams) -> T {
        request(&self.rpc, method, params).await
    }

    /// Asks the node something that it has to refuse, and gives its words.
    pub async fn ask_refused(&self, method: &str, params: RpcParams) -> String {
        match self.rpc.request::<Json>(method, params).await {
            Ok(answer) => panic!("{method} was answered: {answer}"),
            Err(refusal) => words_of(&refusal),
        }
    }

    /// Calls a function of the runtime.
    pub async fn runtime_call<T: Decode>(&self, function: &str, args: impl Encode, at: Hash) -> T {
        runtime_call(&self.rpc, function, args, at).await
    }

    /// The best block.
    pub async fn head(&self) -> BlockRef {
        let header: Json = self.ask("chain_getHeader", rpc_params![]).await;
        let number = height(&header);
        BlockRef {
            number,
            hash: self.ask("chain_getBlockHash", rpc_params![number]).await,
        }
    }

    /// The best chain's block of this height.
    pub async fn block(&self, number: u32) -> BlockRef {
        BlockRef {
            number,
            hash: self.ask("chain_getBlockHash", rpc_params![number]).await,
        }
    }

    /// Height of the last finalised block.
    pub async fn finalized(&self) -> u32 {
        let hash: Hash = self.ask("chain_getFinalizedHead", rpc_params![]).await;
        height(&self.ask("chain_getHeader", rpc_params![hash]).await)
    }

    /// Waits until the best chain is this high.
    pub async fn wait_for_height(&self, number: u32) -> BlockRef {
        for _ in 0..MOST_LOOKS {
            let head = self.head().await;
            if head.number >= number {
                return head;
            }
            pause().await;
        }
        panic!("the chain never reached height {number}");
    }

    /// Waits until the block of this height is final.
    pub async fn wait_until_final(&self, number: u32) {
        for _ in 0..MOST_LOOKS {
            if self.finalized().await >= number {
                return;
            }
            pause().await;
        }
        panic!("block {number} never became final");
    }

    /// The extrinsics of a block, each with its length prefix.
    pub async fn extrinsics(&self, block: Hash) -> Vec<Vec<u8>> {
        let found: Json = self.ask("chain_getBlock", rpc_params![block]).await;
        let extrinsics = found["block"]["extrinsics"]
            .as_array()
            .expect("a block has extrinsics");
        extrinsics
            .iter()
            .map(|e| from_hex(e.as_str().expect("an extrinsic is hex")))
            .collect()
    }

    /// `Pallet.call` of an extrinsic, and the kind that its preamble names.
    pub async fn describe(&self, extrinsic: Vec<u8>) -> (ExtrinsicKind, String) {
        let kind = ExtrinsicKind::of(&extrinsic);
        let decoded = self.offline.extrinsics().from_bytes(vec![extrinsic]).await;
        let decoded = decoded
            .iter()
            .next()
            .expect("one was given")
            .expect("it can be decoded");
        (
            kind,
            format!("{}.{}", decoded.pallet_name(), decoded.call_name()),
        )
    }

    /// The events of a block.
    pub async fn events(&self, block: Hash) -> Vec<Event> {
        let key = [
            sp_io::hashing::twox_128(b"System"),
            sp_io::hashing::twox_128(b"Events"),
        ]
        .concat();
        let bytes = self.storage(&key, block).await.unwrap_or_default();
        let events = self.offline.events().from_bytes(bytes);
        events
            .iter()
            .map(|e| Event::new(&e.expect("events can be decoded")))
            .collect()
    }

    /// One value of the state.
    pub async fn storage(&self, key: &[u8], at: Hash) -> Option<Vec<u8>> {
        let found: Option<String> = self
            .ask("state_getStorage", rpc_params![to_hex(key), at])
            .await;
        found.map(|hex| from_hex(&hex))
    }
}

/// How an extrinsic is authorised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtrinsicKind {
    /// By nothing: an inherent.
    Bare,
    /// By a signature.
    Signed,
    /// By its transaction extensions.
    General,
}

impl ExtrinsicKind {
    /// Reads the first byte after the length.
    fn of(extrinsic: &[u8]) -> Self {
        let content = Vec::<u8>::decode(&mut &*extrinsic).expect("an extrinsic has a length");
        match content.first().expect("no extrinsic is empty") >> 6 {
            0 => Self::Bare,
            1 => Self::General,
            _ => Self::Signed,
        }
    }
}

async fn offline_client(rpc: &RpcClient, genesis: Hash) -> OfflineClientAtBlock<SubstrateConfig> {
    let version: Json = request(rpc, "state_getRuntimeVersion", rpc_params![]).await;
    let figure = |name: &str| {
        let figure = version[name].as_u64().expect("a version is a number");
        u32::try_from(figure).expect("a version is small")
    };
    let (spec_version, transaction_version) = (figure("specVersion"), figure("transactionVersion"));
    let metadata: Option<Vec<u8>> =
        runtime_call(rpc, "Metadata_metadata_at_version", 16u32, genesis).await;
    let metadata = metadata.expect("the runtime has metadata V16");
    let metadata = Metadata::decode_from(&metadata).expect("the metadata can be decoded");
    let config = SubstrateConfig::builder()
        .set_genesis_hash(genesis.0.into())
        .set_metadata_for_spec_versions([(spec_version, Arc::new(metadata))])
        .set_spec_version_for_block_ranges([SpecVersionForRange {
            block_range: 0..u64::MAX,
            spec_version,
            transaction_version,
        }])
        .build();
    OfflineClient::new_with_config(config)
        .at_block(0u64)
        .expect("the configuration is complete")
}

async fn request<T: serde::de::DeserializeOwned>(
    rpc: &RpcClient,
    method: &str,
    params: RpcParams,
) -> T {
    rpc.request(method, params)
        .await
        .unwrap_or_else(|e| panic!("{method}: {e}"))
}

async fn runtime_call<T: Decode>(
    rpc: &RpcClient,
    function: &str,
    args: impl Encode,
    at: Hash,
) -> T {
    let args = to_hex(&args.encode());
    let answer: String = request(rpc, "state_call", rpc_params![function, args, at]).await;
    T::decode(&mut &*from_hex(&answer)).expect("the runtime answers in the declared type")
}

/// Height of a header.
pub fn height(header: &Json) -> u32 {
    let hex = header["number"]
        .as_str()
        .expect("a header has a number")
        .trim_start_matches("0x");
    u32::from_str_radix(hex, 16).expect("a height is hex")
}

/// Bytes as `0x` hex.
pub fn to_hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// Bytes of `0x` hex.
pub fn from_hex(text: &str) -> Vec<u8> {
    hex::decode(text.trim_start_matches("0x")).expect("the node writes hex")
}

/// What a refusal says: code, message, and what stands beside it.
pub fn words_of(refusal: &RpcError) -> String {
    let RpcError::User(refusal) = refusal else {
        return refusal.to_string();
    };
    let data = refusal.data.as_ref().map(|d| d.get()).unwrap_or_default();
    format!("{} {} {data}", refusal.code, refusal.message)
}
