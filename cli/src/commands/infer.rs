//! `kagari infer`: has a model answer a prompt.

use super::{models, order::order, Ended, Session};
use crate::{
    args::InferArgs,
    compute::{Message, Model, PrepareRequest},
    failure::Failure,
    text_input,
};
use anyhow::Result;

/// What the user wrote.
struct Prompt {
    system: Option<String>,
    text: String,
}

/// Orders the answer.
pub async fn run(session: &Session, args: &InferArgs) -> Result<Ended> {
    let system = args
        .system
        .as_deref()
        .map(|s| text_input::read(s, "system message"))
        .transpose()?;
    let prompt = Prompt {
        system,
        text: text_input::read(&args.prompt, "prompt")?,
    };
    let model = match &args.order.model {
        Some(name) => models::find(session.compute(), name).await?,
        None => models::choose(session.compute(), "completion").await?,
    };
    order(session, request(args, prompt, &model)?, &args.order).await
}

fn request(args: &InferArgs, prompt: Prompt, model: &Model) -> Result<PrepareRequest, Failure> {
    if model.task != "completion" {
        return Err(Failure::new(format!(
            "{} doesn't answer prompts: use `kagari embed` with it, or name another model.",
            model.name
        )));
    }
    let request = PrepareRequest {
        model: format!("{:#x}", model.model),
        max_new_tokens: args.max_new_tokens,
        temperature: Some(args.temperature.as_number()),
        top_p: Some(args.top_p.as_number()),
        seed: Some(args.seed),
        ..Default::default()
    };
    match (model.chat, prompt.system) {
        (true, system) => {
            let system = system.map(|content| Message {
                role: "system",
                content,
            });
            let user = Message {
                role: "user",
                content: prompt.text,
            };
            Ok(PrepareRequest {
                messages: Some(system.into_iter().chain([user]).collect()),
                ..request
            })
        }
        (false, None) => Ok(PrepareRequest {
            text: Some(prompt.text),
            ..request
        }),
        (false, Some(_)) => Err(Failure::new(format!(
            "{} takes no system message: it has no chat template, and only goes on with a text.",
            model.name
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser;
    use kagari_primitives::ModelId;
    use serde_json::json;

    fn model(task: &str, chat: bool) -> Model {
        Model {
            model: ModelId::zero(),
            name: "m".into(),
            task: task.into(),
            chat,
            local: true,
        }
    }

    fn asked(model: &Model, system: Option<&str>) -> Result<serde_json::Value, Failure> {
        let cli = Cli::parse_from([
            "kagari",
            "infer",
            "Why?",
            "--temperature",
            "0.7",
            "--seed",
            "9",
        ]);
        let Command::Infer(args) = cli.command else {
            panic!("`infer` was asked for; qed")
        };
        let prompt = Prompt {
            system: system.map(Into::into),
            text: "Why?".into(),
        };
        Ok(serde_json::to_value(request(&args, prompt, model)?).expect("serialises"))
    }

    #[test]
    fn a_chat_model_gets_a_conversation() {
        let request = asked(&model("completion", true), Some("Be brief.")).expect("is fine");
        let messages = json!([
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "Why?" },
        ]);
        let zero = format!("0x{}", "00".repeat(32));
        let expected = json!({
            "model": zero, "messages": messages, "temperature": 0.7, "topP": 1.0, "seed": 9,
        });
        assert_eq!(request, expected);
        let request = asked(&model("completion", true), None).expect("is fine");
        assert_eq!(
            request["messages"],
            json!([{ "role": "user", "content": "Why?" }])
        );
    }

    #[test]
    fn a_plain_model_gets_the_text_and_no_system_message() {
        let request = asked(&model("completion", false), None).expect("is fine");
        assert_eq!(request["text"], "Why?");
        assert!(request.get("messages").is_none());
        assert!(asked(&model("completion", false), Some("Be brief.")).is_err());
    }

    #[test]
    fn an_encoder_is_sent_elsewhere() {
        let refused = asked(&model("embedding", false), None).expect_err("embeds");
        assert!(refused.message.contains("kagari embed"));
    }
}
