//! Claims that are taken and those that are refused.

use super::*;
use crate::job_view::Spec;
use kagari_primitives::{known_models, StopReason};

const INPUT: [Word; 3] = [1, 2, 3];
const OUTPUT: [Word; 2] = [7, 8];
const NONCE: u32 = 5;

fn requester() -> AccountId {
    AccountId::new([4; 32])
}

fn honest() -> JobView {
    let hash = payload_hash(&INPUT);
    let output = Output {
        hash: payload_hash(&OUTPUT),
        len: 2,
        block: 12,
        stop: StopReason::Length,
        trace_root: Hash::repeat_byte(9),
        words: Some(OUTPUT.to_vec()),
        text: None,
        vector: None,
    };
    JobView {
        job: job_id(&requester(), NONCE, 10, hash),
        replica_of: None,
        requester: requester().to_string(),
        provider: "5Provider".into(),
        model_name: None,
        spec: Spec {
            model: known_models::all_minilm_l6_v2().id(),
            task: Task::Embedding,
        },
        price: crate::amount::Amount(1),
        escrow: crate::amount::Amount(1),
        assigned_at: 10,
        attempts: 1,
        state: State::Attested { window_end: 16 },
        input: Input {
            hash,
            len: 3,
            block: 10,
            words: Some(INPUT.to_vec()),
        },
        output: Some(output),
    }
}

fn claim(view: JobView) -> Result<Claim, Failure> {
    Claim::of(honest().job, view, &requester(), NONCE + 1)
}

/// What is told of an honest job that was changed.
fn told(change: impl Fn(&mut JobView)) -> String {
    let mut view = honest();
    change(&mut view);
    claim(view).expect_err("is refused").message
}

fn with_output(change: impl Fn(&mut Output)) -> String {
    told(|view| change(view.output.as_mut().expect("is there")))
}

#[test]
fn an_honest_node_is_believed() {
    let claim = claim(honest()).expect("all hashes are right");
    assert_eq!(claim.input, INPUT);
    assert_eq!(claim.claimed.output, OUTPUT);
    assert_eq!(claim.claimed.trace_root, Hash::repeat_byte(9));
    assert!(claim
        .check_manifest(&known_models::all_minilm_l6_v2())
        .is_ok());
    let other = claim.check_manifest(&known_models::smollm2_135m_instruct());
    assert!(other.expect_err("is another").message.contains("manifest"));
}

#[test]
fn a_replica_is_covered_by_the_id_of_its_gang() {
    let gang = gang_id(honest().job);
    let replica = |index, of| {
        let mut view = honest();
        view.job = replica_id(gang, index);
        view.replica_of = Some(of);
        Claim::of(view.job, view, &requester(), NONCE + 1)
    };
    let claim = replica(MAX_REPLICAS - 1, gang).expect("all hashes are right");
    assert_eq!(claim.drawn_by, gang);
    for lie in [replica(MAX_REPLICAS, gang), replica(0, JobId::zero())] {
        let told = lie.expect_err("is refused").message;
        assert!(told.contains("the id does not cover"), "{told}");
    }
    let alone = claim_of_honest();
    assert_eq!(alone.drawn_by, alone.job);
}

fn claim_of_honest() -> Claim {
    claim(honest()).expect("all hashes are right")
}

#[test]
fn the_nonce_may_be_low_or_just_used() {
    let hash = payload_hash(&INPUT);
    let is_id = |nonce, next_nonce| {
        let job = job_id(&requester(), nonce, 10, hash);
        is_made(&requester(), &honest().input, next_nonce, |id| id == job)
    };
    assert!(is_id(0, 0) && is_id(NONCES - 1, 0));
    assert!(is_id(3_000_000_000, 3_000_000_000) && is_id(3_000_000_000, 3_000_000_009));
    assert!(!is_id(3_000_000_000, 0));
}

#[test]
fn other_words_than_those_on_the_chain_are_found_out() {
    let input = told(|view| view.input.words = Some(vec![1, 2, 4]));
    assert!(input.contains("an input that has not the hash"), "{input}");
    let output = with_output(|output| output.words = Some(vec![7, 9]));
    assert!(
        output.contains("an output that has not the hash"),
        "{output}"
    );
    for lie in [input, output] {
        assert!(lie.contains("--url"), "{lie}");
    }
}

#[test]
fn an_input_that_the_id_does_not_cover_is_found_out() {
    let swapped = told(|view| {
        view.input.words = Some(vec![5]);
        view.input.hash = payload_hash(&[5]);
    });
    assert!(swapped.contains("the id does not cover"), "{swapped}");
    let moved = told(|view| view.input.block = 11);
    assert!(moved.contains("the id does not cover"), "{moved}");
    let another = told(|view| view.job = JobId::zero());
    assert!(another.contains("the id does not cover"), "{another}");
}

#[test]
fn what_is_not_there_is_told() {
    let input = told(|view| view.input.words = None);
    assert!(
        input.contains("block 10, which carries the input"),
        "{input}"
    );
    let output = with_output(|output| output.words = None);
    assert!(
        output.contains("block 12, which carries the output"),
        "{output}"
    );
    let early = told(|view| {
        view.output = None;
        view.state = State::Assigned { deadline: 40 };
    });
    assert!(early.contains("kagari job watch"), "{early}");
    let refunded = told(|view| {
        view.output = None;
        view.state = State::Refunded {
            ended_at: 40,
            refunded: crate::amount::Amount(1),
        };
    });
    assert!(refunded.contains("nothing to verify"), "{refunded}");
    let discarded = told(|view| {
        view.output = None;
        view.state = State::Discarded {
            ended_at: 40,
            burned: crate::amount::Amount(1),
            refunded: crate::amount::Amount(1),
        };
    });
    assert!(
        discarded.contains("though the job was attested"),
        "{discarded}"
    );
}
