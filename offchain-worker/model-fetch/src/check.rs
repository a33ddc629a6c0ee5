//! Whether a file is, byte for byte, the one that a manifest names.

use kagari_primitives::{model::ModelFile, Hash};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Checks a file's length, then its hash.
pub fn check(path: &Path, expected: &ModelFile) -> Result<(), Wrong> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    if len != expected.len {
        return Err(Wrong::Length {
            len,
            expected: expected.len,
        });
    }
    let hash = hash_of(file)?;
    if hash != expected.hash {
        return Err(Wrong::Hash {
            hash,
            expected: expected.hash,
        });
    }
    Ok(())
}

/// Why a file is not the one that it should be.
#[derive(Debug)]
pub enum Wrong {
    /// Its length differs.
    Length {
        /// The file's length in bytes.
        len: u64,
        /// The manifest's.
        expected: u64,
    },
    /// Its length is right and its bytes are not.
    Hash {
        /// BLAKE3 of the file.
        hash: Hash,
        /// The manifest's.
        expected: Hash,
    },
    /// It can't be read.
    Unreadable(io::Error),
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length { len, expected } if len < expected => {
                write!(f, "cut short: {len} bytes, not {expected}")
            }
            Self::Length { len, expected } => write!(f, "too long: {len} bytes, not {expected}"),
            Self::Hash { hash, expected } => {
                write!(f, "BLAKE3 is {hash:?}, not {expected:?}")
            }
            Self::Unreadable(error) => write!(f, "can't be read: {error}"),
        }
    }
}

impl std::error::Error for Wrong {}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// BLAKE3 of all that `reader` gives.
pub fn hash_of(reader: impl Read) -> io::Result<Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(reader)?;
    Ok(Hash::from(*hasher.finalize().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::fixture;

    fn check_bytes(bytes: &[u8]) -> anyhow::Result<Result<(), Wrong>> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("model.gguf");
        fixture::write(&path, bytes)?;
        Ok(check(&path, &fixture::wanted(b"weights").content))
    }

    #[test]
    fn the_right_bytes_pass() -> anyhow::Result<()> {
        assert!(check_bytes(b"weights")?.is_ok());
        Ok(())
    }

    #[test]
    fn a_flipped_byte_is_told_by_the_hash() -> anyhow::Result<()> {
        assert!(matches!(check_bytes(b"weightz")?, Err(Wrong::Hash { .. })));
        Ok(())
    }

    #[test]
    fn cut_and_long_files_are_told_by_their_length() -> anyhow::Result<()> {
        for bytes in [&b"weight"[..], b"weights!", b""] {
            assert!(matches!(check_bytes(bytes)?, Err(Wrong::Length { .. })));
        }
        Ok(())
    }

    #[test]
    fn a_folder_or_nothing_is_no_file() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let content = fixture::wanted(b"weights").content;
        assert!(check(dir.path(), &content).is_err());
        assert!(check(&dir.path().join("absent"), &content).is_err());
        Ok(())
    }

    #[test]
    fn the_hash_is_blake3() -> anyhow::Result<()> {
        let hash = hash_of(&b"weights"[..])?;
        let known = "3edc5c4a5df8c79ef4f8dbdc373cd21ca041ccf39fe5693250d004092094dc4a";
        assert_eq!(format!("{hash:?}"), format!("0x{known}"));
        Ok(())
    }
}
