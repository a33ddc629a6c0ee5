//! A small wanted file, for tests.

use crate::{check, wanted::Wanted};
use kagari_primitives::model::ModelFile;
use std::{fs, io, path::Path};

/// A file of the model `SmolLM2-135M-Instruct-Q4_1`, for which sources are known, with these bytes.
pub fn wanted(bytes: &[u8]) -> Wanted {
    let hash = check::hash_of(bytes).unwrap_or_default();
    let len = bytes.len() as u64;
    Wanted {
        model: "SmolLM2-135M-Instruct-Q4_1".into(),
        file: "model.gguf",
        content: ModelFile { hash, len },
    }
}

/// Writes a file, with the folders above it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)
}
