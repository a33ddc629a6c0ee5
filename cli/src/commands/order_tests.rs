//! The terms of a job, and how its delivery is told.

use super::*;
use kagari_primitives::{Hash, Task};

fn prepared(total: Option<u128>) -> Prepared {
    let quote = |total| Quote {
        price: Amount(10),
        total: Amount(total),
    };
    Prepared {
        model: Hash::repeat_byte(5),
        name: "Tiny".into(),
        task: Task::Embedding,
        input: vec![1, 2, 3],
        work_units: "2.5".into(),
        cheapest: total.map(quote),
        max_price: total.map(|total| Amount(total + total / 10)),
        deadline: 30,
    }
}

fn args(max_price: Option<u128>, deadline: Option<u32>) -> OrderArgs {
    OrderArgs {
        model: None,
        max_price: max_price.map(Amount),
        deadline,
    }
}

fn settled() -> Delivery {
    let hash = |byte: u8| format!("0x{}", hex::encode([byte; 32]));
    let json = json!({
        "job": hash(1), "requester": "5R", "provider": "5P",
        "modelName": "Tiny", "spec": { "model": hash(5), "task": "embedding" },
        "price": "10", "escrow": "2000000000000", "assignedAt": 10,
        "attempts": 1, "state": "settled", "endedAt": 17, "work": "9", "paid": "1000000000000",
        "burned": "100000000000", "refunded": "1000000000000", "era": 0, "reward": "1",
        "input": { "hash": hash(6), "len": 3, "block": 10, "extrinsic": 2, "words": [1] },
        "output": {
            "hash": hash(3), "len": 2, "block": 12, "extrinsic": 1, "stop": "stopToken",
            "traceRoot": hash(4), "words": [7, 8], "text": "Rayleigh.", "vector": null,
        },
    });
    let receipt = Receipt {
        block: 10,
        block_hash: "0x0a".into(),
        hash: "0x0b".into(),
        fee: Some(Amount(1_000_000_000)),
    };
    let (before, after) = (Amount(5_000_000_000_000), Amount(3_999_000_000_000));
    Delivery {
        job: Answer::read(json).expect("reads"),
        receipt,
        before,
        after,
    }
}

#[test]
fn without_wishes_the_node_s_suggestions_are_taken() {
    let prepared = prepared(Some(100));
    let (spec, quote) = terms(&prepared, &args(None, None)).expect("is fine");
    assert_eq!(
        (spec.max_price, spec.deadline, quote.total),
        (110, 30, Amount(100))
    );
    let (spec, _) = terms(&prepared, &args(Some(100), Some(7))).expect("is fine");
    assert_eq!((spec.max_price, spec.deadline), (100, 7));
}

#[test]
fn a_maximum_below_the_price_is_not_sent() {
    let refused = terms(&prepared(Some(100)), &args(Some(99), None)).expect_err("is too low");
    assert!(
        refused.message.contains("--max-price"),
        "{}",
        refused.message
    );
}

#[test]
fn a_job_that_nobody_would_take_is_not_sent() {
    let refused = terms(&prepared(None), &args(Some(1_000), None)).expect_err("nobody offers");
    assert!(refused.message.contains("Nobody"), "{}", refused.message);
}

#[test]
fn an_input_that_no_job_can_carry_is_not_sent() {
    let long = Prepared {
        input: vec![0; MAX_INPUT as usize + 1],
        ..prepared(Some(1))
    };
    assert!(terms(&long, &args(None, None)).is_err());
    let longest = Prepared {
        input: vec![0; MAX_INPUT as usize],
        ..long
    };
    assert!(terms(&longest, &args(None, None)).is_ok());
}

#[test]
fn the_estimate_names_price_and_publicity() {
    let prepared = prepared(Some(100));
    let (spec, quote) = terms(&prepared, &args(None, None)).expect("is fine");
    let told = estimate_words(&prepared, quote, &spec);
    assert!(
        told.starts_with("Tiny: 3 tokens in, at most 2.5 work units at"),
        "{told}"
    );
    assert!(
        told.contains("never more than 0.00000000011 KGR") && told.contains("public"),
        "{told}"
    );
}

#[test]
fn a_delivery_is_told_whole() {
    let told = delivery_words(&settled());
    assert!(told.starts_with("Rayleigh.\n\n"), "{told}");
    for part in [
        "5P",
        "1 KGR, of which 0.1 KGR burned",
        "0.001 KGR",
        "5 KGR before, 3.999 KGR after",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
}

#[test]
fn a_delivery_in_json_has_the_documented_keys() {
    let told = delivery_json(&settled());
    assert_eq!(told["answer"], "Rayleigh.");
    assert_eq!(told["job"]["state"], "settled");
    assert_eq!(told["balanceBefore"], "5000000000000");
    assert_eq!(told["balanceAfter"], "3999000000000");
    assert_eq!(told["transaction"]["fee"], "1000000000");
    assert!(told.get("vector").is_none());
    let mut embedded = settled();
    embedded.job.json["output"]["vector"] = json!([0.5]);
    let told = delivery_json(&embedded);
    assert_eq!(told["vector"], json!([0.5]));
    assert!(told.get("answer").is_none());
}

#[test]
fn who_stops_waiting_is_told_the_way_back() {
    let failure = stopped(JobId::repeat_byte(1));
    assert!(failure.interrupted);
    let id = format!("0x{}", "01".repeat(32));
    assert!(failure.message.contains(&format!("kagari job watch {id}")));
    assert_eq!(failure.job, Some(id));
}
