//! The errors of the namespace `compute_*`: one table of codes, and messages that say what to do.

use jsonrpsee::types::{ErrorObject, ErrorObjectOwned};
use kagari_offchain_worker::InferenceError;
use kagari_primitives::ModelId;
use sc_rpc_api::UnsafeRpcError;

/// Why a request could not be answered.
#[derive(Debug)]
pub enum Error {
    /// The request itself is wrong.
    BadRequest(String),
    /// The model is not registered.
    UnknownModel {
        /// What was asked for.
        asked: String,
        /// Names and ids of models that are registered.
        known: Vec<(String, ModelId)>,
    },
    /// Several registered models bear the name.
    AmbiguousModel {
        /// The name.
        name: String,
        /// The models that bear it.
        ids: Vec<ModelId>,
    },
    /// The node has no files of the model.
    ModelNotHere {
        /// The model's name.
        name: String,
    },
    /// The input does not fit.
    TooLong(String),
    /// Too many wait for inference.
    Busy,
    /// Inference failed.
    Inference(String),
    /// The node's own fault.
    Internal(String),
    /// The method is not for the public.
    Unsafe(UnsafeRpcError),
}

/// What a caller is told of how many models are known, so that messages stay short.
const MOST_NAMED: usize = 16;

impl Error {
    /// The code, by which programs tell errors apart.
    fn code(&self) -> i32 {
        match self {
            Self::BadRequest(_) => 11_001,
            Self::UnknownModel { .. } => 11_002,
            Self::AmbiguousModel { .. } => 11_003,
            Self::ModelNotHere { .. } => 11_004,
            Self::TooLong(_) => 11_005,
            Self::Busy => 11_006,
            Self::Inference(_) => 11_007,
            Self::Internal(_) => 11_008,
            // As for every unsafe method of the SDK.
            Self::Unsafe(_) => jsonrpsee::types::error::METHOD_NOT_FOUND_CODE,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::BadRequest(what) | Self::TooLong(what) => what.clone(),
            Self::UnknownModel { asked, known } => unknown_model(asked, known),
            Self::AmbiguousModel { name, ids } => {
                format!(
                    "several models are named `{name}`: give one of their ids, {}",
                    list(ids)
                )
            }
            Self::ModelNotHere { name } => format!(
                "this node has no files of `{name}`: ask another node, or put the files into the \
                 folder that the node was started with (--models DIR), in a subfolder of that name"
            ),
            Self::Busy => "too many requests wait for this node's models: try again later".into(),
            Self::Inference(why) => format!("this node's models could not answer: {why}"),
            Self::Internal(why) => format!("this node could not answer: {why}"),
            Self::Unsafe(error) => format!(
                "{error}: call it from the node's own machine, or start the node with \
                 --rpc-methods unsafe"
            ),
        }
    }
}

fn unknown_model(asked: &str, known: &[(String, ModelId)]) -> String {
    if known.is_empty() {
        return format!("no model `{asked}` is registered, nor is any other");
    }
    let named: Vec<String> = known
        .iter()
        .take(MOST_NAMED)
        .map(|(name, id)| format!("{name} ({id:?})"))
        .collect();
    let more = if known.len() > MOST_NAMED {
        ", …"
    } else {
        ""
    };
    format!(
        "no model `{asked}` is registered; there are {}{more}",
        named.join(", ")
    )
}

fn list(ids: &[ModelId]) -> String {
    let ids: Vec<String> = ids
        .iter()
        .take(MOST_NAMED)
        .map(|id| format!("{id:?}"))
        .collect();
    ids.join(", ")
}

impl From<Error> for ErrorObjectOwned {
    fn from(error: Error) -> Self {
        ErrorObject::owned(error.code(), error.message(), None::<()>)
    }
}

impl From<sp_api::ApiError> for Error {
    fn from(error: sp_api::ApiError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<sp_blockchain::Error> for Error {
    fn from(error: sp_blockchain::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<InferenceError> for Error {
    fn from(error: InferenceError) -> Self {
        match error {
            InferenceError::ModelMissing { name, .. } => Self::ModelNotHere { name },
            InferenceError::BadInput(why) => Self::BadRequest(why),
            InferenceError::Busy => Self::Busy,
            other => Self::Inference(other.to_string()),
        }
    }
}

impl From<UnsafeRpcError> for Error {
    fn from(error: UnsafeRpcError) -> Self {
        Self::Unsafe(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_model_comes_with_those_that_are_known() {
        let known = vec![("tiny".to_string(), ModelId::repeat_byte(7))];
        let error: ErrorObjectOwned = Error::UnknownModel {
            asked: "huge".into(),
            known,
        }
        .into();
        assert_eq!(error.code(), 11_002);
        assert!(error.message().contains("`huge`"), "{}", error.message());
        assert!(
            error.message().contains("tiny (0x0707"),
            "{}",
            error.message()
        );
    }

    #[test]
    fn a_long_list_of_models_is_cut() {
        let known = vec![("m".to_string(), ModelId::zero()); 1_000];
        let message = Error::UnknownModel {
            asked: "x".into(),
            known,
        }
        .message();
        assert!(message.len() < 2_000);
        assert!(message.ends_with('…'));
    }
}
