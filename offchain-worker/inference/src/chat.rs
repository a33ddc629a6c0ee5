//! Lays out a conversation as token ids: the manifest's segments around the encoded contents.
//!
//! A content is encoded by itself. Where it begins with white space, its first ids can differ from
//! those of a template that is filled in as text and then encoded: that is the price of a template
//! that needs no template language, and of contents that can't pose as special ids.

use crate::protocol::{ChatMessage, Failure, Role};
use kagari_primitives::{model::ChatTemplate, Word};

/// The ids of `messages`, ready for the model to answer. `encode` turns a content into ids.
pub fn lay_out(
    template: &ChatTemplate,
    messages: &[ChatMessage],
    encode: impl Fn(&str) -> Result<Vec<Word>, Failure>,
) -> Result<Vec<Word>, Failure> {
    let Some(first) = messages.first() else {
        return Err(Failure::bad_input("the conversation has no messages"));
    };
    let mut words = Vec::new();
    if first.role != Role::System {
        words.extend_from_slice(&template.default_system);
    }
    for message in messages {
        words.extend_from_slice(match message.role {
            Role::System => &template.system_open,
            Role::User => &template.user_open,
            Role::Assistant => &template.assistant_open,
        });
        words.extend(encode(&message.content)?);
        words.extend_from_slice(&template.close);
    }
    words.extend_from_slice(&template.assistant_open);
    Ok(words)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use kagari_primitives::model::Segment;

    fn template() -> ChatTemplate {
        let segment = |ids: &[Word]| Segment::try_from(ids.to_vec()).unwrap();
        ChatTemplate {
            default_system: segment(&[1, 10, 2]),
            system_open: segment(&[1, 11]),
            user_open: segment(&[1, 12]),
            assistant_open: segment(&[1, 13]),
            close: segment(&[2]),
        }
    }

    fn laid_out(messages: &[(Role, &str)]) -> Result<Vec<Word>, Failure> {
        let messages: Vec<_> = messages
            .iter()
            .map(|(role, content)| ChatMessage {
                role: *role,
                content: content.to_string(),
            })
            .collect();
        let letters = |text: &str| Ok(text.chars().map(|c| 100 + c as Word).collect());
        lay_out(&template(), &messages, letters)
    }

    #[test]
    fn a_default_system_message_stands_first_unless_there_is_one() {
        let a = 100 + 'a' as Word;
        assert_eq!(
            laid_out(&[(Role::User, "a")]).unwrap(),
            [1, 10, 2, 1, 12, a, 2, 1, 13]
        );
        let own = [(Role::System, "a"), (Role::User, "")];
        assert_eq!(laid_out(&own).unwrap(), [1, 11, a, 2, 1, 12, 2, 1, 13]);
    }

    #[test]
    fn turns_follow_one_another_and_the_model_comes_last() {
        let turns = [(Role::User, ""), (Role::Assistant, ""), (Role::User, "")];
        let expected = [1, 10, 2, 1, 12, 2, 1, 13, 2, 1, 12, 2, 1, 13];
        assert_eq!(laid_out(&turns).unwrap(), expected);
    }

    #[test]
    fn no_messages_are_refused() {
        assert!(laid_out(&[]).unwrap_err().message.contains("no messages"));
    }
}
