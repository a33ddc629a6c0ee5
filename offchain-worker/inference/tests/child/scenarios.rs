//! What is expected of the child.

use crate::{
    process::{is_alive, wait_until_gone, Inference, LIMITS},
    requests::{embedding, encode, failure, job, load, replay, smollm2, started, words},
};
use codec::Encode;
use kagari_inference::{
    child::ChildLimits,
    protocol::{ChatMessage, FailureKind, Request, RequestBody, Response, ResponseBody, Role},
    Replayed,
};
use kagari_primitives::{known_models, StopReason};

/// All of them, with what they show.
pub const ALL: [(&str, fn()); 11] = [
    ("a job goes through", a_job_goes_through),
    ("a claim is replayed", a_claim_is_replayed),
    (
        "text is served while a job runs, and a full queue is busy",
        a_full_queue_is_busy,
    ),
    ("two jobs run at once if two may", two_jobs_run_at_once),
    (
        "jobs that run together have the results that they have alone",
        jobs_run_together_as_alone,
    ),
    (
        "models that are not loaded or not there are refused",
        unknown_models_are_refused,
    ),
    (
        "a malformed request is refused and the next is served",
        malformed_requests_are_refused,
    ),
    (
        "a frame that is too large ends the child",
        large_frames_end_the_child,
    ),
    (
        "the end of its input ends the child in the middle of a job",
        end_of_input_ends_the_child,
    ),
    (
        "the end of its parent ends the child",
        end_of_parent_ends_the_child,
    ),
    ("memory is limited", memory_is_limited),
];

fn a_job_goes_through() {
    let mut child = started();
    assert_eq!(
        child.ask(2, load(known_models::all_minilm_l6_v2())),
        ResponseBody::Loaded
    );
    assert_eq!(
        child.ask(3, load(known_models::all_minilm_l6_v2())),
        ResponseBody::Loaded
    );

    let messages = vec![ChatMessage {
        role: Role::User,
        content: "Say hello.".into(),
    }];
    let input = words(child.ask(
        4,
        RequestBody::EncodeChat {
            model: smollm2(),
            messages,
        },
    ));
    child.send(5, job(input, 3));
    for done in [0, 1, 2, 3] {
        assert_eq!(
            child.receive(),
            Response {
                id: 5,
                body: ResponseBody::Progress { done }
            }
        );
    }
    let ResponseBody::Done(completed) = child.result(5) else {
        panic!("the job failed")
    };
    assert_eq!(
        (completed.output.len(), completed.stop),
        (3, StopReason::Length)
    );
    let ids = completed.output;
    let text = child.ask(
        6,
        RequestBody::Decode {
            model: smollm2(),
            ids,
        },
    );
    assert!(matches!(text, ResponseBody::Text(text) if !text.is_empty()));

    let model = known_models::all_minilm_l6_v2().id();
    let input = words(child.ask(
        7,
        RequestBody::Encode {
            model,
            text: "hello".into(),
        },
    ));
    let embedded = child.ask(8, embedding(input));
    assert!(matches!(embedded, ResponseBody::Done(c) if c.output.len() == 384));
    assert!(child.close().success());
}

fn a_claim_is_replayed() {
    let mut child = started();
    let ResponseBody::Done(honest) = child.ask(2, job(vec![1], 3)) else {
        panic!("the job failed")
    };
    child.send(3, replay(vec![1], honest.clone()));
    for done in [0, 3] {
        let body = ResponseBody::Progress { done };
        assert_eq!(child.receive(), Response { id: 3, body });
    }
    let holds = ResponseBody::Replayed(Replayed::Holds);
    assert_eq!(child.result(3), holds);

    let mut lie = honest.clone();
    lie.output[1] += 1;
    let differs = ResponseBody::Replayed(Replayed::Differs(1));
    assert_eq!(child.ask(4, replay(vec![1], lie)), differs);
    let unknown = failure(child.ask(5, replay(vec![u32::MAX], honest)));
    assert_eq!(unknown.kind, FailureKind::BadInput);
}

fn a_full_queue_is_busy() {
    let mut child = started();
    child.send(2, job(vec![1], 300));
    assert_eq!(
        child.receive(),
        Response {
            id: 2,
            body: ResponseBody::Progress { done: 0 }
        }
    );
    // The first runs; the second waits; there is no place for a third.
    child.send(3, job(vec![1], 1));
    child.send(4, job(vec![1], 1));
    child.send(5, encode("text"));
    let (mut busy, mut encoded, mut done) = (false, false, Vec::new());
    while done.len() < 2 {
        let Response { id, body } = child.receive();
        match body {
            ResponseBody::Progress { .. } => {}
            ResponseBody::Words(_) => encoded = id == 5,
            ResponseBody::Done(_) => {
                assert!(
                    busy && encoded,
                    "they were answered while the first job ran"
                );
                done.push(id);
            }
            other => {
                assert_eq!((id, failure(other).kind), (4, FailureKind::Busy));
                busy = true;
            }
        }
    }
    assert_eq!(done, [2, 3]);
    assert!(matches!(
        child.ask(6, job(vec![1], 1)),
        ResponseBody::Done(_)
    ));
}

fn two_jobs_run_at_once() {
    let mut child = Inference::start(ChildLimits {
        concurrency: 2,
        ..LIMITS
    });
    child.ask(1, load(known_models::smollm2_135m_instruct()));
    child.send(2, job(vec![1], 300));
    assert_eq!(child.receive().id, 2);
    child.send(3, job(vec![1], 1));
    assert!(matches!(child.result(3), ResponseBody::Done(_)));
    assert!(matches!(child.result(2), ResponseBody::Done(_)));
}

/// Of two models, of different lengths, more than may run at once.
fn jobs_run_together_as_alone() {
    let results = |concurrency: usize| {
        let mut child = Inference::start(ChildLimits {
            concurrency,
            queue: 32,
            ..LIMITS
        });
        for manifest in known_models::all() {
            assert_eq!(child.ask(1, load(manifest)), ResponseBody::Loaded);
        }
        let completion = |i: u32| job((1..2 + i * i % 40).collect(), 1 + i % 9);
        let jobs = (0..18).map(|i| match i % 3 {
            2 => embedding((1_000..1_003 + i).collect()),
            _ => completion(i),
        });
        jobs.zip(10..).for_each(|(job, id)| child.send(id, job));
        let mut results = std::collections::BTreeMap::new();
        while results.len() < 18 {
            let Response { id, body } = child.receive();
            match body {
                ResponseBody::Progress { .. } => {}
                ResponseBody::Done(completed) => drop(results.insert(id, completed)),
                other => panic!("{id}: {other:?}"),
            }
        }
        results
    };
    let alone = results(1);
    for concurrency in [2, 7, 32] {
        assert_eq!(results(concurrency), alone, "{concurrency} at once");
    }
}

fn unknown_models_are_refused() {
    let mut child = Inference::start(LIMITS);
    assert_eq!(
        failure(child.ask(1, encode("a"))).kind,
        FailureKind::UnknownModel
    );
    assert_eq!(
        failure(child.ask(2, job(vec![1], 1))).kind,
        FailureKind::UnknownModel
    );
    let manifest = known_models::smollm2_135m_instruct();
    let elsewhere = RequestBody::Load {
        manifest,
        dir: "/nonexistent".into(),
    };
    let failure = failure(child.ask(3, elsewhere));
    assert_eq!(failure.kind, FailureKind::BadModel);
    assert!(
        failure.message.contains("model.gguf: does not exist"),
        "{failure}"
    );
}

fn malformed_requests_are_refused() {
    let mut child = started();
    let mut bytes = Request {
        id: 9,
        body: encode("ab"),
    }
    .encode();
    // The last byte of the text is no longer UTF-8.
    *bytes.last_mut().unwrap() = 0xff;
    child.send_raw(&(bytes.len() as u32).to_le_bytes());
    child.send_raw(&bytes);
    let refused = failure(child.result(9));
    assert_eq!(refused.kind, FailureKind::BadInput);
    assert!(refused.message.contains("malformed"), "{refused}");
    assert!(!words(child.ask(10, encode("ab"))).is_empty());
    assert_eq!(
        failure(child.ask(11, job(vec![u32::MAX], 1))).kind,
        FailureKind::BadInput
    );
}

fn large_frames_end_the_child() {
    let mut child = Inference::start(LIMITS);
    child.send_raw(&u32::MAX.to_le_bytes());
    assert!(!child.wait().success());
}

fn end_of_input_ends_the_child() {
    let mut child = started();
    child.send(2, job(vec![1], 8_000));
    child.receive();
    assert!(child.close().success());
}

fn end_of_parent_ends_the_child() {
    let (mut parent, child) = Inference::start_with_parent();
    // An answer shows that the child is past its first steps.
    assert_eq!(
        failure(parent.ask(1, encode("a"))).kind,
        FailureKind::UnknownModel
    );
    assert!(is_alive(child));
    parent.kill();
    wait_until_gone(child);
}

fn memory_is_limited() {
    let mut child = Inference::start(ChildLimits {
        memory_mib: 150,
        ..LIMITS
    });
    let refused = failure(child.ask(1, load(known_models::smollm2_135m_instruct())));
    assert_eq!(refused.kind, FailureKind::BadModel);
    assert!(refused.message.contains("--inference-memory"), "{refused}");

    // The files fit, and so does a short job, but not the longest.
    let mut child = Inference::start(ChildLimits {
        memory_mib: 512,
        ..LIMITS
    });
    let loaded = child.ask(1, load(known_models::smollm2_135m_instruct()));
    assert_eq!(loaded, ResponseBody::Loaded);
    let refused = failure(child.ask(2, job(vec![1], 8_000)));
    assert!(refused.message.contains("--inference-memory"), "{refused}");
    assert!(matches!(
        child.ask(3, job(vec![1], 1)),
        ResponseBody::Done(_)
    ));

    // What does not even hold the program ends it.
    let mut child = Inference::start(ChildLimits {
        memory_mib: 1,
        ..LIMITS
    });
    assert!(!child.wait().success());
}
