//! Answers requests with the models that are loaded.

use super::{outlet::Outlet, room::Room};
use crate::{
    model::Model,
    protocol::{Failure, FailureKind, Request, RequestBody, ResponseBody},
};
use candle_core::Device;
use kagari_primitives::{model::Manifest, ModelId};
use std::{
    collections::HashMap,
    panic::{catch_unwind, AssertUnwindSafe},
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

/// Loaded models, and where answers go.
pub struct Desk {
    models: RwLock<HashMap<ModelId, Arc<Model>>>,
    outlet: Outlet,
    /// Bytes that all models together may take.
    model_room: u64,
    job_room: Room,
}

impl Desk {
    /// No models yet. Half of the memory is theirs, three eighths are for jobs, and the rest is for
    /// the program.
    pub fn new(outlet: Outlet, memory_mib: u64) -> Self {
        let eighth = memory_mib.saturating_mul(1 << 20) / 8;
        let job_room = Room::new(eighth.saturating_mul(3));
        Self {
            models: RwLock::default(),
            outlet,
            model_room: eighth.saturating_mul(4),
            job_room,
        }
    }

    /// Answers a request, sooner or later.
    pub fn answer(&self, request: Request) {
        let Request { id, body } = request;
        let running = matches!(body, RequestBody::Run { .. });
        let answer = catch_unwind(AssertUnwindSafe(|| self.work(id, body)));
        match answer {
            Ok(Ok(body)) => self.outlet.send(id, body),
            Ok(Err(failure)) => self.outlet.fail(id, failure),
            Err(_) if running => self.abandon(id),
            Err(_) => {
                self.outlet.fail(
                    id,
                    Failure::bad_model("the model's files made a reader panic"),
                );
            }
        }
    }

    /// After a panic in the middle of a computation, the pool of threads that computations share may
    /// be unusable: all of the process is, then.
    fn abandon(&self, id: u64) {
        self.outlet
            .fail(id, Failure::internal("the computation panicked"));
        std::process::exit(1);
    }

    fn work(&self, id: u64, body: RequestBody) -> Result<ResponseBody, Failure> {
        match body {
            RequestBody::Load { manifest, dir } => self.load(manifest, &dir),
            RequestBody::Encode { model, text } => {
                self.model(&model)?.encode(&text).map(ResponseBody::Words)
            }
            RequestBody::EncodeChat { model, messages } => self
                .model(&model)?
                .encode_chat(&messages)
                .map(ResponseBody::Words),
            RequestBody::Decode { model, ids } => {
                self.model(&model)?.decode(&ids).map(ResponseBody::Text)
            }
            RequestBody::Run {
                model,
                task,
                seed,
                input,
            } => {
                let model = self.model(&model)?;
                let _room = self.job_room.reserve(model.job_bytes(&task, &input))?;
                let progress = |done| self.outlet.send(id, ResponseBody::Progress { done });
                let completed = model.run(&task, &seed, &input, progress)?;
                Ok(ResponseBody::Done(completed))
            }
        }
    }

    fn load(&self, manifest: Manifest, dir: &str) -> Result<ResponseBody, Failure> {
        let id = manifest.id();
        if self.model(&id).is_ok() {
            return Ok(ResponseBody::Loaded);
        }
        let name = manifest.name_text();
        let room = self.room_left();
        let model = Model::load_within(Path::new(dir), manifest, &Device::Cpu, room)?;
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        models.insert(id, Arc::new(model));
        log::info!("Loaded {name} ({id:?})");
        Ok(ResponseBody::Loaded)
    }

    /// Bytes that one more model may take. An allocation that fails ends the process, and with it every
    /// job: better to refuse.
    fn room_left(&self) -> u64 {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let loaded = models.values().map(|model| model.bytes());
        let loaded = loaded.fold(0, u64::saturating_add);
        self.model_room.saturating_sub(loaded)
    }

    fn model(&self, id: &ModelId) -> Result<Arc<Model>, Failure> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        models.get(id).cloned().ok_or_else(|| Failure {
            kind: FailureKind::UnknownModel,
            message: format!("the model {id:?} is not loaded"),
        })
    }
}
