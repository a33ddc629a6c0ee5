//! The real models, which `scripts/setup.sh` puts in place.

use kagari_inference::{protocol::Completed, Model};
use kagari_primitives::{known_models, model::Manifest, Sampling, Task, Word};
use std::{path::PathBuf, sync::OnceLock};

/// The folder of all models.
pub fn models_dir() -> PathBuf {
    let dir = match std::env::var_os("KAGARI_MODELS") {
        Some(dir) => PathBuf::from(dir),
        None => {
            let home = std::env::var_os("HOME").expect("HOME is set");
            PathBuf::from(home).join(".cache/kagari/models")
        }
    };
    let missing = known_models::all()
        .into_iter()
        .find(|m| !dir.join(m.name_text()).is_dir());
    if let Some(model) = missing {
        panic!(
            "{} has no model {}: run scripts/setup.sh",
            dir.display(),
            model.name_text()
        );
    }
    dir
}

fn load(manifest: Manifest) -> Model {
    Model::load(&models_dir(), manifest).unwrap()
}

/// SmolLM2, loaded once.
pub fn smollm2() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| load(known_models::smollm2_135m_instruct()))
}

/// MiniLM, loaded once.
pub fn minilm() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| load(known_models::all_minilm_l6_v2()))
}

/// A task to complete, with the likeliest token every time.
pub fn greedy(max_new_tokens: u32) -> Task {
    Task::Completion {
        max_new_tokens,
        sampling: Sampling::GREEDY,
    }
}

/// Runs a task that is to succeed.
pub fn run(model: &Model, task: Task, seed: u8, input: &[Word]) -> Completed {
    model.run(&task, &[seed; 32], input, |_| ()).unwrap()
}

/// What a task that is to be refused is refused with.
pub fn refused(model: &Model, task: Task, input: &[Word]) -> String {
    let failure = model.run(&task, &[0; 32], input, |_| ()).unwrap_err();
    assert_eq!(
        failure.kind,
        kagari_inference::protocol::FailureKind::BadInput
    );
    failure.message
}
