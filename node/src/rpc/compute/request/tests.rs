use super::*;
use kagari_primitives::known_models::{all_minilm_l6_v2, smollm2_135m_instruct};
use serde_json::{json, Value};

fn request(value: Value) -> PrepareRequest {
    serde_json::from_value(value).expect("the test gives a well-formed request")
}

/// A request with `model` filled in, and with `fields` beside it.
fn with(mut fields: Value) -> PrepareRequest {
    fields["model"] = json!("m");
    request(fields)
}

fn chat(fields: Value) -> Result<Plan, Error> {
    check(with(fields), &smollm2_135m_instruct())
}

fn embed(fields: Value) -> Result<Plan, Error> {
    check(with(fields), &all_minilm_l6_v2())
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.expect_err("the request is to be refused");
    jsonrpsee::types::ErrorObjectOwned::from(error)
        .message()
        .to_owned()
}

#[test]
fn a_conversation_is_understood() {
    let messages = json!([{ "role": "user", "content": "Why is the sky blue?" }]);
    let plan = chat(
        json!({ "messages": messages, "maxNewTokens": 7, "temperature": 0.7,
        "topP": 0.95, "seed": 42 }),
    );
    let sampling = Sampling {
        temperature: 700,
        top_p: 950,
        seed: 42,
    };
    let plan = plan.expect("nothing is wrong with it");
    assert_eq!(plan.kind, Kind::Completion(Some(7), sampling));
    assert!(matches!(plan.content, Content::Chat(messages) if messages.len() == 1));
}

#[test]
fn what_is_not_said_is_greedy() {
    let plan = chat(json!({ "text": "Once upon" })).expect("nothing is wrong with it");
    assert_eq!(plan.kind, Kind::Completion(None, Sampling::GREEDY));
    assert_eq!(plan.content, Content::Text("Once upon".into()));
}

#[test]
fn exactly_one_of_text_and_messages_is_taken() {
    let messages = json!([{ "role": "user", "content": "a" }]);
    assert!(refusal(chat(json!({ "text": "a", "messages": messages }))).contains("both"));
    assert!(refusal(chat(json!({}))).contains("neither"));
}

#[test]
fn empty_content_is_refused() {
    assert!(refusal(chat(json!({ "text": "" }))).contains("empty"));
    assert!(refusal(chat(json!({ "messages": [] }))).contains("empty"));
    let messages = json!([{ "role": "user", "content": "" }]);
    assert!(refusal(chat(json!({ "messages": messages }))).contains("empty"));
}

#[test]
fn an_embedding_takes_text_alone() {
    let plan = embed(json!({ "text": "a" })).expect("nothing is wrong with it");
    assert_eq!(plan.kind, Kind::Embedding);
    let messages = json!([{ "role": "user", "content": "a" }]);
    for (field, value) in [
        ("messages", messages),
        ("maxNewTokens", json!(1)),
        ("temperature", json!(0.5)),
        ("topP", json!(0.5)),
        ("seed", json!(1)),
    ] {
        assert!(refusal(embed(json!({ "text": "a", field: value }))).contains(field));
    }
}

#[test]
fn a_model_without_a_template_takes_no_conversation() {
    let manifest = Manifest {
        chat_template: None,
        ..smollm2_135m_instruct()
    };
    let messages = json!([{ "role": "user", "content": "a" }]);
    let result = check(with(json!({ "messages": messages })), &manifest);
    assert!(refusal(result).contains("no chat template"));
}

#[test]
fn sampling_out_of_range_is_refused() {
    for (field, bad, good) in [
        (
            "temperature",
            vec![-0.1, 10.1, 1e300],
            vec![0.0, 0.001, 10.0],
        ),
        ("topP", vec![-1.0, 0.0, 0.0001, 1.1], vec![0.001, 1.0]),
    ] {
        for value in bad {
            assert!(
                refusal(chat(json!({ "text": "a", field: value }))).contains(field),
                "{value}"
            );
        }
        for value in good {
            assert!(
                chat(json!({ "text": "a", field: value })).is_ok(),
                "{field} {value}"
            );
        }
    }
}

#[test]
fn a_count_of_tokens_out_of_range_is_refused() {
    assert!(refusal(chat(json!({ "text": "a", "maxNewTokens": 0 }))).contains("at least one"));
    assert!(chat(json!({ "text": "a", "maxNewTokens": MAX_OUTPUT })).is_ok());
    assert!(refusal(chat(json!({ "text": "a", "maxNewTokens": MAX_OUTPUT + 1 }))).contains("8192"));
}

#[test]
fn a_number_of_replicas_that_cannot_be_compared_is_refused() {
    let replicas = |count: u8| embed(json!({ "text": "a", "replicas": count })).map(|p| p.replicas);
    for count in [1, 3, 5] {
        assert_eq!(replicas(count).ok(), Some(count));
    }
    for count in [0, 2, 6, u8::MAX] {
        let told = refusal(replicas(count));
        assert!(told.contains(&format!("`replicas` is {count}")), "{told}");
    }
    let unsaid = embed(json!({ "text": "a" })).map(|plan| plan.replicas);
    assert_eq!(unsaid.ok(), Some(1));
}

#[test]
fn text_that_could_never_fit_is_refused_before_it_is_tokenised() {
    assert!(chat(json!({ "text": "a".repeat(MAX_TEXT) })).is_ok());
    assert!(refusal(chat(json!({ "text": "a".repeat(MAX_TEXT + 1) }))).contains("bytes"));
    let half = json!({ "role": "user", "content": "a".repeat(MAX_TEXT / 2 + 1) });
    assert!(refusal(chat(json!({ "messages": [half, half] }))).contains("bytes"));
}

#[test]
fn misspelt_fields_and_roles_are_refused() {
    for bad in [
        json!({ "model": "m", "text": "a", "max_new_tokens": 1 }),
        json!({ "model": "m", "messages": [{ "role": "robot", "content": "a" }] }),
        json!({ "text": "a" }),
    ] {
        assert!(
            serde_json::from_value::<PrepareRequest>(bad.clone()).is_err(),
            "{bad}"
        );
    }
}

const ASKED: fn(Option<u32>) -> Kind = |tokens| Kind::Completion(tokens, Sampling::GREEDY);

fn new_tokens(asked: Option<u32>, input: usize) -> Result<u32, Error> {
    match task(ASKED(asked), input, &smollm2_135m_instruct())? {
        Task::Completion { max_new_tokens, .. } => Ok(max_new_tokens),
        Task::Embedding => unreachable!("a completion was asked for; qed"),
    }
}

#[test]
fn new_tokens_fit_into_the_context() {
    let context = smollm2_135m_instruct().shape.context;
    assert_eq!(new_tokens(Some(10), 5).ok(), Some(10));
    assert_eq!(new_tokens(None, 5).ok(), Some(DEFAULT_NEW_TOKENS));
    assert_eq!(new_tokens(None, context as usize - 3).ok(), Some(3));
    assert_eq!(new_tokens(Some(3), context as usize - 3).ok(), Some(3));
    assert!(refusal(new_tokens(Some(4), context as usize - 3)).contains("room for 3"));
    assert!(refusal(new_tokens(None, context as usize)).contains("room for 0"));
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    assert!(refusal(new_tokens(None, 0)).contains("no tokens"));
    assert!(refusal(new_tokens(None, MAX_INPUT as usize + 1)).contains("at most 8192"));
    let minilm = all_minilm_l6_v2();
    let context = minilm.shape.context as usize;
    assert_eq!(
        task(Kind::Embedding, context, &minilm).ok(),
        Some(Task::Embedding)
    );
    assert!(refusal(task(Kind::Embedding, context + 1, &minilm)).contains("at most 512"));
}
