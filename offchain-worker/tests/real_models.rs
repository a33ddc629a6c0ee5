//! The real child with the real models, which `scripts/setup.sh` puts in place.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::*;
use futures::executor::block_on;
use kagari_inference::protocol::{ChatMessage, Role};
use kagari_offchain_worker::{Inference, InferenceConfig, InferenceError};
use kagari_primitives::{known_models, Sampling, StopReason, Task};
use std::{env, path::PathBuf, thread, time::Duration};

fn real(concurrency: usize) -> Inference {
    let dir = env::var_os("KAGARI_MODELS").map(PathBuf::from);
    let dir = dir.unwrap_or_else(|| {
        PathBuf::from(env::var_os("HOME").unwrap()).join(".cache/kagari/models")
    });
    let inference = Inference::start(
        InferenceConfig {
            concurrency,
            ..config(&dir, example("inference-child"))
        },
        None,
    );
    for model in known_models::all() {
        let name = model.name_text();
        assert!(
            inference.available(&model),
            "{} has no {name}: run scripts/setup.sh",
            dir.display()
        );
    }
    inference
}

fn completion(max_new_tokens: u32) -> Task {
    Task::Completion {
        max_new_tokens,
        sampling: Sampling::GREEDY,
    }
}

fn question() -> Vec<ChatMessage> {
    let content = "Name the capital of France.".into();
    vec![ChatMessage {
        role: Role::User,
        content,
    }]
}

#[test]
fn a_chat_is_answered_again_after_the_child_was_killed() {
    let model = known_models::smollm2_135m_instruct();
    let inference = real(1);
    let input = block_on(inference.encode_chat(&model, question())).unwrap();
    let answer = || block_on(inference.run(&model, completion(8), [0; 32], input.clone()));
    let first = answer().unwrap();
    let text = block_on(inference.decode(&model, first.output.clone())).unwrap();
    assert!(text.contains("Paris"), "{text}");

    let pid = inference.child_pid().unwrap();
    let other = inference.clone();
    let (long_model, long_input) = (model.clone(), input.clone());
    let long = thread::spawn(move || {
        block_on(other.run(&long_model, completion(2_000), [0; 32], long_input))
    });
    thread::sleep(Duration::from_millis(500));
    kill(pid);
    assert!(matches!(
        long.join().unwrap(),
        Err(InferenceError::ChildDied(_)) | Ok(_)
    ));
    wait_until("a new child", || {
        inference.child_pid().is_some_and(|new| new != pid)
    });
    assert_eq!(answer(), Ok(first));
}

#[test]
fn two_models_serve_side_by_side() {
    let (chat, embed) = (
        known_models::smollm2_135m_instruct(),
        known_models::all_minilm_l6_v2(),
    );
    let inference = real(2);
    let run = inference.clone();
    let completing = thread::spawn(move || {
        let input = block_on(run.encode_chat(&chat, question())).unwrap();
        block_on(run.run(&chat, completion(4), [0; 32], input))
    });
    let input = block_on(inference.encode(&embed, "a fire basket".into())).unwrap();
    let vector = block_on(inference.run(&embed, Task::Embedding, [0; 32], input)).unwrap();
    assert_eq!(
        (vector.output.len(), vector.stop),
        (384, StopReason::Vector)
    );
    assert!(!completing.join().unwrap().unwrap().output.is_empty());
}

#[test]
fn what_the_model_cannot_take_is_refused() {
    let inference = real(1);
    let model = known_models::smollm2_135m_instruct();
    let error =
        block_on(inference.run(&model, completion(4), [0; 32], vec![u32::MAX])).unwrap_err();
    assert!(matches!(error, InferenceError::BadInput(_)), "{error}");
    let error = block_on(inference.run(&model, Task::Embedding, [0; 32], vec![1])).unwrap_err();
    assert!(matches!(error, InferenceError::BadInput(_)), "{error}");
}
