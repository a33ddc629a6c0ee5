//! What an account has.

use crate::{amount::Amount, connect::ChainAt};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use subxt::{
    dynamic::{self, Value},
    ext::{scale_decode::DecodeAsType, scale_value::ValueDef},
    utils::AccountId32,
};

/// What an account has at one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Funds {
    /// Free to spend.
    pub free: Amount,
    /// Held for bonds, escrows and deposits.
    pub held: Amount,
    /// What is held, by the reason.
    pub holds: BTreeMap<String, Amount>,
}

impl Funds {
    /// Everything that belongs to the account.
    pub fn total(&self) -> Amount {
        Amount(self.free.0.saturating_add(self.held.0))
    }
}

#[derive(Default, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct AccountInfo {
    data: AccountData,
}

#[derive(Default, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct AccountData {
    free: u128,
    reserved: u128,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Hold {
    id: Value,
    amount: u128,
}

/// What the account has; nothing, where it does not exist.
pub async fn funds(chain: &ChainAt, account: &AccountId32) -> Result<Funds> {
    const UNREADABLE: &str = "The account's balance can't be read";
    let address = dynamic::storage::<([u8; 32],), AccountInfo>("System", "Account");
    let info = chain
        .storage()
        .try_fetch(address, (account.0,))
        .await
        .context(UNREADABLE)?;
    let data = match info {
        Some(info) => info.decode().context(UNREADABLE)?.data,
        None => AccountData::default(),
    };
    Ok(Funds {
        free: Amount(data.free),
        held: Amount(data.reserved),
        holds: holds(chain, account).await.context(UNREADABLE)?,
    })
}

async fn holds(chain: &ChainAt, account: &AccountId32) -> Result<BTreeMap<String, Amount>> {
    let address = dynamic::storage::<([u8; 32],), Vec<Hold>>("Balances", "Holds");
    let Some(holds) = chain.storage().try_fetch(address, (account.0,)).await? else {
        return Ok(BTreeMap::new());
    };
    Ok(holds
        .decode()?
        .into_iter()
        .map(|h| (reason(&h.id), Amount(h.amount)))
        .collect())
}

/// The name of a hold's reason: `ComputeMarket.Bond`.
fn reason(id: &Value) -> String {
    let ValueDef::Variant(variant) = &id.value else {
        return id.to_string();
    };
    let inner = variant.values.values().next().map(reason);
    inner.map_or(variant.name.clone(), |inner| {
        format!("{}.{inner}", variant.name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_named_by_pallet_and_reason() {
        let bond = Value::unnamed_variant("Bond", []);
        assert_eq!(reason(&bond), "Bond");
        assert_eq!(
            reason(&Value::unnamed_variant("ComputeMarket", [bond])),
            "ComputeMarket.Bond"
        );
    }

    #[test]
    fn the_total_counts_what_is_held() {
        let funds = Funds {
            free: Amount(2),
            held: Amount(3),
            ..Default::default()
        };
        assert_eq!(funds.total(), Amount(5));
    }
}
