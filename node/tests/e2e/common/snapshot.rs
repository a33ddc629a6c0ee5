//! What must not change when something is refused.

use super::{
    account::{account_of, Account},
    call::Call,
    chain::{to_hex, Chain},
    submit::InBlock,
};
use codec::Encode;
use kagari_primitives::{AccountId, Balance, Hash, JobId, ModelId};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use subxt::rpcs::rpc_params;
use subxt_signer::sr25519::{dev, Keypair};

/// The whole state of the market and of the proofs, every hold, and the accounts of the parties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    entries: BTreeMap<String, String>,
    accounts: BTreeMap<&'static str, Account>,
}

/// First part of the key of everything in a pallet's storage item.
pub fn prefix(pallet: &str, item: &str) -> Vec<u8> {
    [
        sp_io::hashing::twox_128(pallet.as_bytes()),
        sp_io::hashing::twox_128(item.as_bytes()),
    ]
    .concat()
}

/// Key of one entry of a map that is hashed with `Blake2_128Concat`.
pub fn map_key(pallet: &str, item: &str, key: &impl Encode) -> Vec<u8> {
    let key = key.encode();
    [
        &prefix(pallet, item)[..],
        &sp_io::hashing::blake2_128(&key)[..],
        &key[..],
    ]
    .concat()
}

fn parties() -> [(&'static str, AccountId); 4] {
    let party = |name, pair: Keypair| (name, account_of(&pair));
    [
        party("bob", dev::bob()),
        party("charlie", dev::charlie()),
        party("dave", dev::dave()),
        party("eve", dev::eve()),
    ]
}

impl Chain {
    /// Takes a snapshot at a block.
    pub async fn snapshot(&self, at: Hash) -> Snapshot {
        let mut entries = BTreeMap::new();
        let pallets = ["ComputeMarket", "ProofOfWorkDone"];
        for pallet in pallets {
            let start = sp_io::hashing::twox_128(pallet.as_bytes());
            entries.extend(self.entries_under(&start, at).await);
        }
        entries.extend(self.entries_under(&prefix("Balances", "Holds"), at).await);
        // These move as blocks pass, whatever anybody does.
        for (pallet, item) in [
            ("ComputeMarket", "Served"),
            ("ComputeMarket", "Judged"),
            ("ComputeMarket", "Polled"),
            ("ProofOfWorkDone", "CurrentEra"),
            ("ProofOfWorkDone", "Pruned"),
        ] {
            entries.remove(&to_hex(&prefix(pallet, item)));
        }
        // Places that jobs have left are passed over when their blocks come.
        let queue = to_hex(&prefix("ComputeMarket", "Queue"));
        entries.retain(|key, _| !key.starts_with(&queue));
        let mut accounts = BTreeMap::new();
        for (name, account) in parties() {
            accounts.insert(name, self.account(&account, at).await);
        }
        Snapshot { entries, accounts }
    }

    /// Everything in one storage item: keys and values as hex.
    pub async fn entries_of(&self, pallet: &str, item: &str, at: Hash) -> BTreeMap<String, String> {
        self.entries_under(&prefix(pallet, item), at).await
    }

    async fn entries_under(&self, start: &[u8], at: Hash) -> BTreeMap<String, String> {
        const MANY: u32 = 1_000;
        let params = rpc_params![to_hex(start), MANY, None::<String>, at];
        let keys: Vec<String> = self.ask("state_getKeysPaged", params).await;
        assert!(keys.len() < MANY as usize, "the tests keep the state small");
        let sets: Vec<Json> = self
            .ask("state_queryStorageAt", rpc_params![keys, at])
            .await;
        let changes = sets
            .iter()
            .flat_map(|set| set["changes"].as_array().into_iter().flatten());
        changes
            .map(|c| (c[0].as_str().unwrap_or_default().into(), c[1].to_string()))
            .collect()
    }

    /// Sends calls that must be refused, each with its error, and leave no trace but their fees.
    pub async fn assert_refused(&self, signer: &Keypair, cases: &[(Call, &str)]) {
        let nonce = self.next_nonce(signer).await;
        let signed: Vec<_> = (nonce..)
            .zip(cases)
            .map(|(nonce, (call, _))| self.sign(signer, nonce, call))
            .collect();
        let sent = signed
            .iter()
            .map(|extrinsic| self.submit_extrinsic(extrinsic));
        let done: Vec<_> = futures::future::try_join_all(sent)
            .await
            .expect("the pool takes them");
        for (done, (_, error)) in done.iter().zip(cases) {
            assert_eq!(done.outcome, Err((*error).to_owned()));
            println!("refused as it should be: {error}");
        }
        self.assert_only_fees_paid(signer, &done).await;
    }

    /// Checks that transactions of one signer changed nothing but its balance, by their fees.
    pub async fn assert_only_fees_paid(&self, signer: &Keypair, done: &[InBlock]) {
        let blocks = || done.iter().map(|d| d.block);
        let first = blocks()
            .min_by_key(|b| b.number)
            .expect("at least one was sent");
        let last = blocks()
            .max_by_key(|b| b.number)
            .expect("at least one was sent");
        let parent = self.block(first.number - 1).await;
        let before = self.snapshot(parent.hash).await;
        let mut after = self.snapshot(last.hash).await;
        after.give_back(&account_of(signer), done.iter().map(fee_of).sum());
        assert_eq!(before, after);
    }
}

impl Snapshot {
    /// Undoes the payment of a fee. Accounts that are not looked at pay what they like.
    fn give_back(&mut self, signer: &AccountId, fee: Balance) {
        let party = parties().into_iter().find(|(_, account)| account == signer);
        let Some((name, _)) = party else { return };
        self.accounts
            .get_mut(name)
            .expect("all parties are there")
            .free += fee;
    }
}

/// What the signer of a transaction paid for it.
pub fn fee_of(done: &InBlock) -> Balance {
    let paid = done
        .events
        .iter()
        .find(|e| e.is("TransactionPayment", "TransactionFeePaid"));
    let (_, fee, tip): (AccountId, Balance, Balance) = paid.expect("signed calls pay").decode();
    // What was prepaid for a job stands last in its event.
    let jobs = done
        .events
        .iter()
        .filter(|e| e.is("ComputeMarket", "JobSubmitted"));
    let prepaid = jobs.map(|job| {
        let (_, _, _, _, prepaid): (JobId, AccountId, ModelId, Balance, Balance) = job.decode();
        prepaid
    });
    fee + tip + prepaid.sum::<Balance>()
}
