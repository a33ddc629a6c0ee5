#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::test_data::{assigned, limits, result, sign};
use kagari_primitives::{Assignment, Attestation, StopReason};

fn machine() -> Machine {
    Machine::new(limits(), [])
}

fn best(number: BlockNumber, assigned: &[&Assigned]) -> Event {
    Event::Best {
        number,
        assigned: assigned.iter().map(|a| (*a).clone()).collect(),
        attested: Vec::new(),
    }
}

fn work(assigned: &Assigned) -> WorkId {
    WorkId::of(&assigned.assignment)
}

/// What was asked for, by kind, in order.
fn kinds(commands: &[Command]) -> Vec<&'static str> {
    let kind = |command: &Command| match command {
        Command::Run(_) => "run",
        Command::Cancel(_) => "cancel",
        Command::Keep(_) => "keep",
        Command::Forget(_) => "forget",
        Command::Sign { .. } => "sign",
        Command::Submit { .. } => "submit",
        Command::NoteAttested { .. } => "attested",
    };
    commands.iter().map(kind).collect()
}

fn attestation(commands: &[Command]) -> (Hash, Attestation) {
    let find = |command: &Command| match command {
        Command::Sign {
            assignment_hash,
            attestation,
            ..
        }
        | Command::Submit {
            assignment_hash,
            attestation,
            ..
        } => Some((*assignment_hash, *attestation)),
        _ => None,
    };
    commands
        .iter()
        .find_map(find)
        .expect("an attestation is among the commands")
}

/// Runs a job to its submission.
fn submitted(machine: &mut Machine, assigned: &Assigned, at: BlockNumber) {
    assert_eq!(kinds(&machine.handle(best(at, &[assigned]))), ["run"]);
    let finished = Event::Finished {
        work: work(assigned),
        result: result(1),
    };
    assert_eq!(kinds(&machine.handle(finished)), ["keep", "sign"]);
    let signed = Event::Signed {
        work: work(assigned),
        signed: sign(assigned),
    };
    assert_eq!(kinds(&machine.handle(signed)), ["keep", "submit"]);
}

use kagari_primitives::Hash;

#[test]
fn a_job_is_run_kept_signed_and_submitted() {
    let mut machine = machine();
    let job = assigned(1, 0);
    submitted(&mut machine, &job, 1);
    assert_eq!(machine.unconfirmed(), [job.assignment.job]);
    assert_eq!(kinds(&machine.handle(best(2, &[&job]))), [""; 0]);
}

#[test]
fn what_is_in_the_best_chain_is_not_sent_again() {
    let mut machine = machine();
    let job = assigned(1, 0);
    submitted(&mut machine, &job, 1);
    let attested = vec![(job.assignment.job, 3)];
    let commands = machine.handle(Event::Best {
        number: 3,
        assigned: vec![],
        attested,
    });
    assert!(matches!(
        commands[..],
        [Command::NoteAttested {
            blocks: Some(2),
            ..
        }]
    ));
    assert!(machine.unconfirmed().is_empty());
    assert_eq!(kinds(&machine.handle(best(9, &[]))), [""; 0]);
}

#[test]
fn what_the_best_chain_lacks_after_two_blocks_is_submitted_again() {
    let mut machine = machine();
    let job = assigned(1, 0);
    submitted(&mut machine, &job, 1);
    assert_eq!(kinds(&machine.handle(best(2, &[&job]))), [""; 0]);
    assert_eq!(kinds(&machine.handle(best(3, &[&job]))), ["submit"]);
    assert_eq!(kinds(&machine.handle(best(4, &[&job]))), [""; 0]);
    assert_eq!(kinds(&machine.handle(best(5, &[&job]))), ["submit"]);
}

#[test]
fn what_the_pool_refused_is_submitted_with_the_next_block() {
    let mut machine = machine();
    let job = assigned(1, 0);
    submitted(&mut machine, &job, 1);
    machine.handle(Event::NotSubmitted { work: work(&job) });
    assert_eq!(kinds(&machine.handle(best(2, &[&job]))), ["submit"]);
}

#[test]
fn what_a_fork_took_back_is_submitted_again() {
    let mut machine = machine();
    let job = assigned(1, 0);
    submitted(&mut machine, &job, 1);
    let attested = vec![(job.assignment.job, 2)];
    machine.handle(Event::Best {
        number: 2,
        assigned: vec![],
        attested,
    });
    assert_eq!(kinds(&machine.handle(best(2, &[&job]))), ["submit"]);
}

#[test]
fn a_new_assignment_of_the_same_work_is_signed_anew_and_not_computed() {
    let mut machine = machine();
    let (old, new) = (assigned(1, 0), assigned(1, 7));
    assert_eq!(work(&old), work(&new));
    submitted(&mut machine, &old, 1);
    let commands = machine.handle(best(2, &[&new]));
    assert_eq!(kinds(&commands), ["sign"]);
    let (hash, attestation) = attestation(&commands);
    assert_eq!(hash, new.assignment.assignment_hash);
    assert_eq!(attestation.assigned_at, new.assignment.assigned_at);
    let signed = Event::Signed {
        work: work(&new),
        signed: sign(&new),
    };
    assert_eq!(kinds(&machine.handle(signed)), ["keep", "submit"]);
}

#[test]
fn an_assignment_that_comes_back_is_not_signed_again() {
    let mut machine = machine();
    let (first, second) = (assigned(1, 0), assigned(1, 7));
    submitted(&mut machine, &first, 1);
    assert_eq!(kinds(&machine.handle(best(2, &[&second]))), ["sign"]);
    let signed = Event::Signed {
        work: work(&second),
        signed: sign(&second),
    };
    assert_eq!(kinds(&machine.handle(signed)), ["keep", "submit"]);
    for (number, job) in [(3, &first), (4, &second)] {
        let commands = machine.handle(best(number, &[job]));
        assert_eq!(kinds(&commands), ["submit"]);
        let (hash, _) = attestation(&commands);
        assert_eq!(hash, job.assignment.assignment_hash);
    }
}

#[test]
fn a_signature_that_comes_when_another_is_asked_for_is_not_kept() {
    let mut machine = machine();
    let (old, new) = (assigned(1, 0), assigned(1, 7));
    submitted(&mut machine, &old, 1);
    assert_eq!(kinds(&machine.handle(best(2, &[&new]))), ["sign"]);
    let signed = Event::Signed {
        work: work(&old),
        signed: sign(&old),
    };
    assert_eq!(kinds(&machine.handle(signed)), [""; 0]);
    assert_eq!(kinds(&machine.handle(best(3, &[&new]))), ["sign"]);
}

#[test]
fn the_latest_signatures_are_kept() {
    let mut record = record(&assigned(1, 0));
    for fork in 0..9 {
        record.add_signature(sign(&assigned(1, fork)));
    }
    for fork in 0..9 {
        record.assigned = assigned(1, fork);
        assert_eq!(record.valid_signature().is_some(), fork > 0);
    }
}

#[test]
fn what_is_to_be_revealed_is_submitted_at_once() {
    let mut machine = machine();
    let job = assigned(1, 0);
    submitted(&mut machine, &job, 1);
    assert_eq!(kinds(&machine.handle(best(2, &[&job]))), [""; 0]);
    let mut open = job.clone();
    open.assignment.deadline += 5;
    assert_eq!(kinds(&machine.handle(best(2, &[&open]))), ["submit"]);
    assert_eq!(kinds(&machine.handle(best(3, &[&open]))), [""; 0]);
}

#[test]
fn a_new_worker_key_signs_anew() {
    let mut machine = machine();
    let old = assigned(1, 0);
    let new = Assigned {
        worker: assigned(9, 0).worker,
        ..old.clone()
    };
    assert_ne!(old.worker, new.worker);
    submitted(&mut machine, &old, 1);
    assert_eq!(kinds(&machine.handle(best(2, &[&new]))), ["sign"]);
}

#[test]
fn the_same_job_with_another_task_is_computed_anew() {
    let mut machine = machine();
    let old = assigned(1, 0);
    let mut new = assigned(1, 7);
    new.assignment.spec.task = kagari_primitives::Task::Embedding;
    submitted(&mut machine, &old, 1);
    assert_eq!(kinds(&machine.handle(best(2, &[&new]))), ["run"]);
}

#[test]
fn a_result_that_comes_while_the_assignment_is_gone_is_kept_but_not_signed() {
    let mut machine = machine();
    let job = assigned(1, 0);
    machine.handle(best(1, &[&job]));
    assert_eq!(kinds(&machine.handle(best(2, &[]))), [""; 0]);
    let finished = Event::Finished {
        work: work(&job),
        result: result(1),
    };
    assert_eq!(kinds(&machine.handle(finished)), ["keep"]);
    assert_eq!(kinds(&machine.handle(best(3, &[&job]))), ["sign"]);
}

#[test]
fn what_nobody_asks_for_any_more_is_stopped() {
    let mut machine = machine();
    let job = assigned(1, 0);
    machine.handle(best(1, &[&job]));
    for number in 2..=3 {
        assert_eq!(kinds(&machine.handle(best(number, &[]))), [""; 0]);
    }
    assert_eq!(kinds(&machine.handle(best(4, &[]))), ["cancel"]);
    let late = Event::Finished {
        work: work(&job),
        result: result(1),
    };
    assert_eq!(kinds(&machine.handle(late)), [""; 0]);
}

#[test]
fn what_is_past_its_deadline_is_dropped() {
    let mut machine = machine();
    let job = assigned(1, 0);
    let deadline = job.assignment.deadline;
    machine.handle(best(1, &[&job]));
    assert_eq!(kinds(&machine.handle(best(deadline - 1, &[&job]))), [""; 0]);
    assert_eq!(kinds(&machine.handle(best(deadline, &[&job]))), ["cancel"]);
    assert_eq!(kinds(&machine.handle(best(deadline, &[&job]))), [""; 0]);
}

#[test]
fn what_is_done_is_not_submitted_past_its_deadline() {
    let mut machine = machine();
    let job = assigned(1, 0);
    let deadline = job.assignment.deadline;
    submitted(&mut machine, &job, 1);
    assert_eq!(
        kinds(&machine.handle(best(deadline - 1, &[&job]))),
        ["submit"]
    );
    assert_eq!(kinds(&machine.handle(best(deadline + 5, &[&job]))), [""; 0]);
}

#[test]
fn more_than_fits_is_left_for_later() {
    let mut machine = machine();
    let jobs: Vec<Assigned> = (0..10).map(|id| assigned(id, 0)).collect();
    let all: Vec<&Assigned> = jobs.iter().collect();
    assert_eq!(kinds(&machine.handle(best(1, &all))), ["run"; 2]);
    assert_eq!((machine.running(), machine.waiting()), (2, 3));
    let running: Vec<WorkId> = machine
        .entries
        .iter()
        .filter(|(_, e)| e.is_running())
        .map(|(w, _)| *w)
        .collect();
    let finished = Event::Finished {
        work: running[0],
        result: result(1),
    };
    assert_eq!(kinds(&machine.handle(finished)), ["keep", "sign", "run"]);
    assert_eq!((machine.running(), machine.waiting()), (2, 2));
    machine.handle(best(2, &all));
    assert_eq!((machine.running(), machine.waiting()), (2, 3));
}

#[test]
fn what_is_due_first_runs_first() {
    let mut machine = Machine::new(
        Limits {
            concurrency: 1,
            ..limits()
        },
        [],
    );
    let (late, mut early) = (assigned(1, 0), assigned(2, 0));
    early.assignment.deadline -= 1;
    let commands = machine.handle(best(1, &[&late, &early]));
    assert!(
        matches!(&commands[..], [Command::Run(Assignment { job, .. })] if *job == early.assignment.job)
    );
}

#[test]
fn a_job_that_cannot_be_done_is_given_up() {
    let mut machine = machine();
    let job = assigned(1, 0);
    machine.handle(best(1, &[&job]));
    machine.handle(Event::Failed {
        work: work(&job),
        failure: Failure::Job,
    });
    assert_eq!(kinds(&machine.handle(best(2, &[&job]))), [""; 0]);
    // Another assignment of the same work would fail alike.
    assert_eq!(kinds(&machine.handle(best(3, &[&assigned(1, 7)]))), [""; 0]);
}

#[test]
fn a_child_that_fails_is_tried_once_more_with_the_next_block() {
    let mut machine = machine();
    let job = assigned(1, 0);
    let failed = Event::Failed {
        work: work(&job),
        failure: Failure::Child,
    };
    assert_eq!(kinds(&machine.handle(best(1, &[&job]))), ["run"]);
    assert_eq!(kinds(&machine.handle(failed.clone())), [""; 0]);
    assert_eq!(kinds(&machine.handle(best(2, &[&job]))), ["run"]);
    assert_eq!(kinds(&machine.handle(failed)), [""; 0]);
    assert_eq!(kinds(&machine.handle(best(3, &[&job]))), [""; 0]);
    assert_eq!(kinds(&machine.handle(best(4, &[&assigned(1, 7)]))), ["run"]);
}

#[test]
fn an_interruption_does_not_count_as_a_failure() {
    let mut machine = machine();
    let job = assigned(1, 0);
    for number in 1..20 {
        assert_eq!(kinds(&machine.handle(best(number, &[&job]))), ["run"]);
        machine.handle(Event::Failed {
            work: work(&job),
            failure: Failure::Interrupted,
        });
    }
}

/// A job that was done and not signed.
fn record(job: &Assigned) -> Record {
    Record {
        assigned: job.clone(),
        output: result(1).output,
        stop: StopReason::Length,
        trace_root: result(1).trace_root,
        signed: Vec::new(),
    }
}

#[test]
fn what_the_journal_has_is_never_computed_again() {
    let job = assigned(1, 0);
    let record = record(&job);
    let mut machine = Machine::new(limits(), [record.clone()]);
    assert_eq!(kinds(&machine.handle(best(1, &[&job]))), ["sign"]);
    let mut machine = Machine::new(
        limits(),
        [Record {
            signed: vec![sign(&job)],
            ..record.clone()
        }],
    );
    assert_eq!(kinds(&machine.handle(best(1, &[&job]))), ["submit"]);
    // A signature for another assignment does not serve.
    let other = Record {
        signed: vec![sign(&assigned(1, 7))],
        ..record
    };
    let mut machine = Machine::new(limits(), [other]);
    assert_eq!(kinds(&machine.handle(best(1, &[&job]))), ["sign"]);
}

#[test]
fn what_could_not_be_signed_is_signed_with_the_next_block() {
    let mut machine = machine();
    let job = assigned(1, 0);
    machine.handle(best(1, &[&job]));
    machine.handle(Event::Finished {
        work: work(&job),
        result: result(1),
    });
    machine.handle(Event::NotSigned { work: work(&job) });
    assert_eq!(kinds(&machine.handle(best(2, &[&job]))), ["sign"]);
    assert_eq!(kinds(&machine.handle(best(3, &[&job]))), [""; 0]);
}

#[test]
fn records_go_when_their_job_has_ended_in_a_finalised_block() {
    let mut machine = machine();
    let job = assigned(1, 0);
    let id = job.assignment.job;
    let at = job.assignment.assigned_at;
    submitted(&mut machine, &job, at);
    assert!(
        machine.settling(at).is_empty(),
        "it is still assigned to us"
    );
    machine.handle(best(at + 1, &[]));
    assert!(machine.settling(at - 1).is_empty(), "it is yet to come");
    assert_eq!(machine.settling(at), [id]);
    let early = Event::Finalised {
        number: at - 1,
        ended: vec![id],
    };
    assert_eq!(kinds(&machine.handle(early)), [""; 0]);
    let other = Event::Finalised {
        number: at,
        ended: vec![],
    };
    assert_eq!(kinds(&machine.handle(other)), [""; 0]);
    let ended = Event::Finalised {
        number: at,
        ended: vec![id],
    };
    assert_eq!(kinds(&machine.handle(ended)), ["forget"]);
}

#[test]
fn without_finality_it_takes_on_no_more_than_it_may_remember() {
    let mut machine = Machine::new(
        Limits {
            entries: 3,
            ..limits()
        },
        [],
    );
    for id in 0..3 {
        submitted(&mut machine, &assigned(id, 0), 1);
    }
    assert_eq!(kinds(&machine.handle(best(2, &[&assigned(7, 0)]))), [""; 0]);
}
