//! `kagari embed`: has a model turn a text into a vector.

use super::{models, order::order, Ended, Session};
use crate::{args::EmbedArgs, compute::PrepareRequest, failure::Failure, text_input};
use anyhow::Result;

/// Orders the vector.
pub async fn run(session: &Session, args: &EmbedArgs) -> Result<Ended> {
    let text = text_input::read(&args.text, "text")?;
    let model = match &args.order.model {
        Some(name) => models::find(session.compute(), name).await?,
        None => models::choose(session.compute(), "embedding").await?,
    };
    if model.task != "embedding" {
        let told = format!(
            "{} doesn't embed texts: use `kagari infer` with it, or name another model.",
            model.name
        );
        return Err(Failure::new(told).into());
    }
    let model = format!("{:#x}", model.model);
    let request = PrepareRequest {
        model,
        text: Some(text),
        ..Default::default()
    };
    order(session, request, &args.order).await
}
