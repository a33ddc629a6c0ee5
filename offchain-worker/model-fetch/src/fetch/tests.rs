use super::*;
use crate::local::Local;

/// Folders, each with the given bytes for the wanted file, as sources in that order.
struct Setup {
    root: tempfile::TempDir,
    sources: Vec<Box<dyn Source>>,
    wanted: Wanted,
}

impl Setup {
    fn with_sources(contents: &[Option<&[u8]>]) -> anyhow::Result<Self> {
        let root = tempfile::tempdir()?;
        let wanted = fixture::wanted(b"weights");
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        for (i, content) in contents.iter().enumerate() {
            let folder = root.path().join(format!("source{i}"));
            fs::create_dir_all(&folder)?;
            if let Some(bytes) = content {
                fixture::write(&wanted.path_in(&folder), bytes)?;
            }
            sources.push(Box::new(Local::new(folder)));
        }
        Ok(Self {
            root,
            sources,
            wanted,
        })
    }

    fn models(&self) -> PathBuf {
        self.root.path().join("models")
    }

    fn fetch(&mut self) -> anyhow::Result<()> {
        let models = self.models();
        let wanted = std::slice::from_ref(&self.wanted);
        fetch_all(&models, wanted, &mut self.sources)
    }

    /// Names of the files in the model's folder.
    fn files(&self) -> anyhow::Result<Vec<String>> {
        let folder = self.models().join(&self.wanted.model);
        let names = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }
}

#[test]
fn the_right_file_is_put_in_its_place() -> anyhow::Result<()> {
    let mut setup = Setup::with_sources(&[Some(b"weights")])?;
    setup.fetch()?;
    let path = setup.wanted.path_in(&setup.models());
    assert_eq!(fs::read(path)?, b"weights");
    assert_eq!(setup.files()?, ["model.gguf"]);
    Ok(())
}

#[test]
fn wrong_cut_and_missing_files_are_passed_over() -> anyhow::Result<()> {
    let contents = [
        Some(&b"weightz"[..]),
        Some(b"wei"),
        Some(b""),
        None,
        Some(b"weights"),
    ];
    let mut setup = Setup::with_sources(&contents)?;
    setup.fetch()?;
    let path = setup.wanted.path_in(&setup.models());
    assert_eq!(fs::read(path)?, b"weights");
    Ok(())
}

#[test]
fn without_a_right_source_nothing_is_left() -> anyhow::Result<()> {
    let mut setup = Setup::with_sources(&[Some(b"weightz"), None, Some(b"weig")])?;
    let error = setup.fetch().err().context("it must fail")?.to_string();
    assert!(
        error.contains("SmolLM2-135M-Instruct-Q4_1/model.gguf"),
        "{error}"
    );
    assert!(error.contains("--from"), "{error}");
    assert!(setup.files()?.is_empty());
    Ok(())
}

#[test]
fn the_first_source_that_has_it_is_taken() -> anyhow::Result<()> {
    let mut setup = Setup::with_sources(&[Some(b"weights"), Some(b"weights")])?;
    let untouched = setup.root.path().join("source1");
    fs::remove_dir_all(&untouched)?;
    setup.fetch()
}

#[test]
fn a_wrong_file_in_the_place_is_replaced_or_left_as_it_is() -> anyhow::Result<()> {
    let mut setup = Setup::with_sources(&[None])?;
    let path = setup.wanted.path_in(&setup.models());
    fixture::write(&path, b"other")?;
    assert!(setup.fetch().is_err());
    assert_eq!(fs::read(&path)?, b"other");

    fixture::write(
        &setup.wanted.path_in(&setup.root.path().join("source0")),
        b"weights",
    )?;
    setup.fetch()?;
    assert_eq!(fs::read(&path)?, b"weights");
    Ok(())
}

#[test]
fn the_other_files_are_fetched_when_one_fails() -> anyhow::Result<()> {
    let mut setup = Setup::with_sources(&[Some(b"weights")])?;
    let absent = Wanted {
        model: "absent".into(),
        ..fixture::wanted(b"x")
    };
    let files = [absent, setup.wanted.clone()];
    let models = setup.models();
    assert!(fetch_all(&models, &files, &mut setup.sources).is_err());
    assert_eq!(setup.files()?, ["model.gguf"]);
    Ok(())
}
