//! `kagari balance`: what an account has.

use super::{Ended, Session};
use crate::{
    balances::{self, Funds},
    failure::Failure,
    keys,
    output::table,
};
use anyhow::{Context, Result};
use serde_json::json;
use subxt::utils::AccountId32;

/// Shows what an account has at the best block.
pub async fn show(session: &Session, account: Option<AccountId32>) -> Result<Ended> {
    let account = account_or_own(session, account)?;
    let chain = session.node.at_best().await?;
    let funds = balances::funds(&chain, &account).await?;
    let block = chain.block_number();
    session.output.answer(
        || {
            json!({
                "account": account.to_string(), "block": block,
                "free": funds.free, "held": funds.held, "holds": funds.holds,
            })
        },
        || describe(&account, block, &funds),
    )?;
    Ok(Ended::Done)
}

/// The account that was named, or else the one that signs.
pub fn account_or_own(session: &Session, account: Option<AccountId32>) -> Result<AccountId32> {
    if let Some(account) = account {
        return Ok(account);
    }
    let missing = || Failure::new("Whose? Name an account, or give --account or --key-file.");
    keys::named_account(&session.keys)?.with_context(missing)
}

fn describe(account: &AccountId32, block: u64, funds: &Funds) -> String {
    let mut rows = vec![
        ("Account", account.to_string()),
        ("Free", funds.free.to_string()),
    ];
    let held = funds
        .holds
        .iter()
        .map(|(reason, amount)| format!("{amount} for {reason}"));
    let held: Vec<String> = held.collect();
    rows.push((
        "Held",
        if held.is_empty() {
            funds.held.to_string()
        } else {
            held.join(", ")
        },
    ));
    rows.push(("Total", funds.total().to_string()));
    rows.push(("At block", block.to_string()));
    table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{amount::Amount, keys::DevAccount};

    #[test]
    fn holds_are_told_with_their_reasons() {
        let holds = [("ComputeMarket.Bond".to_owned(), Amount(1_500_000_000_000))].into();
        let funds = Funds {
            free: Amount(500_000_000_000),
            held: Amount(1_500_000_000_000),
            holds,
        };
        let told = describe(&DevAccount::Bob.account(), 7, &funds);
        assert!(
            told.contains("Held      1.5 KGR for ComputeMarket.Bond"),
            "{told}"
        );
        assert!(told.contains("Total     2 KGR"), "{told}");
        assert!(
            describe(&DevAccount::Bob.account(), 7, &Funds::default()).contains("Held      0 KGR")
        );
    }
}
