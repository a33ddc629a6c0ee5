//! `kagari account`: makes accounts.

use super::Ended;
use crate::{args::KeyArgs, failure::Failure, keys, output::Output};
use anyhow::{Context, Result};
use serde_json::json;

/// `account new`: makes a key; its mnemonic goes into the file and nowhere else.
pub fn new(keys: &KeyArgs, output: Output) -> Result<Ended> {
    let missing = || Failure::new("Say where the mnemonic is to be written: --key-file FILE.");
    let path = keys.key_file.as_ref().with_context(missing)?;
    let account = keys::write_new(path)?;
    output.answer(
        || json!({ "account": account.to_string(), "keyFile": path.display().to_string() }),
        || {
            format!(
                "Account {account}\nIts mnemonic is in {}, which only you can read. Keep a copy \
                 somewhere safe: who has it has the account.",
                path.display()
            )
        },
    )?;
    Ok(Ended::Done)
}
