//! Loading models of a tiny shape, and running them.

use super::memory;
use kagari_inference::{
    store::{file_hash, ModelFiles},
    Model, Replayed,
};
use kagari_primitives::{
    known_models,
    model::{Architecture, Manifest, ModelFile, ModelShape},
    Sampling, Task,
};

/// Bytes that loading may take for each byte of the file, which itself is not among them. Of what fits the
/// tiny shape, 5 is the worst that is known; a list of the same short merge again and again would be 13.
const FACTOR: usize = 16;
/// Bytes that it may take besides: threads, the tokenizer's tables, the angles of all positions.
const BESIDES: usize = 64 << 10;
/// What the encoder's ids stand for.
const TOKENIZER: &[u8] = include_bytes!("../tokenizer.json");
/// Words, digits, and what no tiny vocabulary knows.
const TEXT: &str = "ab abb a1 12 ba é\n";

/// Loads a Llama out of a GGUF file, and lets it compute. Says whether it could be loaded.
pub fn llama(file: &[u8]) -> bool {
    let Some(model) = load(file, None, llama_of(file)) else {
        return false;
    };
    // A vocabulary without these characters is none that a text could be encoded with.
    let _ = model.encode(TEXT);
    let all: Vec<_> = (0..model.manifest().shape.vocab).collect();
    model.decode(&all).expect("ids of the model have a text");
    for temperature in [0, 700] {
        complete(&model, temperature);
    }
    true
}

/// Loads a BERT out of a safetensors file, and lets it compute. Says whether it could be loaded.
pub fn bert(file: &[u8]) -> bool {
    let Some(model) = load(file, Some(TOKENIZER), bert_of(file)) else {
        return false;
    };
    let input = model.encode("a b").expect("the vocabulary has them");
    let vector = model.run(&Task::Embedding, &[1; 32], &input, |_| ());
    vector.expect("an input of the model has a vector, or one that is not finite");
    true
}

/// A completion, whatever the weights are, holds when it is replayed.
fn complete(model: &Model, temperature: u32) {
    let sampling = Sampling {
        temperature,
        top_p: 900,
        seed: 7,
    };
    let task = Task::Completion {
        max_new_tokens: 3,
        sampling,
    };
    let (seed, input) = ([1; 32], [3, 5, 4]);
    let completed = model.run(&task, &seed, &input, |_| ());
    let completed = completed.expect("an input of the model can be completed");
    let replayed = model.replay(&task, &seed, &input, &completed);
    assert!(matches!(replayed, Ok(Replayed::Holds)), "{replayed:?}");
}

fn load(file: &[u8], tokenizer: Option<&[u8]>, manifest: Manifest) -> Option<Model> {
    let dir = tempfile::tempdir().expect("there is a place for files");
    let files = ModelFiles::locate(dir.path(), &manifest).expect("the manifest has a name");
    let write = |path, bytes| std::fs::write(path, bytes).expect("files can be written");
    std::fs::create_dir(dir.path().join(manifest.name_text())).expect("folders can be made");
    write(&files.weights.path, file);
    if let (Some(expected), Some(bytes)) = (&files.tokenizer, tokenizer) {
        write(&expected.path, bytes);
    }
    let load = || Model::load(dir.path(), manifest);
    let failure = match memory::limit(FACTOR * file.len() + BESIDES, load) {
        Ok(model) => return Some(model),
        Err(failure) => failure,
    };
    // An empty file is refused before it is read, and has no fields.
    if file.is_empty() {
        return None;
    }
    let path = format!("{}: ", files.weights.path.display());
    if let Some(problem) = failure.message.strip_prefix(&path) {
        assert!(names_field(problem), "{problem}");
    }
    None
}

fn names_field(problem: &str) -> bool {
    let parts = problem.split_once(": ");
    parts.is_some_and(|(field, problem)| !field.is_empty() && !problem.is_empty())
}

fn described(bytes: &[u8]) -> ModelFile {
    ModelFile {
        hash: file_hash(bytes),
        len: bytes.len() as u64,
    }
}

fn llama_of(file: &[u8]) -> Manifest {
    Manifest {
        shape: ModelShape {
            architecture: Architecture::Llama,
            layers: 1,
            hidden: 32,
            intermediate: 32,
            heads: 2,
            kv_heads: 1,
            head_dim: 16,
            vocab: 16,
            context: 16,
        },
        weights: described(file),
        chat_template: None,
        stop_tokens: Default::default(),
        ..known_models::smollm2_135m_instruct()
    }
}

fn bert_of(file: &[u8]) -> Manifest {
    Manifest {
        shape: ModelShape {
            architecture: Architecture::Bert,
            layers: 1,
            hidden: 16,
            intermediate: 16,
            heads: 1,
            kv_heads: 1,
            head_dim: 16,
            vocab: 8,
            context: 8,
        },
        weights: described(file),
        tokenizer: Some(described(TOKENIZER)),
        ..known_models::all_minilm_l6_v2()
    }
}
