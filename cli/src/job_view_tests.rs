//! The words for each state of a job.

use super::*;
use serde_json::{json, Value};

/// A hash as the node tells it.
fn hash(byte: u8) -> String {
    format!("0x{}", hex::encode([byte; 32]))
}

/// A job as the node tells it, in this state.
fn job(state: Value, output: Value) -> JobView {
    let mut job = json!({
        "job": hash(1),
        "requester": "5Requester",
        "provider": "5Provider",
        "modelName": "Tiny",
        "spec": { "model": hash(5), "task": "embedding", "maxPrice": "9", "deadline": 30 },
        "price": "340282366920938463463374607431768211455",
        "escrow": "2000000000000",
        "assignedAt": 10,
        "attempts": 1,
        "input": { "hash": hash(6), "len": 3, "block": 10, "extrinsic": 2, "words": [1, 2, 3] },
        "output": output,
    });
    let (Value::Object(job_map), Value::Object(state)) = (&mut job, state) else {
        panic!("both are objects; qed")
    };
    job_map.extend(state);
    serde_json::from_value(job).expect("reads")
}

fn output(text: Option<&str>, vector: Option<&[f32]>, words: Option<&[u32]>, stop: &str) -> Value {
    json!({
        "hash": hash(3), "len": 2, "block": 12, "extrinsic": 1, "stop": stop, "traceRoot": hash(4),
        "words": words, "text": text, "vector": vector,
    })
}

fn settled(output: Value) -> JobView {
    let state = json!({
        "state": "settled", "endedAt": 17, "work": "1000", "paid": "1500000000000",
        "burned": "150000000000", "refunded": "500000000000", "era": 2, "reward": "5",
    });
    job(state, output)
}

fn discarded() -> JobView {
    let state = json!({
        "state": "discarded", "endedAt": 17, "burned": "1500000000000", "refunded": "500000000000",
    });
    job(state, output(Some("No."), None, None, "stopToken"))
}

/// The same job as one of several replicas.
fn replica(job: JobView) -> JobView {
    JobView {
        replica_of: Some(Hash::repeat_byte(7)),
        ..job
    }
}

#[test]
fn each_state_has_its_words() {
    let assigned = job(json!({ "state": "assigned", "deadline": 40 }), Value::Null);
    let words = "Being computed, by block 40 at the latest: 5Provider";
    assert_eq!(assigned.words(), words);
    let attested = job(json!({ "state": "attested", "windowEnd": 16 }), Value::Null);
    assert!(attested.words().contains("on the chain") && attested.words().contains("block 16"));
    assert!(attested.words().ends_with("then it is paid for"));
    let condition = "then it is paid for, if more than half of the replicas gave the same";
    assert!(replica(attested).words().ends_with(condition));
    assert_eq!(
        discarded().words(),
        "Not paid for: no majority of the replicas gave this. 1.5 KGR was burned, 0.5 KGR given \
         back. `kagari job verify` tells who is right"
    );
    assert_eq!(settled(Value::Null).words(), "Done and paid for: 1.5 KGR");
    let refund = json!({ "state": "refunded", "endedAt": 41, "refunded": "2000000000000" });
    let refunded = job(refund, Value::Null);
    assert_eq!(
        refunded.words(),
        "No provider did it in time. You have your 2 KGR back"
    );
}

#[test]
fn a_second_attempt_is_told() {
    let first = job(json!({ "state": "assigned", "deadline": 40 }), Value::Null);
    let second = JobView {
        attempts: 2,
        ..first
    };
    assert!(second
        .words()
        .contains("(attempt 2, the one before came too late): 5Provider"));
}

#[test]
fn only_an_end_is_an_end() {
    let over = |state| job(state, Value::Null).ended_at();
    assert_eq!(over(json!({ "state": "assigned", "deadline": 40 })), None);
    assert_eq!(over(json!({ "state": "attested", "windowEnd": 16 })), None);
    let refund = json!({ "state": "refunded", "endedAt": 41, "refunded": "2" });
    assert_eq!(over(refund.clone()), Some(41));
    assert!(job(refund, Value::Null).is_unpaid());
    let cancel = json!({ "state": "cancelled", "endedAt": 13, "paid": "1", "refunded": "2" });
    assert_eq!(over(cancel.clone()), Some(13));
    assert!(job(cancel, Value::Null).is_unpaid());
    assert_eq!(discarded().ended_at(), Some(17));
    assert!(discarded().is_unpaid());
    assert_eq!(settled(Value::Null).ended_at(), Some(17));
    assert!(!settled(Value::Null).is_unpaid());
}

#[test]
fn a_replica_tells_what_it_is_one_of() {
    let row = format!("Replica of   {}", hash(7));
    assert!(!discarded().describe().contains("Replica of"));
    let told = replica(discarded()).describe();
    for part in [
        "No.\n\n",
        "Burned       1.5 KGR",
        "Given back   0.5 KGR",
        "attested in 12, discarded in 17",
        row.as_str(),
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
}

#[test]
fn a_settled_job_tells_who_when_and_how_much() {
    let told = settled(output(Some("Rayleigh."), None, None, "stopToken")).describe();
    for part in [
        "Rayleigh.\n\n",
        "Computed by  5Provider",
        "Price paid   1.5 KGR, of which 0.15 KGR burned",
        "Given back   0.5 KGR out of 2 KGR held",
        "Blocks       submitted in 10, attested in 12, settled in 17",
        "Job          0x0101",
        "Model        Tiny",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
}

#[test]
fn an_answer_that_was_cut_says_why() {
    let answer = |stop| settled(output(Some("Because"), None, None, stop)).answer();
    assert_eq!(answer("stopToken").as_deref(), Some("Because"));
    assert!(answer("length")
        .expect("is there")
        .contains("no more tokens"));
    assert!(answer("nonFinite")
        .expect("is there")
        .contains("no finite number"));
}

#[test]
fn an_answer_without_text_is_still_told() {
    let vector: Vec<f32> = (0..384).map(|i| i as f32 / 512.0).collect();
    let told = settled(output(None, Some(&vector), Some(&[1]), "vector")).answer();
    let told = told.expect("is there");
    assert!(
        told.starts_with("A vector of 384 numbers: 0.0000, 0.0020,"),
        "{told}"
    );
    let ids = settled(output(None, None, Some(&[7, 8]), "length")).answer();
    assert!(ids.expect("is there").contains("[7, 8]"));
    let gone = settled(output(None, None, None, "length")).answer();
    assert!(gone.expect("is there").contains("no longer has block 12"));
    assert_eq!(settled(Value::Null).answer(), None);
}
