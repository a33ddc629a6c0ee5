//! Fetching: the sources one after another, until a file is there and right.

use crate::{check, wanted::Wanted};
use anyhow::{bail, Context};
use std::{
    fs,
    path::{Path, PathBuf},
};

#[cfg(test)]
pub mod fixture;
#[cfg(test)]
mod tests;

/// A place from which files can be had.
pub trait Source {
    /// What it is, for people: "folder /mnt/models".
    fn name(&self) -> String;

    /// Puts what it has for `wanted` into the file `into`. Nobody trusts the bytes: the caller checks
    /// them.
    fn fetch(&mut self, wanted: &Wanted, into: &Path) -> anyhow::Result<()>;
}

/// Fetches every one of `files` into `dir`; fails, after trying all, if one could not be had.
pub fn fetch_all(
    dir: &Path,
    files: &[Wanted],
    sources: &mut [Box<dyn Source>],
) -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for wanted in files {
        if !fetch_one(dir, wanted, sources)? {
            failed.push(wanted);
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("{}", advice(dir, &failed))
}

/// Tries the sources in order; tells whether one had the right file.
fn fetch_one(dir: &Path, wanted: &Wanted, sources: &mut [Box<dyn Source>]) -> anyhow::Result<bool> {
    eprintln!("Fetching {wanted} ({})", megabytes(wanted.content.len));
    let partial = Partial::beside(&wanted.path_in(dir))?;
    for source in sources {
        match fetch_from(source.as_mut(), wanted, &partial.path) {
            Ok(()) => {
                partial.keep_as(&wanted.path_in(dir))?;
                eprintln!("  got it from {}; length and hash are right", source.name());
                return Ok(true);
            }
            Err(error) => eprintln!("  not from {}: {error:#}", source.name()),
        }
    }
    Ok(false)
}

fn fetch_from(source: &mut dyn Source, wanted: &Wanted, into: &Path) -> anyhow::Result<()> {
    remove_if_there(into)?;
    source.fetch(wanted, into)?;
    check::check(into, &wanted.content).context("refused and deleted")
}

fn remove_if_there(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// A file under a temporary name, deleted unless it is kept.
struct Partial {
    path: PathBuf,
}

impl Partial {
    /// Names a file next to `path`, in a folder that it makes.
    fn beside(path: &Path) -> anyhow::Result<Self> {
        let folder = path.parent().context("a wanted file has a folder; qed")?;
        fs::create_dir_all(folder)
            .with_context(|| format!("can't make the folder {}", folder.display()))?;
        let extension = format!("partial-{}", std::process::id());
        Ok(Self {
            path: path.with_extension(extension),
        })
    }

    fn keep_as(&self, path: &Path) -> anyhow::Result<()> {
        fs::rename(&self.path, path).with_context(|| format!("can't write {}", path.display()))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A size as people say it.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// What to do when no source had the files.
fn advice(dir: &Path, failed: &[&Wanted]) -> String {
    let mut text = String::from("no source had these files:");
    for wanted in failed {
        text += &format!(
            "\n  {wanted}: {} bytes, BLAKE3 {:?}",
            wanted.content.len, wanted.content.hash
        );
    }
    text += "\nIf you have them, name their folder with --from (or KAGARI_MODELS_FROM), or put them into ";
    text += &dir.display().to_string();
    text
}
