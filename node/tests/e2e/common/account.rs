//! The accounts of the development chain, and what they own.

use super::chain::Chain;
use codec::Decode;
use kagari_primitives::{AccountId, Balance, Hash};
use subxt_signer::sr25519::Keypair;

/// The account of a key pair.
pub fn account_of(pair: &Keypair) -> AccountId {
    AccountId::from(pair.public_key().0)
}

/// What `System.Account` holds, less the nonce and the flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Reasons for the account to stay, by which others count on it.
    pub consumers: u32,
    /// Reasons for the account to be there.
    pub providers: u32,
    /// Can be spent.
    pub free: Balance,
    /// Held.
    pub reserved: Balance,
    /// Cannot be spent although it is free.
    pub frozen: Balance,
}

impl Account {
    /// All that it owns.
    pub fn total(&self) -> Balance {
        self.free + self.reserved
    }
}

impl Chain {
    /// An account at a block.
    pub async fn account(&self, who: &AccountId, at: Hash) -> Account {
        type Raw = (u32, u32, u32, u32, (Balance, Balance, Balance));
        let key = super::snapshot::map_key("System", "Account", who);
        let bytes = self.storage(&key, at).await.unwrap_or_else(|| vec![0; 128]);
        let (_, consumers, providers, _, (free, reserved, frozen)) =
            Raw::decode(&mut &*bytes).expect("accounts have the usual layout");
        Account {
            consumers,
            providers,
            free,
            reserved,
            frozen,
        }
    }
    /// All tokens there are.
    pub async fn issuance(&self, at: Hash) -> Balance {
        let key = super::snapshot::prefix("Balances", "TotalIssuance");
        let bytes = self.storage(&key, at).await.expect("there are tokens");
        Balance::decode(&mut &*bytes).expect("it is a balance")
    }
}
