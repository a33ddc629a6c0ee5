//! What `compute_prepare` is asked, and what is wrong with it.

use super::{error::Error, json::Amount};
use kagari_inference::protocol::ChatMessage;
use kagari_primitives::{
    job::is_replica_count, Architecture, Manifest, Sampling, Task, MAX_INPUT, MAX_OUTPUT,
    MAX_REPLICAS, MIN_REPLICAS,
};
use serde::Deserialize;

/// Tokens put out at most, where the request does not say.
const DEFAULT_NEW_TOKENS: u32 = 256;
/// Most bytes of text in a request. It could be no input: few tokens are longer than this a piece.
const MAX_TEXT: usize = 64 * MAX_INPUT as usize;

/// What `compute_prepare` is asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrepareRequest {
    /// The model's name or id.
    pub model: String,
    /// Text to go on with, or to embed.
    pub text: Option<String>,
    /// A conversation to answer.
    pub messages: Option<Vec<ChatMessage>>,
    /// Most tokens put out.
    pub max_new_tokens: Option<u32>,
    /// 0 takes the likeliest token every time; at most 10.
    pub temperature: Option<f64>,
    /// Share of the probability that is drawn from: above 0, at most 1.
    pub top_p: Option<f64>,
    /// Seed of the draws.
    pub seed: Option<u64>,
    /// The price per work unit to reckon with instead of that of the offers.
    pub price_per_unit: Option<Amount>,
    /// How many providers are to compute it; 1 where the request does not say.
    pub replicas: Option<u8>,
}

/// What is to become a model's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text.
    Text(String),
    /// A conversation.
    Chat(Vec<ChatMessage>),
}

/// What kind of job is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A completion of at most so many tokens, where the request says.
    Completion(Option<u32>, Sampling),
    /// An embedding.
    Embedding,
}

/// A request that makes sense for its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What is to become the input.
    pub content: Content,
    /// What kind of job it is.
    pub kind: Kind,
    /// How many providers are to compute it.
    pub replicas: u8,
}

fn bad<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::BadRequest(message.into()))
}

/// Checks what can be checked before the text is turned into token ids.
pub fn check(request: PrepareRequest, manifest: &Manifest) -> Result<Plan, Error> {
    let kind = match manifest.shape.architecture {
        Architecture::Llama => completion(&request)?,
        Architecture::Bert => embedding(&request, &manifest.name_text())?,
    };
    let replicas = replicas(request.replicas)?;
    let content = content(request, manifest)?;
    Ok(Plan {
        content,
        kind,
        replicas,
    })
}

fn replicas(given: Option<u8>) -> Result<u8, Error> {
    match given.unwrap_or(1) {
        // The chain takes 0 for 1, but who asks for none means something else.
        replicas if replicas > 0 && is_replica_count(replicas) => Ok(replicas),
        replicas => bad(format!(
            "`replicas` is {replicas}: give 1, for one provider alone, or {MIN_REPLICAS} to {MAX_REPLICAS}, \
             which are compared"
        )),
    }
}

fn completion(request: &PrepareRequest) -> Result<Kind, Error> {
    if request.max_new_tokens == Some(0) {
        return bad("`maxNewTokens` is 0: ask for at least one token");
    }
    if request
        .max_new_tokens
        .is_some_and(|tokens| tokens > MAX_OUTPUT)
    {
        return bad(format!(
            "`maxNewTokens` is more than {MAX_OUTPUT}, the most that a job puts out"
        ));
    }
    let sampling = Sampling {
        temperature: temperature(request.temperature)?,
        top_p: top_p(request.top_p)?,
        seed: request.seed.unwrap_or(Sampling::GREEDY.seed),
    };
    Ok(Kind::Completion(request.max_new_tokens, sampling))
}

fn temperature(given: Option<f64>) -> Result<u32, Error> {
    let Some(given) = given else {
        return Ok(Sampling::GREEDY.temperature);
    };
    match thousandths(given) {
        Some(value) if value <= Sampling::MAX_TEMPERATURE => Ok(value),
        _ => bad(format!(
            "`temperature` is {given}: give 0, for the likeliest token every time, to {}",
            Sampling::MAX_TEMPERATURE / 1_000
        )),
    }
}

fn top_p(given: Option<f64>) -> Result<u32, Error> {
    let Some(given) = given else {
        return Ok(Sampling::GREEDY.top_p);
    };
    match thousandths(given) {
        Some(value @ 1..=1_000) => Ok(value),
        _ => bad(format!("`topP` is {given}: give a share from 0.001 to 1")),
    }
}

/// The nearest number of thousandths, if there is one.
fn thousandths(value: f64) -> Option<u32> {
    let rounded = (value * 1_000.0).round();
    (0.0..=f64::from(u32::MAX))
        .contains(&rounded)
        .then_some(rounded as u32)
}

fn embedding(request: &PrepareRequest, model: &str) -> Result<Kind, Error> {
    let given = [
        ("messages", request.messages.is_some()),
        ("maxNewTokens", request.max_new_tokens.is_some()),
        ("temperature", request.temperature.is_some()),
        ("topP", request.top_p.is_some()),
        ("seed", request.seed.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((field, _)) => bad(format!(
            "`{model}` embeds text and takes no `{field}`: give `text` alone, or another model"
        )),
        None => Ok(Kind::Embedding),
    }
}

fn content(request: PrepareRequest, manifest: &Manifest) -> Result<Content, Error> {
    match (request.text, request.messages) {
        (Some(_), Some(_)) => bad("both `text` and `messages` are given: give one of them"),
        (None, None) => bad("neither `text` nor `messages` is given: give one of them"),
        (Some(text), None) => {
            check_text(&[&text])?;
            Ok(Content::Text(text))
        }
        (None, Some(messages)) => {
            check_chat(&messages, manifest)?;
            Ok(Content::Chat(messages))
        }
    }
}

fn check_chat(messages: &[ChatMessage], manifest: &Manifest) -> Result<(), Error> {
    if manifest.chat_template.is_none() {
        let name = manifest.name_text();
        return bad(format!(
            "`{name}` has no chat template: give `text` instead of `messages`"
        ));
    }
    let contents: Vec<&str> = messages
        .iter()
        .map(|message| message.content.as_str())
        .collect();
    check_text(&contents)
}

fn check_text(parts: &[&str]) -> Result<(), Error> {
    if parts.iter().all(|part| part.is_empty()) {
        return bad("the text is empty: give some");
    }
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if length > MAX_TEXT {
        return Err(Error::TooLong(format!(
            "the text has {length} bytes: give at most {MAX_TEXT}, which is still more than fits into \
             a job's input of {MAX_INPUT} tokens"
        )));
    }
    Ok(())
}

/// The task for an input of so many tokens, once these are known to fit.
pub fn task(kind: Kind, input: usize, manifest: &Manifest) -> Result<Task, Error> {
    let context = manifest.shape.context;
    let most = MAX_INPUT.min(context);
    let input = match u32::try_from(input) {
        Ok(0) => return bad("the text gives no tokens: give some other"),
        Ok(input) if input <= most => input,
        _ => {
            return Err(Error::TooLong(too_many_tokens(
                input,
                most,
                &manifest.name_text(),
            )))
        }
    };
    let Kind::Completion(asked, sampling) = kind else {
        return Ok(Task::Embedding);
    };
    let room = context.saturating_sub(input).min(MAX_OUTPUT);
    let max_new_tokens = asked.unwrap_or(DEFAULT_NEW_TOKENS.min(room));
    if room == 0 || max_new_tokens > room {
        return Err(Error::TooLong(format!(
            "the input has {input} tokens and the model's context {context}: that leaves room for {room} \
             new tokens, not for {}. Ask for fewer, or shorten the text",
            max_new_tokens.max(1)
        )));
    }
    Ok(Task::Completion {
        max_new_tokens,
        sampling,
    })
}

fn too_many_tokens(input: usize, most: u32, model: &str) -> String {
    format!("the input has {input} tokens: shorten the text, `{model}` takes at most {most}")
}

#[cfg(test)]
mod tests;
