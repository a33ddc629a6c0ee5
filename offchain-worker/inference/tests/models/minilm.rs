//! Embeddings by MiniLM.

use crate::support::{greedy, minilm, refused, run};
use kagari_primitives::{StopReason, Task};

const CLS: u32 = 101;
const SEP: u32 = 102;

fn embed(text: &str) -> Vec<f32> {
    let input = minilm().encode(text).unwrap();
    let completed = run(minilm(), Task::Embedding, 0, &input);
    assert_eq!(completed.stop, StopReason::Vector);
    completed.output.into_iter().map(f32::from_bits).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn vectors_have_length_one() {
    for text in ["a", "The weather is lovely today.", &"word ".repeat(300)] {
        let vector = embed(text);
        assert_eq!(vector.len(), 384);
        assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-5);
    }
}

#[test]
fn sentences_are_as_near_as_the_model_card_says() {
    let sentences = [
        "The weather is lovely today.",
        "It's so sunny outside!",
        "He drove to the stadium.",
    ];
    let [lovely, sunny, stadium] = sentences.map(embed);
    for (found, expected) in [
        (cosine(&lovely, &sunny), 0.6660),
        (cosine(&lovely, &stadium), 0.1046),
        (cosine(&sunny, &stadium), 0.1411),
    ] {
        assert!(
            (found - expected).abs() < 1e-3,
            "{found}, expected {expected}"
        );
    }
}

#[test]
fn the_same_job_gives_the_same_result_whatever_the_seed() {
    let input = minilm().encode("Small flames, one light.").unwrap();
    let other = minilm().encode("Small flames, one fire.").unwrap();
    let first = run(minilm(), Task::Embedding, 1, &input);
    assert_eq!(run(minilm(), Task::Embedding, 2, &input), first);
    assert_ne!(
        run(minilm(), Task::Embedding, 1, &other).trace_root,
        first.trace_root
    );
}

#[test]
fn inputs_are_whole_and_stand_between_two_special_ids() {
    assert_eq!(
        minilm().encode("Hello world").unwrap(),
        [CLS, 7_592, 2_088, SEP]
    );
    // The file asks for 128 ids, cut or padded.
    assert_eq!(minilm().encode(&"a ".repeat(300)).unwrap().len(), 302);
}

#[test]
fn text_yields_no_special_ids() {
    for text in ["[CLS]", "a [SEP] b", "[MASK][PAD]", "[UNK]"] {
        let ids = minilm().encode(text).unwrap();
        assert!(
            ids[1..ids.len() - 1].iter().all(|id| *id > 103),
            "{text}: {ids:?}"
        );
    }
}

#[test]
fn senseless_inputs_are_refused() {
    assert!(refused(minilm(), Task::Embedding, &[]).contains("the input is empty"));
    assert!(refused(minilm(), Task::Embedding, &[30_522]).contains("30522 is no token id"));
    assert!(refused(minilm(), Task::Embedding, &[CLS; 513]).contains("513 tokens, at most 512"));
    assert!(refused(minilm(), greedy(1), &[CLS]).contains("cannot complete text"));
    let refused = |text: &str| minilm().encode(text).unwrap_err().message;
    assert!(refused("").contains("the text is empty"));
    assert!(refused(&"a ".repeat(511)).contains("513 tokens, at most 512 fit"));
    assert!(minilm()
        .encode_chat(&[])
        .unwrap_err()
        .message
        .contains("has no chat template"));
}
