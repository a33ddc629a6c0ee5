//! Loads models, and turns text into their ids and back.

use super::outlet::Outlet;
use crate::{
    model::Model,
    protocol::{Failure, FailureKind, Request, RequestBody, ResponseBody},
};
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
}

impl Desk {
    /// No models yet. They may take so many bytes together.
    pub fn new(outlet: Outlet, model_room: u64) -> Self {
        Self {
            models: RwLock::default(),
            outlet,
            model_room,
        }
    }

    /// Answers a request, sooner or later.
    pub fn answer(&self, request: Request) {
        let Request { id, body } = request;
        match catch_unwind(AssertUnwindSafe(|| self.work(body))) {
            Ok(Ok(body)) => self.outlet.send(id, body),
            Ok(Err(failure)) => self.outlet.fail(id, failure),
            Err(_) => {
                let failure = Failure::bad_model("the model's files made a reader panic");
                self.outlet.fail(id, failure);
            }
        }
    }

    fn work(&self, body: RequestBody) -> Result<ResponseBody, Failure> {
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
            RequestBody::Run { .. } | RequestBody::Replay { .. } => {
                Err(Failure::internal("jobs are the scheduler's"))
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
        let model = Model::load_within(Path::new(dir), manifest, room)?;
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

    /// A loaded model.
    pub fn model(&self, id: &ModelId) -> Result<Arc<Model>, Failure> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        models.get(id).cloned().ok_or_else(|| Failure {
            kind: FailureKind::UnknownModel,
            message: format!("the model {id:?} is not loaded"),
        })
    }
}
