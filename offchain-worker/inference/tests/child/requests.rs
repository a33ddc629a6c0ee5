//! What the child is asked, and what is taken from its answers.

use crate::{
    process::{Inference, LIMITS},
    support::{greedy, models_dir},
};
use kagari_inference::protocol::{Completed, Failure, RequestBody, ResponseBody};
use kagari_primitives::{known_models, model::Manifest, ModelId, Task, Word};

/// Load this model.
pub fn load(manifest: Manifest) -> RequestBody {
    RequestBody::Load {
        manifest,
        dir: models_dir().to_str().unwrap().into(),
    }
}

/// SmolLM2's id.
pub fn smollm2() -> ModelId {
    known_models::smollm2_135m_instruct().id()
}

/// A child that has SmolLM2 loaded.
pub fn started() -> Inference {
    let mut child = Inference::start(LIMITS);
    let loaded = child.ask(1, load(known_models::smollm2_135m_instruct()));
    assert_eq!(loaded, ResponseBody::Loaded);
    child
}

/// Go on with these words.
pub fn job(input: Vec<Word>, max_new_tokens: u32) -> RequestBody {
    RequestBody::Run {
        model: smollm2(),
        task: greedy(max_new_tokens),
        seed: [0; 32],
        input,
    }
}

/// Embed these words.
pub fn embedding(input: Vec<Word>) -> RequestBody {
    RequestBody::Run {
        model: known_models::all_minilm_l6_v2().id(),
        task: Task::Embedding,
        seed: [0; 32],
        input,
    }
}

/// Check what these words are said to have been gone on with.
pub fn replay(input: Vec<Word>, claimed: Completed) -> RequestBody {
    RequestBody::Replay {
        model: smollm2(),
        task: greedy(claimed.output.len() as u32),
        seed: [0; 32],
        input,
        claimed,
    }
}

/// Turn this text into ids.
pub fn encode(text: &str) -> RequestBody {
    RequestBody::Encode {
        model: smollm2(),
        text: text.into(),
    }
}

/// The failure in an answer that is to be one.
pub fn failure(body: ResponseBody) -> Failure {
    match body {
        ResponseBody::Failed(failure) => failure,
        other => panic!("{other:?} is no failure"),
    }
}

/// The input in an answer that is to hold one.
pub fn words(body: ResponseBody) -> Vec<Word> {
    match body {
        ResponseBody::Words(words) => words,
        other => panic!("{other:?} is no input"),
    }
}
