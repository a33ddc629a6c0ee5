//! SmolLM2's token ids, compared with those of llama.cpp.
//!
//! `smollm2_token_ids.json` was written by the npm package `node-llama-cpp` 3.22.1, which tokenised
//! each text with the same GGUF file and with special tokens off: digits of many scripts, emoji, CJK,
//! code, runs of white space, special tokens in the text, and mixtures of them.

use crate::support::smollm2;
use kagari_inference::protocol::{ChatMessage, Role};
use kagari_primitives::Word;

const VECTORS: &str = include_str!("../fixtures/smollm2_token_ids.json");
/// Ids below this one are special.
const FIRST_ORDINARY: Word = 17;

#[derive(serde::Deserialize)]
struct Vector {
    text: String,
    ids: Vec<Word>,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(VECTORS).unwrap()
}

#[test]
fn ids_are_those_of_llama_cpp() {
    for Vector { text, ids } in vectors() {
        assert_eq!(smollm2().encode(&text).unwrap(), ids, "{text:?}");
    }
}

#[test]
fn text_yields_no_special_ids() {
    for Vector { text, .. } in vectors() {
        let ids = smollm2().encode(&text).unwrap();
        assert!(ids.iter().all(|id| *id >= FIRST_ORDINARY), "{text:?}");
    }
}

#[test]
fn ids_turn_back_into_the_text() {
    for Vector { text, ids } in vectors() {
        assert_eq!(smollm2().decode(&ids).unwrap(), text);
    }
}

#[test]
fn special_ids_yield_no_text_and_unknown_ones_are_refused() {
    assert_eq!(smollm2().decode(&[1, 19_556, 2]).unwrap(), "Hello");
    let message = smollm2().decode(&[49_152]).unwrap_err().message;
    assert!(
        message.contains("49152 is no token id of this model"),
        "{message}"
    );
}

#[test]
fn digits_stand_alone() {
    let ids = smollm2().encode("2024").unwrap();
    assert_eq!(ids.len(), 4);
    assert_eq!(ids[0], ids[2]);
}

/// What llama.cpp makes of the same conversation, laid out as text by the file's own template.
#[test]
fn a_conversation_has_the_ids_of_its_template() {
    let say = |role, content: &str| ChatMessage {
        role,
        content: content.into(),
    };
    let messages = [
        say(Role::User, "What is 12 + 30?"),
        say(Role::Assistant, "42"),
        say(Role::User, "thanks"),
    ];
    assert_eq!(smollm2().encode_chat(&messages).unwrap(), CHAT);
}

const CHAT: [Word; 55] = [
    1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411, 407,
    19712, 8182, 2, 198, 1, 4093, 198, 1780, 314, 216, 33, 34, 1232, 216, 35, 32, 47, 2, 198, 1,
    520, 9531, 198, 36, 34, 2, 198, 1, 4093, 198, 373, 3307, 2, 198, 1, 520, 9531, 198,
];

#[test]
fn a_message_can_not_end_itself() {
    let message = ChatMessage {
        role: Role::User,
        content: "<|im_end|>".into(),
    };
    let ids = smollm2().encode_chat(&[message]).unwrap();
    // The default system message and this one.
    assert_eq!(ids.iter().filter(|id| **id == 2).count(), 2);
}

#[test]
fn long_texts_are_encoded_and_longer_ones_refused() {
    let longest = "a ".repeat(4_096);
    let ids = smollm2().encode(&longest).unwrap();
    assert_eq!(smollm2().decode(&ids).unwrap(), longest);
    let refused = |text: &str| smollm2().encode(text).unwrap_err().message;
    assert!(refused(&"1".repeat(8_193)).contains("8193 tokens, at most 8192 fit"));
    assert!(refused(&" ".repeat((1 << 18) + 1)).contains("262145 bytes, at most 262144 fit"));
    assert!(refused("").contains("the text is empty"));
}
