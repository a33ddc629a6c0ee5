//! The supervisor of the inference child against a child that fails in every way.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::*;
use futures::{
    executor::block_on,
    future::{abortable, join_all, AbortHandle},
    poll,
};
use kagari_inference::{
    protocol::{ChatMessage, Completed, Role},
    Replayed,
};
use kagari_offchain_worker::{Inference, InferenceConfig, InferenceError};
use kagari_primitives::{Hash, StopReason, Word};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    pin::pin,
    process::{Command, Stdio},
    sync::mpsc,
    task::Poll,
    thread::{self, JoinHandle},
    time::Duration,
};
use substrate_prometheus_endpoint::Registry;
use tempfile::TempDir;

fn run(inference: &Inference, input: &[Word]) -> Result<Vec<Word>, InferenceError> {
    block_on(inference.run(&model(), task(), [7; 32], input.to_vec())).map(|done| done.output)
}

fn works(inference: &Inference) {
    assert_eq!(run(inference, &[1, 2]), Ok(vec![1, 2]));
}

/// Waits until so many jobs that never end have begun.
fn wait_until_begun(models: &TempDir, jobs: u64) {
    let begun = || fs::metadata(models.path().join("begun")).map_or(0, |file| file.len());
    wait_until("the beginning of the jobs", || begun() >= jobs);
}

/// A job whose caller can stop waiting.
fn begin(inference: &Inference, input: &[Word]) -> (AbortHandle, JoinHandle<bool>) {
    let (inference, input) = (inference.clone(), input.to_vec());
    let run = async move { inference.run(&model(), task(), [0; 32], input).await };
    let (job, handle) = abortable(run);
    (
        handle,
        thread::spawn(move || matches!(block_on(job), Ok(Ok(_)))),
    )
}

#[test]
fn every_request_gets_its_answer() {
    let models = models_dir();
    let inference = echo(&models);
    works(&inference);
    assert_eq!(
        block_on(inference.encode(&model(), "ab".into())),
        Ok(vec![97, 98])
    );
    assert_eq!(
        block_on(inference.encode(&other_model(), "b".into())),
        Ok(vec![98])
    );
    let message = ChatMessage {
        role: Role::User,
        content: "abc".into(),
    };
    assert_eq!(
        block_on(inference.encode_chat(&model(), vec![message])),
        Ok(vec![3])
    );
    assert_eq!(
        block_on(inference.decode(&model(), vec![1, 2])),
        Ok("[1, 2]".into())
    );
}

#[test]
fn a_replay_tells_its_progress_and_what_it_finds() {
    let models = models_dir();
    let inference = echo(&models);
    let replayed = |output: &[Word]| {
        let claimed = Completed {
            output: output.to_vec(),
            stop: StopReason::Length,
            trace_root: Hash::zero(),
        };
        let (tell, told) = mpsc::channel();
        let progress = move |done| tell.send(done).unwrap();
        let (model, input) = (model(), vec![1, 2]);
        let replay = inference.replay(&model, task(), [7; 32], input, claimed, progress);
        (block_on(replay), told.iter().collect::<Vec<u32>>())
    };
    assert_eq!(replayed(&[1, 2]), (Ok(Replayed::Holds), vec![1]));
    assert_eq!(replayed(&[3, 2]), (Ok(Replayed::Differs(0)), vec![1]));
}

#[test]
fn many_at_once_get_each_their_own() {
    let models = models_dir();
    let inference = echo(&models);
    let run = |n: Word| {
        let inference = inference.clone();
        thread::spawn(move || run(&inference, &[n, n + 1]))
    };
    let runs: Vec<_> = (0..20).map(run).collect();
    for (n, run) in (0..).zip(runs) {
        assert_eq!(run.join().unwrap(), Ok(vec![n, n + 1]));
    }
}

#[test]
fn a_refused_input_leaves_the_child_running() {
    let models = models_dir();
    let inference = echo(&models);
    works(&inference);
    let pid = inference.child_pid();
    assert_eq!(
        run(&inference, &[REFUSE]),
        Err(InferenceError::BadInput("the input is refused".into()))
    );
    works(&inference);
    assert_eq!(inference.child_pid(), pid);
}

#[test]
fn a_child_that_is_killed_is_restarted() {
    let models = models_dir();
    let registry = Registry::new();
    let inference = Inference::start(
        config(models.path(), example("echo-child")),
        Some(&registry),
    );
    works(&inference);
    let pid = inference.child_pid().unwrap();
    kill(pid);
    wait_until("a new child", || {
        inference.child_pid().is_some_and(|new| new != pid)
    });
    // The model is loaded again.
    works(&inference);
    let metrics = registry.gather();
    let restarts = metrics
        .iter()
        .find(|m| m.get_name() == "kagari_inference_restarts")
        .unwrap();
    assert_eq!(restarts.get_metric()[0].get_counter().get_value(), 1.0);
}

#[test]
fn a_child_that_is_killed_in_the_middle_of_a_job_fails_it() {
    let models = models_dir();
    let inference = echo(&models);
    works(&inference);
    let pid = inference.child_pid().unwrap();
    let other = inference.clone();
    let job = thread::spawn(move || run(&other, &[HANG]));
    wait_until_begun(&models, 1);
    kill(pid);
    let error = job.join().unwrap().unwrap_err();
    assert!(
        matches!(&error, InferenceError::ChildDied(how) if how.contains("signal: 9")),
        "{error}"
    );
    works(&inference);
}

#[test]
fn a_crash_garbage_and_strange_answers_end_the_child_and_not_the_node() {
    let models = models_dir();
    let inference = echo(&models);
    for fault in [CRASH, GARBAGE, STRANGER] {
        works(&inference);
        let pid = inference.child_pid().unwrap();
        let error = run(&inference, &[fault]).unwrap_err();
        assert!(matches!(error, InferenceError::ChildDied(_)), "{error}");
        assert!(!is_alive(pid));
    }
    works(&inference);
}

#[test]
fn a_child_that_hangs_is_killed() {
    let models = models_dir();
    let timeout = Duration::from_secs(10);
    let config = InferenceConfig {
        timeout,
        ..config(models.path(), example("echo-child"))
    };
    let inference = Inference::start(config, None);
    works(&inference);
    let pid = inference.child_pid().unwrap();
    assert_eq!(
        run(&inference, &[HANG]),
        Err(InferenceError::Timeout(timeout))
    );
    assert!(!is_alive(pid));
    works(&inference);
}

#[test]
fn what_a_timeout_takes_along_is_interrupted() {
    let models = models_dir();
    let timeout = Duration::from_secs(6);
    let config = InferenceConfig {
        timeout,
        ..config(models.path(), example("echo-child"))
    };
    let inference = Inference::start(config, None);
    works(&inference);
    let other = inference.clone();
    let first = thread::spawn(move || run(&other, &[IGNORE]));
    thread::sleep(timeout / 2);
    assert_eq!(run(&inference, &[IGNORE]), Err(InferenceError::Interrupted));
    assert_eq!(first.join().unwrap(), Err(InferenceError::Timeout(timeout)));
    works(&inference);
}

#[test]
fn a_job_that_nobody_waits_for_is_stopped() {
    let models = models_dir();
    let inference = echo(&models);
    works(&inference);
    let pid = inference.child_pid().unwrap();
    let (handle, job) = begin(&inference, &[IGNORE]);
    wait_until_begun(&models, 1);
    assert!(is_alive(pid));
    handle.abort();
    assert!(!job.join().unwrap());
    wait_until("the end of the child", || !is_alive(pid));
    works(&inference);
}

#[test]
fn a_job_that_nobody_waits_for_goes_on_beside_one_that_is_waited_for() {
    let models = models_dir();
    let inference = echo(&models);
    works(&inference);
    let pid = inference.child_pid();
    let (handle, left) = begin(&inference, &[IGNORE]);
    let (_, waited_for) = begin(&inference, &[IGNORE]);
    wait_until_begun(&models, 2);
    handle.abort();
    assert!(!left.join().unwrap());
    works(&inference);
    assert_eq!(inference.child_pid(), pid);
    kill(pid.unwrap());
    assert!(!waited_for.join().unwrap());
}

#[test]
fn a_job_that_nobody_waits_for_does_not_live_on_beside_text() {
    let models = models_dir();
    let inference = echo(&models);
    works(&inference);
    let pid = inference.child_pid().unwrap();
    let (handle, job) = begin(&inference, &[HANG]);
    wait_until_begun(&models, 1);
    let other = inference.clone();
    // The child that hangs does not answer it; its successor does.
    let text = thread::spawn(move || block_on(other.encode(&model(), "ab".into())));
    handle.abort();
    assert!(!job.join().unwrap());
    assert_eq!(text.join().unwrap(), Ok(vec![97, 98]));
    assert!(!is_alive(pid));
    works(&inference);
}

#[test]
fn text_does_not_crowd_out_jobs() {
    let models = models_dir();
    let inference = echo(&models);
    works(&inference);
    let (_, job) = begin(&inference, &[HANG]);
    wait_until_begun(&models, 1);
    let encode = |_| {
        let inference = inference.clone();
        thread::spawn(move || block_on(inference.encode(&model(), "a".into())))
    };
    let texts: Vec<_> = (0..64).map(encode).collect();
    // Beside the job, 31 texts are taken; when the others are refused, none is still on its way.
    let refused = || texts.iter().filter(|text| text.is_finished()).count();
    wait_until("the refusal of the other texts", || refused() == 64 - 31);
    let model = model();
    let more = block_on(async {
        let mut more = pin!(inference.run(&model, task(), [0; 32], vec![5]));
        assert!(poll!(&mut more).is_pending());
        kill(inference.child_pid().unwrap());
        more.await
    });
    let has_died = |error: &InferenceError| matches!(error, InferenceError::ChildDied(_));
    assert!(
        more.is_err_and(|e| has_died(&e)),
        "it was taken, not refused"
    );
    assert!(!job.join().unwrap());
    let refused = |text: JoinHandle<Result<_, _>>| text.join().unwrap().unwrap_err();
    let errors: Vec<_> = texts.into_iter().map(refused).collect();
    assert!(errors.contains(&InferenceError::Busy));
    assert!(errors.iter().any(has_died));
}

#[test]
fn too_many_requests_are_refused_and_none_is_lost() {
    let models = models_dir();
    let inference = echo(&models);
    works(&inference);
    let model = model();
    let answers = block_on(async {
        let (mut answers, mut waiting) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            let mut run = Box::pin(inference.run(&model, task(), [7; 32], vec![IGNORE]));
            match poll!(&mut run) {
                Poll::Ready(answer) => answers.push(answer),
                Poll::Pending => waiting.push(run),
            }
        }
        kill(inference.child_pid().unwrap());
        answers.extend(join_all(waiting).await);
        answers
    });
    let errors: Vec<_> = answers.into_iter().map(Result::unwrap_err).collect();
    assert!(errors.contains(&InferenceError::Busy));
    assert!(errors
        .iter()
        .any(|error| matches!(error, InferenceError::ChildDied(_))));
    works(&inference);
}

#[test]
fn a_program_that_cannot_be_started_is_an_error() {
    let models = models_dir();
    let inference = Inference::start(config(models.path(), "/nowhere/to/be/found".into()), None);
    let error = run(&inference, &[1]).unwrap_err();
    assert!(matches!(error, InferenceError::NotStarted(_)), "{error}");
    assert_eq!(inference.child_pid(), None);
}

#[test]
fn a_program_that_is_no_child_is_an_error() {
    let models = models_dir();
    let inference = Inference::start(config(models.path(), "/bin/false".into()), None);
    let error = run(&inference, &[1]).unwrap_err();
    assert!(matches!(error, InferenceError::ChildDied(_)), "{error}");
}

#[test]
fn missing_and_shortened_models_are_named() {
    let models = models_dir();
    let inference = echo(&models);
    assert!(inference.available(&model()));
    fs::write(models.path().join("echo/model.gguf"), "abc").unwrap();
    assert!(!inference.available(&model()));
    let error = run(&inference, &[1]).unwrap_err();
    assert!(error.to_string().contains("echo"), "{error}");

    let mut absent = model();
    absent.name = b"../echo".to_vec().try_into().unwrap();
    assert!(
        !inference.available(&absent),
        "a name must not lead out of the folder"
    );
}

#[test]
fn absurdly_large_inputs_are_refused() {
    let models = models_dir();
    let inference = echo(&models);
    let error = block_on(inference.encode(&model(), "a".repeat(2 << 20))).unwrap_err();
    assert!(matches!(error, InferenceError::BadInput(_)), "{error}");
    works(&inference);
}

#[test]
fn the_child_ends_with_the_last_handle() {
    let models = models_dir();
    let inference = echo(&models);
    works(&inference);
    let pid = inference.child_pid().unwrap();
    let clone = inference.clone();
    drop(inference);
    works(&clone);
    assert!(is_alive(pid));
    drop(clone);
    assert!(!is_alive(pid));
}

/// Starts a host of a child, kills it, and sees that the child ends.
fn child_ends_with_its_host(program: &Path) {
    let mut host = Command::new(example("inference-host"))
        .arg(program)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(host.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let pid: u32 = line.trim().parse().unwrap();
    assert!(is_alive(pid));
    host.kill().unwrap();
    host.wait().unwrap();
    wait_until("the end of the child", || !is_alive(pid));
}

#[test]
fn a_node_that_is_killed_leaves_no_child() {
    child_ends_with_its_host(&example("echo-child"));
    child_ends_with_its_host(&example("inference-child"));
}

#[test]
fn the_real_child_is_restarted_and_names_a_bad_model() {
    let models = TempDir::new().unwrap();
    fs::create_dir(models.path().join("echo")).unwrap();
    fs::write(models.path().join("echo/model.gguf"), "nope").unwrap();
    let inference = Inference::start(config(models.path(), example("inference-child")), None);
    for _ in 0..2 {
        let error = run(&inference, &[1]).unwrap_err();
        assert!(matches!(error, InferenceError::BadModel(_)), "{error}");
        let pid = inference.child_pid().unwrap();
        kill(pid);
        wait_until("a new child", || {
            inference.child_pid().is_some_and(|new| new != pid)
        });
    }
}
