//! A folder on this machine as a source.

use crate::{check, fetch::Source, known_sources, wanted::Wanted};
use anyhow::{bail, Context};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A folder laid out as the models' folder is, or one that holds the files by name.
#[derive(Debug)]
pub struct Local {
    path: PathBuf,
}

impl Local {
    /// A source that looks under `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where the file may be: in the model's folder, or right here under the name that it has in our
    /// layout or where it is published.
    fn candidates(&self, wanted: &Wanted) -> Vec<PathBuf> {
        let mut candidates = vec![wanted.path_in(&self.path), self.path.join(wanted.file)];
        if let Some(known) = known_sources::of(wanted) {
            let published = Path::new(known.wheel.member).file_name();
            candidates.extend(published.map(|name| self.path.join(name)));
        }
        candidates.retain(|path| path.is_file());
        candidates
    }
}

impl Source for Local {
    fn name(&self) -> String {
        format!("the folder {}", self.path.display())
    }

    fn fetch(&mut self, wanted: &Wanted, into: &Path) -> anyhow::Result<()> {
        let mut wrong = Vec::new();
        for candidate in self.candidates(wanted) {
            match check::check(&candidate, &wanted.content) {
                Ok(()) => return copy(&candidate, into),
                Err(error) => wrong.push(format!("{}: {error}", candidate.display())),
            }
        }
        if wrong.is_empty() {
            bail!("it is not there");
        }
        bail!("refused {}", wrong.join("; "))
    }
}

fn copy(from: &Path, into: &Path) -> anyhow::Result<()> {
    fs::copy(from, into).with_context(|| format!("can't copy {}", from.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::fixture;

    fn fetch_with(name: &str, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
        let dir = tempfile::tempdir()?;
        fixture::write(&dir.path().join(name), bytes)?;
        let into = dir.path().join("into");
        Local::new(dir.path().into()).fetch(&fixture::wanted(b"weights"), &into)?;
        Ok(fs::read(into)?)
    }

    #[test]
    fn it_is_found_in_each_layout() -> anyhow::Result<()> {
        for name in [
            "SmolLM2-135M-Instruct-Q4_1/model.gguf",
            "model.gguf",
            "SmolLM2-135M-Instruct.Q4_1.gguf",
        ] {
            assert_eq!(fetch_with(name, b"weights")?, b"weights");
        }
        Ok(())
    }

    #[test]
    fn other_names_and_wrong_bytes_are_refused() {
        assert!(fetch_with("other.gguf", b"weights").is_err());
        assert!(fetch_with("model.gguf", b"weightz").is_err());
        assert!(fetch_with("model.gguf", b"weight").is_err());
    }

    #[test]
    fn a_wrong_file_does_not_hide_a_right_one() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        fixture::write(&dir.path().join("model.gguf"), b"of another model")?;
        fixture::write(
            &dir.path().join("SmolLM2-135M-Instruct.Q4_1.gguf"),
            b"weights",
        )?;
        let into = dir.path().join("into");
        Local::new(dir.path().into()).fetch(&fixture::wanted(b"weights"), &into)
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let mut absent = Local::new("/no/such/folder".into());
        let into = Path::new("/no/such/file");
        assert!(absent.fetch(&fixture::wanted(b"weights"), into).is_err());
    }
}
