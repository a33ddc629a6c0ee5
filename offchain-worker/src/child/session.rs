//! What one child was asked and has loaded.

use super::{process::Process, Call};
use crate::inference::InferenceError;
use kagari_inference::protocol::{Request, RequestBody, Response, ResponseBody};
use kagari_primitives::{Manifest, ModelId};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// The talk with one child, from its start to its end.
pub(super) struct Session {
    /// Which child.
    pub id: u64,
    process: Process,
    models_dir: String,
    timeout: Duration,
    next_request: u64,
    models: BTreeMap<ModelId, Model>,
    pending: BTreeMap<u64, Pending>,
}

/// A model in the child.
enum Model {
    /// Being loaded; these wait for it.
    Loading(Vec<Call>),
    /// Ready.
    Loaded,
}

/// A request that has not been answered.
struct Pending {
    deadline: Instant,
    asked: Asked,
}

enum Asked {
    Load(ModelId),
    Call(Box<Call>),
}

/// The child broke the rules of the talk.
#[derive(Debug)]
pub(super) struct Nonsense(pub &'static str);

impl Session {
    /// A new child, of which nothing was asked yet.
    pub fn new(id: u64, process: Process, models_dir: String, timeout: Duration) -> Self {
        Self {
            id,
            process,
            models_dir,
            timeout,
            next_request: 0,
            models: BTreeMap::new(),
            pending: BTreeMap::new(),
        }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Asks the child, after its model is loaded.
    pub fn ask(&mut self, call: Call) {
        let model = call.manifest.id();
        match self.models.get_mut(&model) {
            Some(Model::Loaded) => self.send_call(call),
            Some(Model::Loading(calls)) => calls.push(call),
            None => {
                self.load(model, call.manifest.clone());
                self.models.insert(model, Model::Loading(vec![call]));
            }
        }
    }

    fn load(&mut self, model: ModelId, manifest: Manifest) {
        let body = RequestBody::Load {
            manifest,
            dir: self.models_dir.clone(),
        };
        self.send(body, Asked::Load(model));
    }

    fn send_call(&mut self, call: Call) {
        if !call.is_abandoned() {
            self.send(call.body.clone(), Asked::Call(Box::new(call)));
        }
    }

    fn send(&mut self, body: RequestBody, asked: Asked) {
        let id = self.next_request;
        self.next_request += 1;
        let deadline = Instant::now() + self.timeout;
        self.pending.insert(id, Pending { deadline, asked });
        self.process.send(Request { id, body });
    }

    /// Takes an answer of the child.
    pub fn hear(&mut self, response: Response) -> Result<(), Nonsense> {
        let Response { id, body } = response;
        match (self.pending.get(&id).map(|p| &p.asked), &body) {
            (None, _) => return Err(Nonsense("it answered what it was not asked")),
            (Some(Asked::Call(call)), ResponseBody::Progress { done }) if call.is_job() => {
                (call.progress)(*done);
                return Ok(());
            }
            (Some(_), _) => {}
        }
        match self.pending.remove(&id).map(|p| p.asked) {
            Some(Asked::Load(model)) => self.loaded(model, body),
            Some(Asked::Call(call)) => answered(*call, body),
            None => Ok(()),
        }
    }

    fn loaded(&mut self, model: ModelId, body: ResponseBody) -> Result<(), Nonsense> {
        let Some(Model::Loading(calls)) = self.models.remove(&model) else {
            return Ok(());
        };
        match body {
            ResponseBody::Loaded => {
                self.models.insert(model, Model::Loaded);
                calls.into_iter().for_each(|call| self.send_call(call));
                Ok(())
            }
            ResponseBody::Failed(failure) => {
                calls
                    .into_iter()
                    .for_each(|call| call.answer(Err(failure.clone().into())));
                Ok(())
            }
            _ => {
                calls
                    .into_iter()
                    .for_each(|call| call.answer(Err(InferenceError::Interrupted)));
                Err(Nonsense(WRONG_KIND))
            }
        }
    }

    /// Number of calls that wait for an answer.
    pub fn calls(&self) -> usize {
        let waits = |model: &Model| match model {
            Model::Loading(calls) => calls.len(),
            Model::Loaded => 0,
        };
        let asked = |p: &&Pending| matches!(p.asked, Asked::Call(_));
        self.pending.values().filter(asked).count() + self.models.values().map(waits).sum::<usize>()
    }

    /// When the child will have taken too long.
    pub fn deadline(&self) -> Option<Instant> {
        self.pending.values().map(|p| p.deadline).min()
    }

    /// Whether the child computes, and nobody waits for any of its jobs.
    pub fn is_abandoned(&self) -> bool {
        let job = |p: &'_ Pending| match &p.asked {
            Asked::Call(call) if call.is_job() => Some(call.is_abandoned()),
            Asked::Call(_) | Asked::Load(_) => None,
        };
        let mut jobs = self.pending.values().filter_map(job).peekable();
        jobs.peek().is_some() && jobs.all(|is_abandoned| is_abandoned)
    }

    /// Kills the child. Gives back the calls that somebody waits for, for its successor.
    pub fn abandon(self) -> Vec<Call> {
        let Self {
            models,
            pending,
            process,
            ..
        } = self;
        drop(process);
        let waiting = models.into_values().flat_map(|model| match model {
            Model::Loading(calls) => calls,
            Model::Loaded => Vec::new(),
        });
        let asked = pending.into_values().filter_map(|p| match p.asked {
            Asked::Call(call) => Some(*call),
            Asked::Load(_) => None,
        });
        let calls = waiting.chain(asked);
        calls.filter(|call| !call.is_abandoned()).collect()
    }

    /// Kills the child because something took too long: that fails with a timeout, what else it was
    /// asked is interrupted.
    pub fn time_out(self, now: Instant) {
        let timeout = InferenceError::Timeout(self.timeout);
        self.end(|deadline| match deadline <= now {
            true => timeout.clone(),
            false => InferenceError::Interrupted,
        });
    }

    /// Kills the child, if it still lives, and fails what it was asked. Returns how it ended.
    pub fn died(mut self, reason: &str) -> String {
        let ended = match self.process.kill() {
            Ok(status) => format!("{reason} ({status})"),
            Err(error) => format!("{reason} ({error})"),
        };
        self.end(|_| InferenceError::ChildDied(ended.clone()));
        ended
    }

    /// Kills the child, and fails what it was asked by the deadline of each request.
    fn end(self, error_of: impl Fn(Instant) -> InferenceError) {
        let Self {
            mut models,
            pending,
            process,
            ..
        } = self;
        drop(process);
        for Pending { deadline, asked } in pending.into_values() {
            let error = error_of(deadline);
            match asked {
                Asked::Call(call) => call.answer(Err(error)),
                Asked::Load(model) => {
                    if let Some(Model::Loading(calls)) = models.remove(&model) {
                        calls
                            .into_iter()
                            .for_each(|call| call.answer(Err(error.clone())));
                    }
                }
            }
        }
    }
}

const WRONG_KIND: &str = "it gave an answer of the wrong kind";

fn answered(call: Call, body: ResponseBody) -> Result<(), Nonsense> {
    match body {
        ResponseBody::Failed(failure) => call.answer(Err(failure.into())),
        body if call.fits(&body) => call.answer(Ok(body)),
        _ => {
            call.answer(Err(InferenceError::ChildDied(WRONG_KIND.into())));
            return Err(Nonsense(WRONG_KIND));
        }
    }
    Ok(())
}
