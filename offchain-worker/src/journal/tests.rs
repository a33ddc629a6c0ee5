#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::test_data::{assigned, result, sign};
use proptest::prelude::*;
use tempfile::TempDir;

fn record(id: u8) -> Record {
    let result = result(id.into());
    Record {
        assigned: assigned(id, 0),
        output: result.output,
        stop: result.stop,
        trace_root: result.trace_root,
        signed: Vec::new(),
    }
}

fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by_key(Record::work);
    records
}

fn only_file(dir: &Path) -> PathBuf {
    let files: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn records_outlive_the_journal() {
    let dir = TempDir::new().unwrap();
    let mut journal = Journal::open(dir.path().join("new/folder"));
    assert_eq!(journal.load(), []);
    journal.keep(record(1));
    journal.keep(record(2));
    journal.keep(record(3));
    let signed = Record {
        signed: vec![sign(&assigned(1, 7)), sign(&assigned(1, 0))],
        ..record(1)
    };
    journal.keep(signed.clone());
    journal.forget(record(2).work());
    journal.forget(record(4).work());
    assert_eq!(journal.unsaved(), 0);

    let journal = Journal::open(dir.path().join("new/folder"));
    assert_eq!(journal.load(), sorted(vec![signed, record(3)]));
}

#[test]
fn a_torn_record_is_dropped_and_the_others_are_read() {
    let dir = TempDir::new().unwrap();
    Journal::open(dir.path().into()).keep(record(1));
    let file = only_file(dir.path());
    let whole = fs::read(&file).unwrap();
    for len in 0..whole.len() {
        let mut journal = Journal::open(dir.path().into());
        journal.keep(record(2));
        fs::write(&file, &whole[..len]).unwrap();
        assert_eq!(journal.load(), [record(2)], "cut to {len} bytes");
        assert!(!file.exists());
        // The same work can be kept again.
        journal.keep(record(1));
        assert_eq!(journal.load().len(), 2);
    }
}

#[test]
fn a_write_that_was_interrupted_leaves_the_old_record() {
    let dir = TempDir::new().unwrap();
    let mut journal = Journal::open(dir.path().into());
    journal.keep(record(1));
    let unfinished = only_file(dir.path()).with_extension(UNFINISHED);
    fs::write(&unfinished, b"kagari-2 and no more").unwrap();
    assert_eq!(journal.load(), [record(1)]);
    assert!(!unfinished.exists());
}

#[test]
fn a_record_under_a_wrong_name_is_dropped() {
    let dir = TempDir::new().unwrap();
    let mut journal = Journal::open(dir.path().into());
    journal.keep(record(1));
    fs::rename(only_file(dir.path()), journal.file(&record(2).work())).unwrap();
    assert_eq!(journal.load(), []);
}

#[test]
fn files_of_others_are_left_alone() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    assert_eq!(Journal::open(dir.path().into()).load(), []);
    assert_eq!(fs::read_to_string(only_file(dir.path())).unwrap(), "mine");
}

#[test]
fn a_folder_that_refuses_loses_nothing_and_is_tried_again() {
    let dir = TempDir::new().unwrap();
    let folder = dir.path().join("journal");
    fs::write(&folder, "a file in its place").unwrap();
    let mut journal = Journal::open(folder.clone());
    journal.keep(record(1));
    journal.keep(record(2));
    journal.forget(record(2).work());
    assert_eq!(journal.load(), [record(1)]);
    assert_eq!(journal.unsaved(), 2);

    fs::remove_file(&folder).unwrap();
    journal.save();
    assert_eq!(journal.unsaved(), 0);
    assert_eq!(Journal::open(folder).load(), [record(1)]);
}

#[test]
fn an_absurdly_large_file_is_dropped() {
    let dir = TempDir::new().unwrap();
    let journal = Journal::open(dir.path().into());
    let file = journal.file(&record(1).work());
    File::create(&file).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(journal.load(), []);
    assert!(!file.exists());
}

proptest! {
    #[test]
    fn any_changed_byte_is_found(at: prop::sample::Index, change in 1..=u8::MAX) {
        let mut bytes = encode(&record(1));
        prop_assert_eq!(decode(&bytes), Some(record(1)));
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        prop_assert_eq!(decode(&bytes), None);
    }

    #[test]
    fn garbage_is_no_record(bytes: Vec<u8>) {
        prop_assert_eq!(decode(&bytes), None);
    }
}
