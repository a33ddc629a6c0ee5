use super::*;
use kagari_primitives::{AccountId, Sampling};
use serde_json::{json, to_value, Value};

const ONES: &str = "5C62Ck4UrFPiBtoCmeSrgF7x9yv9mn38446dhCpsi2mLHiFT";
const TWOS: &str = "5C7LYpP2ZH3tpKbvVvwiVe54AapxErdPBbvkYhe6y9ZBkqWt";

fn record() -> AttestationRecord {
    AttestationRecord {
        output_hash: Hash::repeat_byte(3),
        output_len: 2,
        stop: StopReason::StopToken,
        trace_root: Hash::repeat_byte(4),
        block: 12,
        extrinsic: 1,
    }
}

fn info(state: JobState) -> JobInfo {
    let task = Task::Completion {
        max_new_tokens: 9,
        sampling: Sampling::GREEDY,
    };
    JobInfo {
        job: Hash::repeat_byte(9),
        replica_of: None,
        requester: AccountId::new([1; 32]),
        provider: AccountId::new([2; 32]),
        spec: JobSpec::new(Hash::repeat_byte(5), task, u128::MAX, 30),
        price: 7,
        escrow: 70,
        input_hash: Hash::repeat_byte(6),
        input_len: 3,
        input_block: 10,
        input_extrinsic: 2,
        assigned_at: 10,
        attempts: 1,
        state,
    }
}

fn view(state: JobState) -> Value {
    let output = attestation(&state).map(OutputView::unread);
    let view = JobView::new(info(state), Some("m".into()), Some(vec![1, 2, 3]), output);
    to_value(view).expect("a view is JSON")
}

fn hex(byte: &str) -> String {
    format!("0x{}", byte.repeat(32))
}

#[test]
fn an_assigned_job_in_full() {
    let expected = json!({
        "job": hex("09"),
        "replicaOf": null,
        "requester": ONES,
        "provider": TWOS,
        "modelName": "m",
        "spec": {
            "model": hex("05"),
            "task": {
                "completion": {
                    "maxNewTokens": 9,
                    "sampling": { "temperature": 0, "topP": 1000, "seed": 0 },
                },
            },
            "maxPrice": u128::MAX.to_string(),
            "deadline": 30,
            "minTier": "new",
            "class": "exact",
            "region": null,
            "replicas": 1,
        },
        "price": "7",
        "escrow": "70",
        "assignedAt": 10,
        "attempts": 1,
        "state": "assigned",
        "deadline": 40,
        "input": { "hash": hex("06"), "len": 3, "block": 10, "extrinsic": 2, "words": [1, 2, 3] },
        "output": null,
    });
    assert_eq!(view(JobState::Assigned { deadline: 40 }), expected);
}

#[test]
fn an_attested_job_shows_its_output() {
    let job = view(JobState::Attested {
        window_end: 16,
        attestation: record(),
    });
    assert_eq!(job["state"], "attested");
    assert_eq!(job["windowEnd"], 16);
    let output = json!({
        "hash": hex("03"), "len": 2, "block": 12, "extrinsic": 1, "stop": "stopToken",
        "traceRoot": hex("04"), "words": null, "text": null, "vector": null,
    });
    assert_eq!(job["output"], output);
}

#[test]
fn a_settled_job_shows_the_money() {
    let job = view(JobState::Ended(Outcome::Settled {
        at: 17,
        attestation: record(),
        work: 1_000,
        paid: 60,
        burned: 6,
        refunded: 10,
        era: 2,
        reward: 5,
    }));
    let of = |key: &str| job[key].clone();
    assert_eq!(of("state"), "settled");
    assert_eq!([of("endedAt"), of("era")], [17, 2]);
    let money = ["work", "paid", "burned", "refunded", "reward"].map(of);
    assert_eq!(money, ["1000", "60", "6", "10", "5"]);
    assert_eq!(job["output"]["len"], 2);
}

#[test]
fn a_discarded_job_shows_its_output_and_what_was_burned() {
    let discarded = JobState::Ended(Outcome::Discarded {
        at: 17,
        attestation: record(),
        burned: 60,
        refunded: 10,
    });
    assert!(StateView::from(&discarded).is_over());
    let job = view(discarded);
    assert_eq!(job["state"], "discarded");
    assert_eq!(job["endedAt"], 17);
    assert_eq!([&job["burned"], &job["refunded"]], ["60", "10"]);
    assert_eq!(job["paid"], Value::Null);
    assert_eq!(job["output"]["len"], 2);
}

#[test]
fn a_refunded_job_has_no_output() {
    let job = view(JobState::Ended(Outcome::Refunded {
        at: 41,
        refunded: 70,
    }));
    assert_eq!(job["state"], "refunded");
    assert_eq!(job["refunded"], "70");
    assert_eq!(job["output"], Value::Null);
}

#[test]
fn only_an_end_is_the_end() {
    let over = |state: JobState| StateView::from(&state).is_over();
    assert!(!over(JobState::Assigned { deadline: 1 }));
    assert!(!over(JobState::Attested {
        window_end: 1,
        attestation: record()
    }));
    assert!(over(JobState::Ended(Outcome::Refunded {
        at: 1,
        refunded: 1
    })));
}

#[test]
fn vectors_are_the_bits_of_their_words() {
    assert_eq!(vector(&[0, 0x3f80_0000, 0xbf00_0000]), [0.0, 1.0, -0.5]);
}
