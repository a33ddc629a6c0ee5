//! The manifests of the first models, which the genesis presets register.

use crate::model::{Architecture, ChatTemplate, Manifest, ModelFile, ModelShape, Segment};
use alloc::vec::Vec;
use hex_literal::hex;
use sp_core::H256;

/// The models of the genesis presets.
pub fn all() -> Vec<Manifest> {
    alloc::vec![smollm2_135m_instruct(), all_minilm_l6_v2()]
}

/// SmolLM2-135M-Instruct, quantised to Q4_1, GGUF (98,362,432 bytes, Apache-2.0).
pub fn smollm2_135m_instruct() -> Manifest {
    Manifest {
        name: bounded(b"SmolLM2-135M-Instruct-Q4_1"),
        kernel_version: 0,
        shape: ModelShape {
            architecture: Architecture::Llama,
            layers: 30,
            hidden: 576,
            intermediate: 1_536,
            heads: 9,
            kv_heads: 3,
            head_dim: 64,
            vocab: 49_152,
            context: 8_192,
        },
        weights: ModelFile {
            hash: H256(hex!("0000000000000000000000000000000000000000000000000000000000000000")),
            len: 98_362_432,
        },
        tokenizer: None,
        chat_template: Some(ChatTemplate::default()),
        stop_tokens: bounded(&[2]),
    }
}

/// all-MiniLM-L6-v2, f32, safetensors (90,868,376 bytes, Apache-2.0).
pub fn all_minilm_l6_v2() -> Manifest {
    Manifest {
        name: bounded(b"all-MiniLM-L6-v2"),
        kernel_version: 0,
        shape: ModelShape {
            architecture: Architecture::Bert,
            layers: 6,
            hidden: 384,
            intermediate: 1_536,
            heads: 12,
            kv_heads: 12,
            head_dim: 32,
            vocab: 30_522,
            context: 512,
        },
        weights: ModelFile {
            hash: H256(hex!("0000000000000000000000000000000000000000000000000000000000000000")),
            len: 90_868_376,
        },
        tokenizer: None,
        chat_template: None,
        stop_tokens: Default::default(),
    }
}

/// A literal as a bounded list; it is empty if it does not fit, which a test rules out.
fn bounded<T: Clone, S: sp_core::Get<u32>>(items: &[T]) -> sp_runtime::BoundedVec<T, S> {
    items.to_vec().try_into().unwrap_or_default()
}

/// A literal run of token ids.
#[allow(dead_code)]
fn segment(ids: &[u32]) -> Segment {
    bounded(ids)
}
