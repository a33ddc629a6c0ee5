//! What a run takes from its environment.

use anyhow::{ensure, Context, Result};
use std::{env, path::PathBuf};

/// Variable that names the node's binary.
pub const NODE: &str = "KAGARI_NODE";
/// Variable that names the folder of the models.
pub const MODELS: &str = "KAGARI_MODELS";
/// Variable that names the folder in which the nodes keep their databases and logs.
pub const NETWORK_DIR: &str = "KAGARI_NETWORK_DIR";

/// What a run takes from its environment; `scripts/test-network.sh` sets all of it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The node's binary.
    pub node: PathBuf,
    /// Folder of the models, one subfolder each, named as in the model's manifest.
    pub models: PathBuf,
    /// Where the nodes keep their databases and logs; a folder of its own among the temporary files
    /// if there is none.
    pub dir: Option<PathBuf>,
}

impl Settings {
    /// Reads the settings and looks whether what they name is there.
    pub fn from_env() -> Result<Self> {
        let node = path(NODE).with_context(|| {
            format!("{NODE} is not set; run scripts/test-network.sh, or name the node's binary")
        })?;
        ensure!(
            node.is_file(),
            "{NODE}: there is no file {}",
            node.display()
        );
        let models = path(MODELS).or_else(default_models).with_context(|| {
            format!("{MODELS} is not set; run scripts/setup.sh, and name the folder of the models")
        })?;
        ensure!(
            models.is_dir(),
            "there is no folder of models at {}; run scripts/setup.sh",
            models.display()
        );
        Ok(Self {
            node: absolute(node)?,
            models: absolute(models)?,
            dir: path(NETWORK_DIR),
        })
    }
}

fn path(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn default_models() -> Option<PathBuf> {
    path("HOME").map(|home| home.join(".cache/kagari/models"))
}

/// The nodes run in folders of their own, so a relative path would not reach them.
fn absolute(path: PathBuf) -> Result<PathBuf> {
    path.canonicalize()
        .with_context(|| format!("cannot resolve {}", path.display()))
}
