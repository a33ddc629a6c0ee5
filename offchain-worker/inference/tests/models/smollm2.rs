//! Completions by SmolLM2.

use crate::support::{greedy, refused, run, smollm2};
use kagari_inference::protocol::{ChatMessage, Completed, Role};
use kagari_primitives::{Sampling, StopReason, Task, Word, MAX_INPUT};

fn question(content: &str) -> Vec<Word> {
    let message = ChatMessage {
        role: Role::User,
        content: content.into(),
    };
    smollm2().encode_chat(&[message]).unwrap()
}

fn words(text: &str) -> Vec<Word> {
    smollm2().encode(text).unwrap()
}

fn sampled(seed: u8) -> Completed {
    let sampling = Sampling {
        temperature: 1_000,
        top_p: 950,
        seed: 0,
    };
    let task = Task::Completion {
        max_new_tokens: 8,
        sampling,
    };
    run(smollm2(), task, seed, &words("Once upon a time"))
}

#[test]
fn a_question_is_answered_up_to_a_stop_token() {
    let input = question("Name the capital of France.");
    let completed = run(smollm2(), greedy(64), 0, &input);
    let text = smollm2().decode(&completed.output).unwrap();
    assert!(text.contains("Paris") && !text.contains("<|"), "{text}");
    assert_eq!(
        (completed.output.last(), completed.stop),
        (Some(&2), StopReason::StopToken)
    );
}

#[test]
fn the_same_job_gives_the_same_result_and_another_length_another_root() {
    let input = words("One, two, three,");
    let long = run(smollm2(), greedy(6), 0, &input);
    assert_eq!(run(smollm2(), greedy(6), 0, &input), long);
    let short = run(smollm2(), greedy(5), 0, &input);
    assert_eq!((long.output.len(), long.stop), (6, StopReason::Length));
    assert_eq!(short.output, long.output[..5]);
    assert_ne!(short.trace_root, long.trace_root);
}

#[test]
fn greedy_tokens_are_the_likeliest_of_the_logits_that_are_shown() {
    let input = words("One, two, three,");
    let output = run(smollm2(), greedy(6), 0, &input).output;
    let mut likeliest = Vec::new();
    let fed = [&input[..], &output[..5]].concat();
    let each = |logits: &[f32]| {
        let greatest = |a: &usize, b: &usize| logits[*a].total_cmp(&logits[*b]);
        likeliest.push((0..logits.len()).max_by(greatest).unwrap() as Word);
    };
    smollm2().show_logits(&fed, input.len() - 1, each).unwrap();
    assert_eq!(likeliest, output);
}

#[test]
fn a_seed_decides_the_draws() {
    assert_eq!(sampled(1), sampled(1));
    assert_ne!(sampled(1).output, sampled(2).output);
}

#[test]
fn jobs_at_the_same_time_do_not_disturb_each_other() {
    let inputs = [words("Two plus two is"), words("The sky is")];
    let alone = inputs
        .clone()
        .map(|input| run(smollm2(), greedy(8), 0, &input));
    let together = inputs
        .map(|input| std::thread::spawn(move || run(smollm2(), greedy(8), 0, &input)))
        .map(|thread| thread.join().unwrap());
    assert_eq!(alone, together);
}

#[test]
fn progress_counts_the_tokens() {
    let mut counts = Vec::new();
    let input = words("Hello");
    smollm2()
        .run(&greedy(4), &[0; 32], &input, |done| counts.push(done))
        .unwrap();
    assert_eq!(counts, [0, 1, 2, 3, 4]);
}

#[test]
fn senseless_inputs_are_refused() {
    assert!(refused(smollm2(), greedy(1), &[]).contains("the input is empty"));
    assert!(refused(smollm2(), greedy(1), &[1, 49_152]).contains("49152 is no token id"));
    assert!(refused(smollm2(), greedy(0), &[1]).contains("max new tokens is 0"));
    assert!(refused(smollm2(), Task::Embedding, &[1]).contains("cannot embed text"));
    let longest = vec![1; MAX_INPUT as usize];
    assert!(refused(smollm2(), greedy(1), &longest).contains("leaves no room"));
    let longer = vec![1; MAX_INPUT as usize + 1];
    assert!(refused(smollm2(), greedy(1), &longer).contains("8193 tokens, at most 8192 fit"));
}
