//! Who signs: a development account, a key in a file, or a key typed at a prompt. Never a key from
//! the arguments or the environment, where others on the machine can read it.

use crate::args::KeyArgs;
use anyhow::{bail, Context, Result};
use sp_core::Pair as _;
use std::{
    fs::{File, OpenOptions},
    io::{IsTerminal, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};
use subxt::utils::AccountId32;
use subxt_signer::{
    sr25519::{dev, Keypair},
    SecretUri,
};

/// Most bytes of a key file.
const MAX_KEY_FILE: u64 = 4_096;
/// Permission bits of a file for its group and all others.
const OTHERS: u32 = 0o077;

/// The development accounts. Anyone knows their keys: they are worth something on a development
/// chain only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DevAccount {
    /// `//Alice`
    Alice,
    /// `//Bob`
    Bob,
    /// `//Charlie`
    Charlie,
    /// `//Dave`
    Dave,
    /// `//Eve`
    Eve,
    /// `//Ferdie`
    Ferdie,
}

impl DevAccount {
    /// The account's key.
    pub fn keypair(self) -> Keypair {
        match self {
            Self::Alice => dev::alice(),
            Self::Bob => dev::bob(),
            Self::Charlie => dev::charlie(),
            Self::Dave => dev::dave(),
            Self::Eve => dev::eve(),
            Self::Ferdie => dev::ferdie(),
        }
    }

    /// The account.
    pub fn account(self) -> AccountId32 {
        self.keypair().public_key().to_account_id()
    }
}

/// The key that the arguments name, or else one typed at a prompt.
pub fn signer(args: &KeyArgs) -> Result<Keypair> {
    if let Some(account) = args.account {
        return Ok(account.keypair());
    }
    if let Some(file) = &args.key_file {
        return from_file(file);
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "No key to sign with: give --key-file FILE, or --account NAME on a development chain. \
             (A key can also be typed, where the command runs on a terminal.)"
        );
    }
    let typed = rpassword::prompt_password("Mnemonic or secret URI (not shown): ")
        .context("The key can't be read from the terminal")?;
    parse(&typed)
}

/// The account that the arguments name, without a prompt.
pub fn named_account(args: &KeyArgs) -> Result<Option<AccountId32>> {
    if args.account.is_none() && args.key_file.is_none() {
        return Ok(None);
    }
    Ok(Some(signer(args)?.public_key().to_account_id()))
}

/// The account that a text names: an SS58 address or the name of a development account.
pub fn parse_account(text: &str) -> Result<AccountId32, String> {
    use clap::ValueEnum;
    if let Ok(account) = DevAccount::from_str(text, true) {
        return Ok(account.account());
    }
    let hint = "write an SS58 address (5…) or alice, bob, charlie, dave, eve, ferdie";
    text.parse().map_err(|error| format!("{error}: {hint}"))
}

/// Reads a key from a file that nobody else can read.
fn from_file(path: &Path) -> Result<Keypair> {
    let text = read_private(path).with_context(|| format!("Key file {}", path.display()))?;
    parse(&text).with_context(|| format!("Key file {}", path.display()))
}

fn read_private(path: &Path) -> Result<String> {
    let file = File::open(path)?;
    // The open file is looked at, not the path: nobody can swap it in between.
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        bail!("it is not a regular file");
    }
    if metadata.mode() & OTHERS != 0 {
        bail!(
            "others can read it (mode {:o}): run `chmod 600 {}`",
            metadata.mode() & 0o777,
            path.display()
        );
    }
    if metadata.len() > MAX_KEY_FILE {
        bail!("it is too long for a mnemonic or a secret URI");
    }
    let mut text = String::new();
    file.take(MAX_KEY_FILE).read_to_string(&mut text)?;
    Ok(text)
}

/// A key from a mnemonic or a secret URI. No error repeats any of the text.
fn parse(text: &str) -> Result<Keypair> {
    let text = text.trim();
    if text.is_empty() {
        bail!("it holds no mnemonic and no secret URI");
    }
    let uri: SecretUri = text.parse().ok().context(NOT_A_KEY)?;
    Keypair::from_uri(&uri).ok().context(NOT_A_KEY)
}

const NOT_A_KEY: &str = "it is no valid mnemonic or secret URI (12 to 24 English words, or 0x and \
    64 hex digits; then, where wanted, //a path)";

/// Makes a key and writes its mnemonic into a new file that only its owner can read.
pub fn write_new(path: &Path) -> Result<AccountId32> {
    let (_, phrase, _) = sp_core::sr25519::Pair::generate_with_phrase(None);
    let account = parse(&phrase)?.public_key().to_account_id();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("The key file {} can't be made", path.display()))?;
    file.write_all(phrase.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .with_context(|| format!("The key file {} can't be written", path.display()))?;
    Ok(account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    fn key_file(dir: &tempfile::TempDir, content: &str, mode: u32) -> PathBuf {
        let path = dir.path().join("key");
        fs::write(&path, content).expect("writes");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("sets mode");
        path
    }

    fn told(result: Result<Keypair>) -> String {
        format!("{:#}", result.expect_err("is an error"))
    }

    #[test]
    fn a_private_file_is_read_and_one_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().expect("makes a folder");
        let args = |path| KeyArgs {
            account: None,
            key_file: Some(path),
        };
        for mode in [0o600, 0o400] {
            let key = signer(&args(key_file(&dir, "//Alice\n", mode))).expect("is read");
            assert_eq!(key.public_key().to_account_id().to_string(), ALICE);
            fs::remove_file(dir.path().join("key")).expect("is removed");
        }
        for mode in [0o640, 0o604, 0o620, 0o610] {
            let error = told(signer(&args(key_file(&dir, "//Alice", mode))));
            assert!(error.contains("chmod 600"), "{mode:o}: {error}");
        }
    }

    #[test]
    fn a_bad_key_is_refused_without_repeating_it() {
        let dir = tempfile::tempdir().expect("makes a folder");
        for content in [
            "hunter2",
            "secret words that are no mnemonic",
            "0x12",
            "",
            " \n",
        ] {
            let error = told(from_file(&key_file(&dir, content, 0o600)));
            assert!(
                !error.contains("hunter2") && !error.contains("secret words"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_no_small_regular_file_is_refused() {
        let dir = tempfile::tempdir().expect("makes a folder");
        assert!(told(from_file(dir.path())).contains("not a regular file"));
        assert!(told(from_file(Path::new("/dev/null"))).contains("not a regular file"));
        assert!(told(from_file(&dir.path().join("none"))).contains("No such file"));
        let long = "word ".repeat(1_000);
        assert!(told(from_file(&key_file(&dir, &long, 0o600))).contains("too long"));
        let path = dir.path().join("binary");
        fs::write(&path, [0xff, 0xfe]).expect("writes");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("sets mode");
        assert!(told(from_file(&path)).contains("UTF-8"));
    }

    #[test]
    fn a_new_key_file_is_private_and_never_overwrites() {
        let dir = tempfile::tempdir().expect("makes a folder");
        let path = dir.path().join("new");
        let account = write_new(&path).expect("is written");
        let mode = fs::metadata(&path).expect("is there").mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = from_file(&path).expect("is read");
        assert_eq!(read.public_key().to_account_id(), account);
        assert!(write_new(&path).is_err());
        assert_eq!(
            from_file(&path)
                .expect("is still there")
                .public_key()
                .to_account_id(),
            account
        );
    }

    #[test]
    fn accounts_are_named_by_address_or_by_development_name() {
        assert_eq!(
            parse_account(ALICE).map(|a| a.to_string()),
            Ok(ALICE.into())
        );
        assert_eq!(parse_account("Alice"), parse_account(ALICE));
        assert!(parse_account("mallory").is_err());
        let typo = ALICE.replace("Grw", "Grx");
        assert!(parse_account(&typo).is_err());
    }
}
