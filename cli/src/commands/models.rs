//! `kagari models`: the models, and what they cost.

use super::{Ended, Session};
use crate::{
    compute::{Answer, Compute, Model, Offer},
    failure::Failure,
};
use anyhow::Result;
use serde_json::json;

/// A model with the offers for it that have room.
type Listed = (Answer<Model>, Answer<Vec<Offer>>);

/// Lists the models.
pub async fn list(session: &Session) -> Result<Ended> {
    let mut listed: Vec<Listed> = Vec::new();
    for model in session.compute().models().await? {
        let offers = session.compute().offers(model.meaning.model).await?;
        listed.push((model, offers));
    }
    let with_offers = |(model, offers): &Listed| {
        let mut model = model.json.clone();
        model["offers"] = offers.json.clone();
        model
    };
    session.output.answer(
        || json!({ "models": listed.iter().map(with_offers).collect::<Vec<_>>() }),
        || describe(&listed),
    )?;
    Ok(Ended::Done)
}

fn describe(listed: &[Listed]) -> String {
    if listed.is_empty() {
        return "No model is registered on this chain.".into();
    }
    let entries: Vec<String> = listed
        .iter()
        .map(|(m, o)| entry(&m.meaning, &o.meaning))
        .collect();
    entries.join("\n")
}

fn entry(model: &Model, offers: &[Offer]) -> String {
    let use_it = match (model.task.as_str(), model.chat) {
        ("completion", true) => "answers prompts (`kagari infer`)",
        ("completion", false) => "goes on with a text (`kagari infer`)",
        ("embedding", _) => "turns texts into vectors (`kagari embed`)",
        _ => "does something newer than this command",
    };
    let local = if model.local {
        ""
    } else {
        "\n  This node has no files of it and can't prepare jobs."
    };
    format!(
        "{}\n  {use_it}\n  {}{local}\n  {:#x}\n",
        model.name,
        offers_words(offers),
        model.model
    )
}

fn offers_words(offers: &[Offer]) -> String {
    match (offers.iter().map(|offer| offer.price).min(), offers.len()) {
        (None, _) => "nobody offers it with room now".into(),
        (Some(price), 1) => format!("1 offer, at {price} per work unit"),
        (Some(price), offers) => format!("{offers} offers, from {price} per work unit"),
    }
}

/// The model of this name or id.
pub async fn find(compute: Compute<'_>, name: &str) -> Result<Model, Failure> {
    let models = compute.models().await?;
    pick(models.into_iter().map(|m| m.meaning).collect(), name)
}

fn pick(models: Vec<Model>, name: &str) -> Result<Model, Failure> {
    let known: Vec<String> = models.iter().map(|m| m.name.clone()).collect();
    let mut named = models.into_iter().filter(|m| m.is_named(name));
    match (named.next(), named.next()) {
        (Some(model), None) => Ok(model),
        (Some(_), Some(_)) => Err(Failure::new(format!(
            "Several models are named {name}: give the id of one (see `kagari models`)."
        ))),
        (None, _) => Err(Failure::new(format!(
            "There is no model {name}. There are: {}.",
            known.join(", ")
        ))),
    }
}

/// The model for a task, where the user named none: one that somebody offers and that this node
/// knows, if there is one.
pub async fn choose(compute: Compute<'_>, task: &str) -> Result<Model, Failure> {
    let models = compute.models().await?.into_iter().map(|m| m.meaning);
    let mut fitting: Vec<Model> = models.filter(|m| m.task == task).collect();
    // Those that this node can prepare jobs for come first; the order is stable otherwise.
    fitting.sort_by_key(|model| !model.local);
    for model in &fitting {
        if !compute.offers(model.model).await?.meaning.is_empty() {
            return Ok(model.clone());
        }
    }
    fitting.into_iter().next().ok_or_else(|| {
        Failure::new(format!(
            "No model for this task ({task}) is registered on this chain."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::Amount;
    use kagari_primitives::ModelId;

    fn model(byte: u8, name: &str) -> Model {
        Model {
            model: ModelId::repeat_byte(byte),
            name: name.into(),
            task: "completion".into(),
            chat: true,
            local: true,
        }
    }

    fn offer(price: u128) -> Offer {
        Offer {
            model: ModelId::zero(),
            price: Amount(price),
            capacity: 2,
            in_use: 1,
        }
    }

    #[test]
    fn models_are_found_by_name_or_id() {
        let models = || vec![model(1, "a"), model(2, "b"), model(3, "b")];
        assert_eq!(
            pick(models(), "a").map(|m| m.model),
            Ok(ModelId::repeat_byte(1))
        );
        let id = format!("0x{}", "03".repeat(32));
        assert_eq!(
            pick(models(), &id).map(|m| m.model),
            Ok(ModelId::repeat_byte(3))
        );
        assert!(pick(models(), "b")
            .expect_err("is ambiguous")
            .message
            .contains("Several"));
        assert!(pick(models(), "c")
            .expect_err("is unknown")
            .message
            .contains("a, b"));
    }

    #[test]
    fn a_list_tells_prices() {
        assert_eq!(offers_words(&[]), "nobody offers it with room now");
        assert_eq!(
            offers_words(&[offer(1_000_000_000)]),
            "1 offer, at 0.001 KGR per work unit"
        );
        let two = [offer(2_000_000_000), offer(1_000_000_000)];
        assert_eq!(offers_words(&two), "2 offers, from 0.001 KGR per work unit");
    }
}
