//! The journal: what was done and signed, on disk, so that a restart computes nothing twice.
//!
//! One file a record, named after the work. A record is written beside its file, synced, and moved
//! into place, so that after a kill or a power cut there is the old record or the new one, never a
//! part. A checksum finds what a disk has damaged.
//!
//! A disk that refuses takes nothing from the worker but the safety of a restart: what could not be
//! written stays in memory and is tried again. What a restart loses is computed again, but for a replica
//! that is committed to: without the very signature that was committed to, its result can't be revealed.

use crate::record::{Record, WorkId};
use codec::{DecodeAll, Encode};
use sp_runtime::traits::{BlakeTwo256, Hash as _};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

#[cfg(test)]
mod tests;

const LOG_TARGET: &str = "kagari::journal";
/// First bytes of a file.
const MAGIC: &[u8; 8] = b"kagari-2";
const CHECKSUM: usize = 32;
/// Most bytes of a file; the largest record takes far less.
const MAX_FILE: u64 = 1 << 20;
const EXTENSION: &str = "job";
const UNFINISHED: &str = "part";

/// The journal of a worker.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    /// What the disk is to hold and does not: a record, or none where a file is to go.
    unsaved: BTreeMap<WorkId, Option<Record>>,
    /// Whether the last write failed: it is logged when it begins and when it is over.
    failing: bool,
}

impl Journal {
    /// Opens the journal in a folder, which is made if it isn't there. The folder may be unusable:
    /// that is logged, and tried again with every [`Self::save`].
    pub fn open(dir: PathBuf) -> Self {
        let mut journal = Self {
            dir,
            unsaved: BTreeMap::new(),
            failing: false,
        };
        let made = fs::create_dir_all(&journal.dir);
        journal.log(made.err());
        journal
    }

    /// Reads all records. Damaged files are logged and removed: their jobs are computed again, though replicas
    /// that are committed to can't be revealed.
    pub fn load(&self) -> Vec<Record> {
        let paths = match record_files(&self.dir) {
            Ok(paths) => paths,
            Err(error) => {
                log::error!(target: LOG_TARGET, "Cannot list {}: {error}", self.dir.display());
                Vec::new()
            }
        };
        let on_disk = paths.iter().filter_map(|path| self.load_file(path));
        let mut records: BTreeMap<WorkId, Record> = on_disk.map(|r| (r.work(), r)).collect();
        for (work, record) in &self.unsaved {
            match record {
                Some(record) => records.insert(*work, record.clone()),
                None => records.remove(work),
            };
        }
        records.into_values().collect()
    }

    fn load_file(&self, path: &Path) -> Option<Record> {
        match read(path) {
            Ok(record) if self.file(&record.work()) == path => Some(record),
            Ok(_) => {
                discard(path, "it does not hold what its name says");
                None
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                discard(path, &error.to_string());
                None
            }
            Err(error) => {
                log::error!(target: LOG_TARGET, "Cannot read {}: {error}", path.display());
                None
            }
        }
    }

    /// Puts a record in the place of the one for the same work, and waits until the disk has it.
    pub fn keep(&mut self, record: Record) {
        self.unsaved.insert(record.work(), Some(record));
        self.save();
    }

    /// Removes a record.
    pub fn forget(&mut self, work: WorkId) {
        self.unsaved.insert(work, None);
        self.save();
    }

    /// Tries to bring to the disk what it does not hold yet.
    pub fn save(&mut self) {
        if self.unsaved.is_empty() {
            return;
        }
        let mut failed = None;
        for (work, record) in std::mem::take(&mut self.unsaved) {
            if let Err(error) = self.save_one(&work, record.as_ref()) {
                self.unsaved.insert(work, record);
                failed = Some(error);
            }
        }
        self.log(failed);
    }

    fn log(&mut self, failed: Option<io::Error>) {
        let dir = self.dir.display();
        let fails = failed.is_some();
        match failed {
            Some(error) if !self.failing => log::error!(
                target: LOG_TARGET,
                "Cannot write to the journal in {dir}: {error}. It stays in memory and is tried again \
                 with every block; a restart would compute its jobs again, and could not reveal the \
                 replicas that are committed to. Free some space or make the folder writable.",
            ),
            None if self.failing => {
                log::info!(target: LOG_TARGET, "The journal in {dir} is written again")
            }
            _ => {}
        }
        self.failing = fails;
    }

    /// Number of changes that the disk does not hold yet.
    pub fn unsaved(&self) -> usize {
        self.unsaved.len()
    }

    fn save_one(&self, work: &WorkId, record: Option<&Record>) -> io::Result<()> {
        let file = self.file(work);
        fs::create_dir_all(&self.dir)?;
        match record {
            Some(record) => write(&file, record)?,
            None => remove(&file)?,
        }
        File::open(&self.dir)?.sync_all()
    }

    fn file(&self, work: &WorkId) -> PathBuf {
        self.dir
            .join(format!("{}.{EXTENSION}", hex::encode(work.0)))
    }
}

/// The files of records in a folder; files of interrupted writes are removed.
fn record_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        match path.extension().and_then(|e| e.to_str()) {
            Some(EXTENSION) => files.push(path),
            Some(UNFINISHED) => discard(&path, "its writing was interrupted"),
            _ => {}
        }
    }
    Ok(files)
}

fn discard(path: &Path, why: &str) {
    log::warn!(target: LOG_TARGET, "Removing {} from the journal: {why}", path.display());
    if let Err(error) = fs::remove_file(path) {
        log::error!(target: LOG_TARGET, "Cannot remove {}: {error}", path.display());
    }
}

fn read(path: &Path) -> io::Result<Record> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)?;
    decode(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is damaged"))
}

fn write(path: &Path, record: &Record) -> io::Result<()> {
    let unfinished = path.with_extension(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    file.write_all(&encode(record))?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn encode(record: &Record) -> Vec<u8> {
    let record = record.encode();
    [&MAGIC[..], BlakeTwo256::hash(&record).as_bytes(), &record].concat()
}

fn decode(bytes: &[u8]) -> Option<Record> {
    let (checksum, record) = bytes.strip_prefix(MAGIC)?.split_at_checked(CHECKSUM)?;
    if checksum != BlakeTwo256::hash(record).as_bytes() {
        return None;
    }
    Record::decode_all(&mut &record[..]).ok()
}
