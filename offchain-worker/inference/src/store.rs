//! The models on disk: `<models>/<manifest name>/model.gguf`, or `model.safetensors` and
//! `tokenizer.json`. A file's length is compared with the manifest's before anything in it is parsed, and its
//! hash before anything but a header is used.

use crate::protocol::Failure;
use kagari_primitives::{
    model::{Architecture, Manifest, ModelFile},
    Hash,
};
use memmap2::Mmap;
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// What to do about a file that is missing or wrong.
const ADVICE: &str = "fetch the model again with scripts/setup.sh";

/// Where the files of one model are expected, and what the manifest says of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFiles {
    /// The weights.
    pub weights: ExpectedFile,
    /// The tokenizer, where it is a file of its own.
    pub tokenizer: Option<ExpectedFile>,
}

/// A file as a manifest describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedFile {
    /// Where it is expected.
    pub path: PathBuf,
    /// Its hash and length.
    pub file: ModelFile,
}

impl ModelFiles {
    /// Where the files of `manifest` are expected under the folder of all models.
    pub fn locate(models: &Path, manifest: &Manifest) -> Result<Self, Failure> {
        if !manifest.has_valid_name() {
            let message = format!("{:?} cannot be a model's name", manifest.name_text());
            return Err(Failure::bad_model(message));
        }
        let dir = models.join(manifest.name_text());
        let weights = match manifest.shape.architecture {
            Architecture::Llama => "model.gguf",
            Architecture::Bert => "model.safetensors",
        };
        let expect = |name, file| ExpectedFile {
            path: dir.join(name),
            file,
        };
        Ok(Self {
            weights: expect(weights, manifest.weights),
            tokenizer: manifest
                .tokenizer
                .map(|file| expect("tokenizer.json", file)),
        })
    }

    /// Whether every file is there, with the right length. Hashes are looked at on loading.
    pub fn are_present(&self) -> bool {
        self.weights.is_present() && self.tokenizer.as_ref().is_none_or(ExpectedFile::is_present)
    }
}

impl ExpectedFile {
    fn is_present(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|m| m.is_file() && m.len() == self.file.len)
    }

    /// What `read` makes of the file, if its length and its hash are those of the manifest.
    pub fn read<R>(&self, read: impl FnOnce(&[u8]) -> Result<R, String>) -> Result<R, Failure> {
        let file = self.open()?;
        file.check_hash()?;
        read(&file.bytes).map_err(|problem| self.failure(problem))
    }

    /// Opens the file, if its length is that of the manifest.
    pub fn open(&self) -> Result<OpenFile<'_>, Failure> {
        self.check_length()?;
        let map = self.map();
        let bytes = map.map_err(|e| self.failure(format!("cannot be read: {e}")))?;
        let expected = self;
        Ok(OpenFile { expected, bytes })
    }

    fn check_length(&self) -> Result<(), Failure> {
        let found = match std::fs::metadata(&self.path) {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            Ok(_) => return Err(self.failure("is not a file".into())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(self.failure(format!("does not exist; {ADVICE}")));
            }
            Err(e) => return Err(self.failure(format!("cannot be read: {e}"))),
        };
        let expected = self.file.len;
        if found == expected && found > 0 {
            return Ok(());
        }
        Err(self.failure(format!(
            "is {found} bytes long, expected {expected} bytes; {ADVICE}"
        )))
    }

    fn map(&self) -> io::Result<Mmap> {
        let file = File::open(&self.path)?;
        // SAFETY: the map is only read. Somebody who changes the file meanwhile can make this
        // process read other bytes or end (SIGBUS); it is the child, which is restarted, and the
        // folder is the operator's own.
        unsafe { Mmap::map(&file) }
    }

    /// What is wrong with this file.
    pub fn failure(&self, problem: String) -> Failure {
        Failure::bad_model(format!("{}: {problem}", self.path.display()))
    }
}

/// A file of the right length. Its hash is known once it was checked.
pub struct OpenFile<'a> {
    expected: &'a ExpectedFile,
    /// What is in it.
    pub bytes: Mmap,
}

impl OpenFile<'_> {
    /// Checks the file's hash.
    pub fn check_hash(&self) -> Result<(), Failure> {
        let (found, expected) = (file_hash(&self.bytes), self.expected.file.hash);
        if found == expected {
            return Ok(());
        }
        let problem = format!("has the BLAKE3 hash {found:?}, expected {expected:?}; {ADVICE}");
        Err(self.expected.failure(problem))
    }
}

/// The hash by which manifests name files: BLAKE3, several times as fast as the chain's own hash.
pub fn file_hash(bytes: &[u8]) -> Hash {
    Hash::from(*blake3::hash(bytes).as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use kagari_primitives::known_models;

    fn expected(dir: &Path, content: &[u8]) -> ExpectedFile {
        let file = ModelFile {
            hash: file_hash(content),
            len: content.len() as u64,
        };
        ExpectedFile {
            path: dir.join("model.gguf"),
            file,
        }
    }

    fn problem(expected: &ExpectedFile, found: &[u8]) -> String {
        std::fs::write(&expected.path, found).unwrap();
        expected.read(|_| Ok(())).unwrap_err().message
    }

    #[test]
    fn the_right_file_opens_and_one_flipped_bit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let content = b"weights".to_vec();
        let expected = expected(dir.path(), &content);
        std::fs::write(&expected.path, &content).unwrap();
        let read = expected.read(|bytes| Ok(bytes.to_vec()));
        assert_eq!(read.unwrap(), content);

        for at in 0..content.len() {
            let mut flipped = content.clone();
            flipped[at] ^= 1;
            let message = problem(&expected, &flipped);
            assert!(message.contains("model.gguf"), "{message}");
            assert!(
                message.contains(&format!("{:?}", file_hash(&flipped))),
                "{message}"
            );
            assert!(
                message.contains(&format!("{:?}", file_hash(&content))),
                "{message}"
            );
        }
    }

    #[test]
    fn a_file_of_another_length_is_refused_before_it_is_hashed() {
        let dir = tempfile::tempdir().unwrap();
        let expected = expected(dir.path(), b"weights");
        let message = problem(&expected, b"weight");
        assert!(
            message.contains("is 6 bytes long, expected 7 bytes"),
            "{message}"
        );
        assert!(problem(&expected, b"weights!").contains("is 8 bytes long"));
        assert!(problem(&expected, b"").contains("is 0 bytes long"));
    }

    #[test]
    fn a_file_that_is_missing_or_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let expected = expected(dir.path(), b"weights");
        let message = expected.read(|_| Ok(())).unwrap_err().message;
        assert!(
            message.contains("does not exist; fetch the model"),
            "{message}"
        );
        std::fs::create_dir(&expected.path).unwrap();
        let message = expected.read(|_| Ok(())).unwrap_err().message;
        assert!(message.ends_with("is not a file"), "{message}");
    }

    #[test]
    fn models_are_present_when_all_their_files_are() {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = known_models::all_minilm_l6_v2();
        manifest.weights.len = 3;
        manifest.tokenizer.as_mut().unwrap().len = 2;
        let files = ModelFiles::locate(dir.path(), &manifest).unwrap();
        std::fs::create_dir(dir.path().join("all-MiniLM-L6-v2")).unwrap();
        std::fs::write(&files.weights.path, "abc").unwrap();
        assert!(!files.are_present());
        std::fs::write(&files.tokenizer.as_ref().unwrap().path, "ab").unwrap();
        assert!(files.are_present());
        std::fs::write(&files.weights.path, "abcd").unwrap();
        assert!(!files.are_present());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let mut manifest = known_models::all_minilm_l6_v2();
        for name in ["../x", "a/b", "", ".."] {
            manifest.name = name.as_bytes().to_vec().try_into().unwrap();
            assert!(
                ModelFiles::locate(Path::new("models"), &manifest).is_err(),
                "{name}"
            );
        }
    }
}
