//! The Hugging Face hub as a source.
//!
//! `hf-hub` waits for ever on a server that does not answer, so it runs in a thread of its own and is
//! left alone when nothing has come for a while; the process ends soon after.

use crate::{
    fetch::{megabytes, Source},
    known_sources,
    wanted::Wanted,
};
use anyhow::{anyhow, bail, Context};
use hf_hub::api::{
    sync::{ApiBuilder, ApiRepo},
    Progress,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{channel, Receiver, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

#[cfg(test)]
mod tests;

/// How long the hub may keep silent, at the start and in the middle.
const PATIENCE: Duration = Duration::from_secs(10);

/// The Hugging Face hub, or what `HF_ENDPOINT` names.
#[derive(Debug)]
pub struct Hub {
    folder: PathBuf,
    endpoint: Option<String>,
    patience: Duration,
    /// Whether the user wants no request to the hub.
    offline: bool,
    /// Set once it kept silent: it is not waited for again.
    silent: bool,
}

impl Hub {
    /// A source that downloads into `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            endpoint: None,
            patience: PATIENCE,
            offline: is_offline(),
            silent: false,
        }
    }

    fn repository(&self, name: &str) -> anyhow::Result<ApiRepo> {
        // The files are public: the user's token is not needed, and so not sent.
        let mut builder = ApiBuilder::from_env()
            .with_token(None)
            .with_progress(false)
            .with_cache_dir(self.folder.clone());
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint.clone());
        }
        Ok(builder.build()?.model(name.into()))
    }

    fn await_end(&mut self, events: &Receiver<Event>) -> anyhow::Result<PathBuf> {
        let mut report = Report::default();
        loop {
            match events.recv_timeout(self.patience) {
                Ok(Event::Size(size)) => report.begin(size),
                Ok(Event::Bytes(bytes)) => report.add(bytes),
                Ok(Event::Ended(result)) => return result,
                Err(RecvTimeoutError::Timeout) => {
                    self.silent = true;
                    bail!("no answer for {} seconds", self.patience.as_secs_f32());
                }
                Err(RecvTimeoutError::Disconnected) => bail!("the download broke off"),
            }
        }
    }
}

impl Source for Hub {
    fn name(&self) -> String {
        "the Hugging Face hub".into()
    }

    fn fetch(&mut self, wanted: &Wanted, into: &Path) -> anyhow::Result<()> {
        let known = known_sources::of(wanted).context("no repository is known for it")?;
        let (repository, file) = known.hub;
        if self.offline {
            bail!("not asked, since HF_HUB_OFFLINE is set");
        }
        if self.silent {
            bail!("not asked again, since it did not answer before");
        }
        eprintln!("  asking the Hugging Face hub for {repository}/{file}");
        let events = download_in_thread(self.repository(repository)?, file);
        let path = self.await_end(&events)?;
        fs::copy(&path, into).with_context(|| format!("can't copy {}", path.display()))?;
        Ok(())
    }
}

fn is_offline() -> bool {
    std::env::var("HF_HUB_OFFLINE").is_ok_and(|value| !matches!(value.as_str(), "" | "0"))
}

/// What the downloading thread tells.
enum Event {
    Size(u64),
    Bytes(u64),
    Ended(anyhow::Result<PathBuf>),
}

fn download_in_thread(repository: ApiRepo, file: &'static str) -> Receiver<Event> {
    let (sender, events) = channel();
    thread::spawn(move || {
        let result = repository
            .download_with_progress(file, Reporter(sender.clone()))
            .map_err(|error| anyhow!("{error}"));
        // Nobody listens any more if it took too long.
        let _ = sender.send(Event::Ended(result));
    });
    events
}

/// Passes `hf-hub`'s progress on.
struct Reporter(Sender<Event>);

impl Progress for Reporter {
    fn init(&mut self, size: usize, _file: &str) {
        let _ = self.0.send(Event::Size(size as u64));
    }

    fn update(&mut self, size: usize) {
        let _ = self.0.send(Event::Bytes(size as u64));
    }

    fn finish(&mut self) {}
}

/// Tells people of every fifth of a download.
#[derive(Default)]
struct Report {
    size: u64,
    done: u64,
}

impl Report {
    fn begin(&mut self, size: u64) {
        *self = Self { size, done: 0 };
    }

    fn add(&mut self, bytes: u64) {
        let before = self.fifths();
        self.done = self.done.saturating_add(bytes);
        if self.fifths() > before {
            eprintln!("    {} of {}", megabytes(self.done), megabytes(self.size));
        }
    }

    fn fifths(&self) -> u64 {
        self.done
            .saturating_mul(5)
            .checked_div(self.size)
            .unwrap_or(0)
    }
}
