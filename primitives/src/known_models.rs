//! The manifests of the first models, which the genesis presets register.

use crate::{
    model::{Architecture, ChatTemplate, Manifest, ModelFile, ModelShape, Segment},
    Word,
};
use alloc::vec::Vec;
use hex_literal::hex;
use sp_core::H256;

/// SmolLM2's `<|endoftext|>`.
const END_OF_TEXT: Word = 0;
/// SmolLM2's `<|im_start|>`.
const IM_START: Word = 1;
/// SmolLM2's `<|im_end|>`.
const IM_END: Word = 2;
/// A line feed in SmolLM2's vocabulary.
const LINE_FEED: Word = 198;
/// `system` in SmolLM2's vocabulary.
const SYSTEM: Word = 9_690;
/// `user` in SmolLM2's vocabulary.
const USER: Word = 4_093;
/// `assistant` in SmolLM2's vocabulary: `ass`, `istant`.
const ASSISTANT: [Word; 2] = [520, 9_531];
/// "You are a helpful AI assistant named SmolLM, trained by Hugging Face": the system message that
/// SmolLM2 was tuned with.
const SMOLLM2_SYSTEM_MESSAGE: [Word; 16] = [
    2_683, 359, 253, 5_356, 5_646, 11_173, 3_365, 3_511, 308, 34_519, 28, 7_018, 411, 407, 19_712,
    8_182,
];

/// The models of the genesis presets.
pub fn all() -> Vec<Manifest> {
    alloc::vec![smollm2_135m_instruct(), all_minilm_l6_v2()]
}

/// SmolLM2-135M-Instruct, quantised to Q4_1, GGUF (98,362,432 bytes, Apache-2.0).
pub fn smollm2_135m_instruct() -> Manifest {
    Manifest {
        name: bounded(b"SmolLM2-135M-Instruct-Q4_1"),
        kernel_version: 1,
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
            hash: H256(hex!(
                "5f4fa13bfc6dd4a91fd00e22974a9c4e9ed628fd7d7f307398ddf30260d6b2c3"
            )),
            len: 98_362_432,
        },
        tokenizer: None,
        chat_template: Some(smollm2_chat()),
        stop_tokens: bounded(&[END_OF_TEXT, IM_END]),
    }
}

/// SmolLM2's chat template (ChatML) as token ids.
fn smollm2_chat() -> ChatTemplate {
    let system_open = [IM_START, SYSTEM, LINE_FEED];
    let close = [IM_END, LINE_FEED];
    let default_system = [&system_open[..], &SMOLLM2_SYSTEM_MESSAGE, &close].concat();
    let [ass, istant] = ASSISTANT;
    ChatTemplate {
        default_system: segment(&default_system),
        system_open: segment(&system_open),
        user_open: segment(&[IM_START, USER, LINE_FEED]),
        assistant_open: segment(&[IM_START, ass, istant, LINE_FEED]),
        close: segment(&close),
    }
}

/// all-MiniLM-L6-v2, f32, safetensors (90,868,376 bytes, Apache-2.0).
pub fn all_minilm_l6_v2() -> Manifest {
    Manifest {
        name: bounded(b"all-MiniLM-L6-v2"),
        kernel_version: 1,
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
            hash: H256(hex!(
                "8087e9bf97c265f8435ed268733ecf3791825ad24850fd5d84d89e32ee3a589a"
            )),
            len: 90_868_376,
        },
        tokenizer: Some(ModelFile {
            hash: H256(hex!(
                "82483bb4f0bdb81779f295ecc5a93285d2156834e994a2169f9800e4c8f250c1"
            )),
            len: 466_247,
        }),
        chat_template: None,
        stop_tokens: Default::default(),
    }
}

/// A literal as a bounded list; it is empty if it does not fit, which a test rules out.
fn bounded<T: Clone, S: sp_core::Get<u32>>(items: &[T]) -> sp_runtime::BoundedVec<T, S> {
    items.to_vec().try_into().unwrap_or_default()
}

/// A literal run of token ids.
fn segment(ids: &[u32]) -> Segment {
    bounded(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_can_be_registered() {
        for manifest in all() {
            assert!(manifest.has_valid_name(), "{}", manifest.name_text());
            assert!(manifest.shape.is_sane(), "{}", manifest.name_text());
            assert_ne!(manifest.weights.hash, H256::zero());
        }
    }

    #[test]
    fn literals_fit_their_lists() {
        let smollm2 = smollm2_135m_instruct();
        assert_eq!(smollm2.name_text(), "SmolLM2-135M-Instruct-Q4_1");
        assert_eq!(smollm2.stop_tokens.as_slice(), [END_OF_TEXT, IM_END]);
        let chat = smollm2_chat();
        let segments = [
            &chat.default_system,
            &chat.system_open,
            &chat.user_open,
            &chat.assistant_open,
            &chat.close,
        ];
        assert_eq!(segments.map(|s| s.len()), [21, 3, 3, 4, 2]);
        assert!(smollm2
            .special_words()
            .iter()
            .all(|w| *w < smollm2.shape.vocab));
    }

    #[test]
    fn names_and_ids_are_distinct() {
        let [a, b] = [smollm2_135m_instruct(), all_minilm_l6_v2()];
        assert_ne!(a.name, b.name);
        assert_ne!(a.id(), b.id());
    }
}
