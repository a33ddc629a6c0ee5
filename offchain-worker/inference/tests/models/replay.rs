//! Replays: honest completions hold, and each way to cheat is found.

use crate::support::{minilm, run, smollm2};
use kagari_inference::{protocol::Completed, Model, Replayed};
use kagari_primitives::{Hash, Sampling, StopReason, Task, Word};

const SEED: u8 = 7;

fn task(max_new_tokens: u32, temperature: u32) -> Task {
    let sampling = Sampling {
        temperature,
        top_p: 950,
        seed: 0,
    };
    Task::Completion {
        max_new_tokens,
        sampling,
    }
}

fn input() -> Vec<Word> {
    smollm2()
        .encode("Once upon a time, in a village by the sea,")
        .unwrap()
}

fn replayed(task: Task, seed: u8, input: &[Word], claimed: &Completed) -> Replayed {
    let seed = [seed; 32];
    smollm2().replay(&task, &seed, input, claimed).unwrap()
}

#[test]
fn honest_completions_hold() {
    for temperature in [0, 700, 1_500] {
        for length in [1, 2, 40] {
            let task = task(length, temperature);
            let claimed = run(smollm2(), task, SEED, &input());
            assert_eq!(replayed(task, SEED, &input(), &claimed), Replayed::Holds);
        }
    }
}

/// A prompt of several chunks, and an output that ends with a stop token.
#[test]
fn long_prompts_and_stop_tokens_hold() {
    let text = "The sea was calm and the lamp was lit. ".repeat(40);
    let long = smollm2().encode(&text).unwrap();
    assert!(long.len() > 300);
    let claimed = run(smollm2(), task(20, 0), SEED, &long);
    assert_eq!(
        replayed(task(20, 0), SEED, &long, &claimed),
        Replayed::Holds
    );

    let mut chat = smollm2()
        .manifest()
        .chat_template
        .clone()
        .unwrap()
        .user_open
        .to_vec();
    chat.extend(smollm2().encode("Say hello.").unwrap());
    chat.extend(
        smollm2()
            .manifest()
            .chat_template
            .clone()
            .unwrap()
            .close
            .iter(),
    );
    let task = task(400, 0);
    let claimed = run(smollm2(), task, SEED, &chat);
    assert_eq!(
        replayed(task, SEED, &chat, &claimed),
        Replayed::Holds,
        "{:?}",
        claimed.stop
    );
}

#[test]
fn cheats_are_found_where_they_begin() {
    let (task, input) = (task(24, 700), input());
    let honest = run(smollm2(), task, SEED, &input);
    let claim = |change: &dyn Fn(&mut Completed)| {
        let mut claimed = honest.clone();
        change(&mut claimed);
        replayed(task, SEED, &input, &claimed)
    };
    for at in [0, 11, 23] {
        let swapped = claim(&|c| c.output[at] = c.output[at] % 1_000 + 3);
        assert_eq!(swapped, Replayed::Differs(at as u32));
    }
    let unknown = claim(&|c| c.output[5] = u32::MAX);
    assert_eq!(unknown, Replayed::Differs(5));
    let two_faults = claim(&|c| (c.output[2], c.output[5]) = (3, u32::MAX));
    assert_eq!(two_faults, Replayed::Differs(2));
    let short = claim(&|c| c.output.truncate(9));
    assert_eq!(short, Replayed::Differs(9));
    let long = claim(&|c| c.output.push(5));
    assert_eq!(long, Replayed::Differs(24));
    let long_and_wrong = claim(&|c| {
        c.output[1] = 3;
        c.output.extend([5; 99]);
    });
    assert_eq!(long_and_wrong, Replayed::Differs(1));
    let empty = claim(&|c| c.output.clear());
    assert_eq!(empty, Replayed::Differs(0));
    let reason = claim(&|c| c.stop = StopReason::StopToken);
    assert_eq!(reason, Replayed::Differs(24));
    let nonsense = claim(&|c| c.stop = StopReason::NonFinite);
    assert_eq!(nonsense, Replayed::Differs(24));
    let root = claim(&|c| c.trace_root = Hash::zero());
    assert_eq!(root, Replayed::OtherTrace);
}

#[test]
fn another_prompt_seed_or_temperature_is_found() {
    let (asked, input) = (task(24, 700), input());
    let honest = run(smollm2(), asked, SEED, &input);
    let mut other = input.clone();
    other[2] += 1;
    assert_ne!(replayed(asked, SEED, &other, &honest), Replayed::Holds);
    assert_ne!(replayed(asked, SEED, &input[1..], &honest), Replayed::Holds);
    assert_ne!(replayed(asked, SEED + 1, &input, &honest), Replayed::Holds);
    assert_ne!(
        replayed(task(24, 1_400), SEED, &input, &honest),
        Replayed::Holds
    );
}

#[test]
fn embeddings_hold_and_false_ones_are_found() {
    let input = minilm().encode("A cat sits on the mat.").unwrap();
    let honest = run(minilm(), Task::Embedding, SEED, &input);
    let claim = |change: &dyn Fn(&mut Completed)| {
        let mut claimed = honest.clone();
        change(&mut claimed);
        let seed = [SEED; 32];
        minilm().replay(&Task::Embedding, &seed, &input, &claimed)
    };
    assert_eq!(claim(&|_| ()), Ok(Replayed::Holds));
    // The last bit of one number.
    assert_eq!(claim(&|c| c.output[17] ^= 1), Ok(Replayed::Differs(17)));
    assert_eq!(claim(&|c| c.output.clear()), Ok(Replayed::Differs(0)));
    let reason = claim(&|c| c.stop = StopReason::NonFinite);
    assert_eq!(reason, Ok(Replayed::Differs(384)));
    let root = claim(&|c| c.trace_root = Hash::zero());
    assert_eq!(root, Ok(Replayed::OtherTrace));
}

#[test]
fn a_replay_of_another_kind_of_task_is_refused() {
    let claimed = run(smollm2(), task(1, 0), SEED, &input());
    let refused = |model: &Model, task: Task| {
        let replayed = model.replay(&task, &[0; 32], &[101], &claimed);
        replayed.unwrap_err().message
    };
    assert!(refused(minilm(), task(1, 0)).contains("cannot complete text"));
    assert!(refused(smollm2(), Task::Embedding).contains("cannot embed text"));
}
