//! What went wrong, in plain words.

use serde_json::{json, Value};
use std::fmt;
use subxt::error::{
    BackendError, DispatchError, ExtrinsicError, ModuleError, RpcError, TokenError,
    TransactionEventsError,
};
use subxt::rpcs;

/// An error that says more than its message: programs read the rest with `--json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong and what to do about it.
    pub message: String,
    /// The chain's name for it, for example `ComputeMarket.NoOfferInReach`.
    pub name: Option<String>,
    /// The job that was already under way.
    pub job: Option<String>,
    /// Whether the user stopped it.
    pub interrupted: bool,
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Failure {
    /// An error that is only a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    /// The user stopped it.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self {
            interrupted: true,
            ..Self::new(message)
        }
    }

    /// The same, about a job that goes on without us.
    pub fn about_job(self, job: impl ToString) -> Self {
        let job = job.to_string();
        let message = format!(
            "{} The job goes on without this command: come back with `kagari job watch {job}`.",
            self.message
        );
        Self {
            message,
            job: Some(job),
            ..self
        }
    }

    /// What an RPC call came back with.
    pub fn of_rpc(error: &rpcs::Error) -> Self {
        match error {
            rpcs::Error::User(error) => Self::new(user_error_words(error)),
            rpcs::Error::Client(error) => Self::new(lost_connection(&error.to_string())),
            other => Self::new(format!("The node's answer can't be read: {other}.")),
        }
    }

    /// Why a transaction was not taken by the node.
    pub fn of_submission(error: &ExtrinsicError) -> Self {
        match error {
            ExtrinsicError::ErrorSubmittingTransaction(BackendError::Rpc(
                RpcError::ClientError(error),
            )) => Self::of_rpc(error),
            other => Self::new(format!("The transaction could not be made: {other}.")),
        }
    }

    /// Why a transaction in a block did nothing.
    pub fn of_events(error: &TransactionEventsError) -> Self {
        match error {
            TransactionEventsError::ExtrinsicFailed(error) => Self::of_dispatch(error),
            other => Self::new(format!("What the transaction did can't be read: {other}.")),
        }
    }

    fn of_dispatch(error: &DispatchError) -> Self {
        match error {
            DispatchError::Module(error) => Self::of_module(error),
            DispatchError::Token(TokenError::FundsUnavailable) => Self {
                message: "The account doesn't have enough KGR for this: see `kagari balance`."
                    .into(),
                name: Some("Token.FundsUnavailable".into()),
                ..Self::default()
            },
            other => Self::new(format!("The chain refused the transaction: {other}")),
        }
    }

    fn of_module(error: &ModuleError) -> Self {
        let Ok(details) = error.details() else {
            return Self::new(format!("The chain refused the transaction: {error}."));
        };
        let (pallet, variant) = (details.pallet.name(), &details.variant);
        let docs = variant.docs.join(" ");
        Self {
            message: format!(
                "The chain refused it ({pallet}.{}): {}",
                variant.name,
                docs.trim()
            ),
            name: Some(format!("{pallet}.{}", variant.name)),
            ..Self::default()
        }
    }

    /// The error as `--json` prints it.
    pub fn to_json(&self) -> Value {
        let mut object = json!({ "error": self.message });
        for (key, value) in [("name", &self.name), ("job", &self.job)] {
            if let Some(value) = value {
                object[key] = json!(value);
            }
        }
        object
    }

    /// The failure behind an error, whatever stands around it.
    pub fn of_any(error: &anyhow::Error) -> Self {
        let inner = error.downcast_ref::<Self>().cloned().unwrap_or_default();
        Self {
            message: sentence(error),
            ..inner
        }
    }
}

impl From<rpcs::Error> for Failure {
    fn from(error: rpcs::Error) -> Self {
        Self::of_rpc(&error)
    }
}

/// The error and its causes in one line.
fn sentence(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = error.chain().map(ToString::to_string).collect();
    // Many errors repeat their cause.
    parts.dedup_by(|cause, said| said.contains(cause.as_str()));
    parts.join(": ")
}

fn lost_connection(error: &str) -> String {
    // What the RPC client says of itself once a connection is closed; it says nothing to people.
    let why = if error.contains("restart required") {
        "it was closed"
    } else {
        error
    };
    format!("The connection to the node failed: {why}. Check that the node still runs.")
}

fn user_error_words(error: &rpcs::UserError) -> String {
    // A Kagari node that knows the method and doesn't allow it uses the same code and says why.
    if error.message == "Method not found" {
        return "This node doesn't know the method that was called: is it a Kagari node?".into();
    }
    let data = error
        .data
        .as_ref()
        .map(|d| data_words(d.get()))
        .unwrap_or_default();
    if data.contains("Inability to pay some fees") {
        return "The account can't pay the fee: see `kagari balance`.".into();
    }
    let told = if data.is_empty() {
        error.message.clone()
    } else {
        format!("{}: {data}", error.message)
    };
    format!("The node refused it: {}.", told.trim_end_matches('.'))
}

/// The data of an RPC error: the text itself if it is a JSON string.
fn data_words(raw: &str) -> String {
    serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    fn user_error(message: &str, data: Option<&str>) -> rpcs::Error {
        let data = data.map(|d| serde_json::from_str(d).expect("is JSON"));
        rpcs::Error::User(rpcs::UserError {
            code: 1010,
            message: message.into(),
            data,
        })
    }

    #[test]
    fn the_data_of_an_rpc_error_is_told() {
        let told = |data| Failure::of_rpc(&user_error("Invalid Transaction", data)).message;
        let stale = told(Some("\"Transaction is outdated\""));
        assert_eq!(
            stale,
            "The node refused it: Invalid Transaction: Transaction is outdated."
        );
        assert_eq!(told(None), "The node refused it: Invalid Transaction.");
        assert_eq!(
            told(Some("{\"a\":1}")),
            "The node refused it: Invalid Transaction: {\"a\":1}."
        );
        let poor = told(Some(
            "\"Inability to pay some fees (e.g. account balance too low)\"",
        ));
        assert!(poor.contains("can't pay the fee"), "{poor}");
    }

    #[test]
    fn a_lost_connection_is_told_without_the_client_s_own_words() {
        let told = lost_connection("background task closed; restart required");
        assert!(
            told.contains("it was closed") && !told.contains("restart"),
            "{told}"
        );
        assert!(lost_connection("broken pipe").contains("broken pipe"));
    }

    #[test]
    fn a_foreign_node_is_told_apart() {
        assert!(Failure::of_rpc(&user_error("Method not found", None))
            .message
            .contains("Kagari node"));
    }

    #[test]
    fn json_carries_what_is_known_and_no_more() {
        let failure = Failure::new("No.");
        assert_eq!(failure.to_json(), json!({ "error": "No." }));
        let failure = Failure {
            name: Some("A.B".into()),
            ..failure
        };
        assert_eq!(failure.to_json(), json!({ "error": "No.", "name": "A.B" }));
        let about_job = failure.about_job("0x01");
        assert_eq!(about_job.to_json()["job"], "0x01");
        assert!(about_job.message.contains("kagari job watch 0x01"));
    }

    #[test]
    fn context_is_told_and_the_name_kept() {
        let failure = Failure {
            name: Some("A.B".into()),
            ..Failure::new("No.")
        };
        let error = Err::<(), _>(failure)
            .context("Asking")
            .expect_err("is an error");
        let told = Failure::of_any(&error);
        assert_eq!(told.message, "Asking: No.");
        assert_eq!(told.name.as_deref(), Some("A.B"));
    }
}
