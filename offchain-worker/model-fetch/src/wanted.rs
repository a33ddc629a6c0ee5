//! Which files are wanted, and which of them are not there yet.

use crate::check;
use kagari_primitives::{known_models, model::ModelFile, Architecture, Manifest};
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Name of the model, which is also its folder's.
    pub model: String,
    /// The file's name in that folder.
    pub file: &'static str,
    /// What the file's bytes must be.
    pub content: ModelFile,
}

impl Wanted {
    /// Where the file belongs under the folder of all models.
    pub fn path_in(&self, dir: &Path) -> PathBuf {
        dir.join(&self.model).join(self.file)
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.model, self.file)
    }
}

/// Every file of every model that the genesis registers.
pub fn all() -> Vec<Wanted> {
    known_models::all().iter().flat_map(files_of).collect()
}

fn files_of(manifest: &Manifest) -> Vec<Wanted> {
    let wanted = |file, content| Wanted {
        model: manifest.name_text(),
        file,
        content,
    };
    let weights = match manifest.shape.architecture {
        Architecture::Llama => "model.gguf",
        Architecture::Bert => "model.safetensors",
    };
    let tokenizer = manifest
        .tokenizer
        .map(|content| wanted("tokenizer.json", content));
    let mut files = vec![wanted(weights, manifest.weights)];
    files.extend(tokenizer);
    files
}

/// Those of `files` that are not under `dir` with the right bytes; says so of a wrong one.
pub fn missing(dir: &Path, files: Vec<Wanted>) -> Vec<Wanted> {
    files
        .into_iter()
        .filter(|wanted| !is_there(dir, wanted))
        .collect()
}

fn is_there(dir: &Path, wanted: &Wanted) -> bool {
    let path = wanted.path_in(dir);
    if !path.exists() {
        return false;
    }
    match check::check(&path, &wanted.content) {
        Ok(()) => true,
        Err(wrong) => {
            eprintln!("{} is not the right file: {wrong}", path.display());
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::fixture;

    #[test]
    fn every_known_model_has_weights_and_the_encoder_a_tokenizer() {
        let names: Vec<String> = all().iter().map(Wanted::to_string).collect();
        let expected = [
            "SmolLM2-135M-Instruct-Q4_1/model.gguf",
            "all-MiniLM-L6-v2/model.safetensors",
            "all-MiniLM-L6-v2/tokenizer.json",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_file_that_is_there_is_not_missing() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let wanted = fixture::wanted(b"weights");
        fixture::write(&wanted.path_in(dir.path()), b"weights")?;
        assert_eq!(missing(dir.path(), vec![wanted]), []);
        Ok(())
    }

    #[test]
    fn absent_and_wrong_files_are_missing() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let wanted = fixture::wanted(b"weights");
        let files = vec![wanted.clone()];
        assert_eq!(missing(dir.path(), files.clone()), files);
        fixture::write(&wanted.path_in(dir.path()), b"wEights")?;
        assert_eq!(missing(dir.path(), files.clone()), files);
        Ok(())
    }
}
