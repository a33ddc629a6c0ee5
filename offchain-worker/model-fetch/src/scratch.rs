//! A folder for downloads in progress, on the file system where they will stay.

use anyhow::Context;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Begins the name of every scratch folder; the process id follows.
const PREFIX: &str = ".fetch-";

/// A folder that goes when this is dropped, or, after a kill, when the next one is made.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes a folder of this process's own in `dir`, and removes those of dead processes.
    pub fn create(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(&path)
            .with_context(|| format!("can't make the folder {}", path.display()))?;
        remove_abandoned(dir);
        Ok(Self { path })
    }

    /// A path for one source's files; the source makes the folder.
    pub fn subfolder(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed is left for the next run.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn remove_abandoned(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        if is_abandoned(&entry.file_name().to_string_lossy()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a name is that of a scratch folder whose process is gone (known on Linux only).
fn is_abandoned(name: &str) -> bool {
    let Some(process) = name.strip_prefix(PREFIX) else {
        return false;
    };
    Path::new("/proc/self").exists() && !Path::new("/proc").join(process).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_and_takes_the_abandoned_with_it() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let abandoned = dir.path().join(".fetch-no-process");
        let other = dir.path().join("all-MiniLM-L6-v2");
        fs::create_dir_all(abandoned.join("hub"))?;
        fs::create_dir_all(&other)?;

        let scratch = Scratch::create(dir.path())?;
        let sub = scratch.subfolder("hub");
        fs::create_dir_all(&sub)?;
        assert!(!abandoned.exists());

        drop(scratch);
        assert!(!sub.exists());
        assert!(other.exists());
        Ok(())
    }
}
