use super::*;
use kagari_primitives::{AccountId, JobSpec, JobState, Outcome, Task};
use kagari_runtime::opaque::Block;
use sc_client_api::in_mem::Blockchain;

fn job(id: u8) -> JobInfo {
    let spec = JobSpec::new(Hash::zero(), Task::Embedding, 10, 20);
    JobInfo {
        job: Hash::repeat_byte(id),
        replica_of: None,
        requester: AccountId::new([1; 32]),
        provider: AccountId::new([2; 32]),
        spec,
        price: 1,
        escrow: 10,
        input_hash: Hash::zero(),
        input_len: 1,
        input_block: 1,
        input_extrinsic: 1,
        assigned_at: 1,
        attempts: 1,
        state: JobState::Ended(Outcome::Refunded {
            at: 5,
            refunded: 10,
        }),
    }
}

fn block(number: u8) -> Hash {
    Hash::repeat_byte(number)
}

fn store(aux: &Blockchain<Block>) -> Store<'_, Blockchain<Block>> {
    Store { aux, capacity: 3 }
}

fn kept(store: &Store<'_, Blockchain<Block>>) -> Vec<u8> {
    (0..=u8::MAX)
        .filter(|id| store.job(Hash::repeat_byte(*id)).unwrap().is_some())
        .collect()
}

#[test]
fn an_empty_store_has_read_nothing() {
    let aux = Blockchain::new();
    assert_eq!(store(&aux).last_read().unwrap(), None);
    assert_eq!(store(&aux).job(Hash::repeat_byte(1)).unwrap(), None);
}

#[test]
fn what_ended_is_found_again() {
    let aux = Blockchain::new();
    store(&aux)
        .apply(Change::Enacted(vec![job(1), job(2)]), block(9))
        .unwrap();
    assert_eq!(store(&aux).job(Hash::repeat_byte(2)).unwrap(), Some(job(2)));
    assert_eq!(store(&aux).last_read().unwrap(), Some(block(9)));
    assert_eq!(store(&aux).job(Hash::repeat_byte(3)).unwrap(), None);
}

#[test]
fn the_oldest_gives_way() {
    let aux = Blockchain::new();
    for id in 1..=7 {
        store(&aux)
            .apply(Change::Enacted(vec![job(id)]), block(id))
            .unwrap();
    }
    assert_eq!(kept(&store(&aux)), [5, 6, 7]);
}

#[test]
fn reading_a_block_twice_takes_no_second_slot() {
    let aux = Blockchain::new();
    for _ in 0..5 {
        store(&aux)
            .apply(Change::Enacted(vec![job(1), job(2)]), block(1))
            .unwrap();
    }
    store(&aux)
        .apply(Change::Enacted(vec![job(3)]), block(2))
        .unwrap();
    assert_eq!(kept(&store(&aux)), [1, 2, 3]);
}

#[test]
fn a_retracted_end_is_forgotten() {
    let aux = Blockchain::new();
    store(&aux)
        .apply(Change::Enacted(vec![job(1), job(2)]), block(1))
        .unwrap();
    store(&aux)
        .apply(Change::Retracted(vec![Hash::repeat_byte(1)]), block(0))
        .unwrap();
    assert_eq!(kept(&store(&aux)), [2]);
    assert_eq!(store(&aux).last_read().unwrap(), Some(block(0)));
}

#[test]
fn a_job_that_ended_anew_outlives_its_first_slot() {
    let aux = Blockchain::new();
    let again = JobInfo {
        attempts: 2,
        ..job(1)
    };
    store(&aux)
        .apply(Change::Enacted(vec![job(1)]), block(1))
        .unwrap();
    store(&aux)
        .apply(Change::Retracted(vec![job(1).job]), block(0))
        .unwrap();
    store(&aux)
        .apply(Change::Enacted(vec![job(2), again.clone()]), block(2))
        .unwrap();
    store(&aux)
        .apply(Change::Enacted(vec![job(3)]), block(3))
        .unwrap();
    assert_eq!(kept(&store(&aux)), [1, 2, 3]);
    assert_eq!(store(&aux).job(job(1).job).unwrap(), Some(again));
}

#[test]
fn more_ends_in_one_block_than_the_ring_has_room_for_leave_the_newest() {
    let aux = Blockchain::new();
    let jobs = (1..=8).map(job).collect();
    store(&aux).apply(Change::Enacted(jobs), block(1)).unwrap();
    assert_eq!(kept(&store(&aux)), [6, 7, 8]);
}
