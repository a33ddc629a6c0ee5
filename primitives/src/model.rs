//! Models: their manifests and the work that a job on them is.

use crate::{ModelId, Word, MAX_EMBEDDING};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::{ConstU32, H256};
use sp_runtime::{
    traits::{BlakeTwo256, Hash as _},
    BoundedVec,
};

/// A number of multiply-accumulates.
pub type Work = u64;
/// A fixed run of token ids in a chat template.
pub type Segment = BoundedVec<Word, ConstU32<64>>;

/// The family a model belongs to, which fixes how its work is counted.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Architecture {
    /// A decoder of the Llama family: completes text.
    Llama,
    /// A BERT encoder with mean pooling and normalisation: embeds text.
    Bert,
}

/// The shape of a model, from which the runtime computes work; nobody declares it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct ModelShape {
    /// Family of the model.
    pub architecture: Architecture,
    /// Number of transformer blocks.
    pub layers: u16,
    /// Width of the residual stream.
    pub hidden: u32,
    /// Width inside the feed-forward network.
    pub intermediate: u32,
    /// Number of query heads.
    pub heads: u16,
    /// Number of key and value heads.
    pub kv_heads: u16,
    /// Width of one head.
    pub head_dim: u16,
    /// Number of token ids.
    pub vocab: u32,
    /// Most positions, input and output together.
    pub context: u32,
}

impl ModelShape {
    /// Whether every figure lies within the bounds of what can be registered.
    pub fn is_sane(&self) -> bool {
        let within = |v: u32, max: u32| v >= 1 && v <= max;
        within(self.layers.into(), 256)
            && within(self.hidden, 32_768)
            && within(self.intermediate, 262_144)
            && within(self.heads.into(), 512)
            && within(self.kv_heads.into(), self.heads.into())
            && self.heads.is_multiple_of(self.kv_heads)
            && within(self.head_dim.into(), 512)
            && within(self.vocab, 1 << 20)
            && within(self.context, 1 << 20)
            && (self.architecture != Architecture::Bert || self.hidden <= MAX_EMBEDDING)
    }

    /// Multiply-accumulates of a job with `input` positions that puts out `output` tokens (for an
    /// embedding, `output` does not count).
    ///
    /// A decoder passes `input + output - 1` positions through its blocks (the last token put out is
    /// not fed back), attends causally, and uses its head once per token; an encoder passes `input`
    /// positions and attends in full. Embedding look-ups, norms and activations are not counted.
    pub fn work(&self, input: u32, output: u32) -> Work {
        match self.architecture {
            Architecture::Llama => self.decoder_work(input, output),
            Architecture::Bert => self.encoder_work(input),
        }
    }

    fn decoder_work(&self, input: u32, output: u32) -> Work {
        let positions = Work::from(input)
            .saturating_add(output.into())
            .saturating_sub(1);
        // The sum over positions of the keys that each attends to: 1 + 2 + … + positions.
        let keys = positions.saturating_mul(positions.saturating_add(1)) / 2;
        let head = Work::from(self.vocab)
            .saturating_mul(self.hidden.into())
            .saturating_mul(output.into());
        self.layer_work(3, positions, keys).saturating_add(head)
    }

    fn encoder_work(&self, input: u32) -> Work {
        let positions = Work::from(input);
        self.layer_work(2, positions, positions.saturating_mul(positions))
    }

    /// Work of all blocks: projections, a feed-forward network of `matrices` matrices, and attention
    /// over `keys` pairs of query and key.
    fn layer_work(&self, matrices: Work, positions: Work, keys: Work) -> Work {
        let hidden = Work::from(self.hidden);
        let query = Work::from(self.heads).saturating_mul(self.head_dim.into());
        let kv = Work::from(self.kv_heads).saturating_mul(self.head_dim.into());
        let projections = hidden.saturating_mul(query.saturating_add(kv).saturating_mul(2));
        let feed_forward = hidden
            .saturating_mul(self.intermediate.into())
            .saturating_mul(matrices);
        let linear = positions.saturating_mul(projections.saturating_add(feed_forward));
        let attention = keys.saturating_mul(query).saturating_mul(2);
        linear
            .saturating_add(attention)
            .saturating_mul(self.layers.into())
    }
}

/// A chat template as fixed runs of token ids: text of a user never yields special ids.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct ChatTemplate {
    /// A whole turn put first when the conversation does not begin with a system message.
    pub default_system: Segment,
    /// Stands before the content of a system message.
    pub system_open: Segment,
    /// Stands before the content of a user's message.
    pub user_open: Segment,
    /// Stands before the content of an assistant's message, and at the end, for the model to go on.
    pub assistant_open: Segment,
    /// Stands after the content of every message.
    pub close: Segment,
}

/// One file of a model.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct ModelFile {
    /// BLAKE3 of the file's bytes: a tree, so that a part of a file can be checked alone.
    pub hash: H256,
    /// Length in bytes.
    pub len: u64,
}

/// Everything that a result depends on. Its hash is the model's id.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Name for people, for example `SmolLM2-135M-Instruct-Q4_1`: ASCII letters, digits, `.`, `_`, `-`.
    pub name: BoundedVec<u8, ConstU32<64>>,
    /// Version of the kernel specification that the results follow; 0: none yet, results are not
    /// reproducible bit for bit on other machines.
    pub kernel_version: u32,
    /// Shape of the model.
    pub shape: ModelShape,
    /// The weights: GGUF for a decoder, safetensors for an encoder.
    pub weights: ModelFile,
    /// The tokenizer, where it is a file of its own (`tokenizer.json`); else it is in the weights.
    pub tokenizer: Option<ModelFile>,
    /// The chat template, where the model can chat.
    pub chat_template: Option<ChatTemplate>,
    /// Token ids that end a completion.
    pub stop_tokens: BoundedVec<Word, ConstU32<16>>,
}

impl Manifest {
    /// The model's id: the hash of the encoded manifest.
    pub fn id(&self) -> ModelId {
        BlakeTwo256::hash_of(self)
    }

    /// The name as text; names are ASCII by construction of a registered model.
    pub fn name_text(&self) -> alloc::string::String {
        alloc::string::String::from_utf8_lossy(&self.name).into_owned()
    }

    /// Whether the name can stand in a path and on a terminal: what the runtime asks of a manifest.
    pub fn has_valid_name(&self) -> bool {
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        !self.name.is_empty() && self.name.iter().all(allowed) && self.name.first() != Some(&b'.')
    }

    /// The words that make up a conversation's ids around the encoded contents, for tools and tests.
    pub fn special_words(&self) -> Vec<Word> {
        let segments = self.chat_template.iter().flat_map(|t| {
            [
                &t.default_system,
                &t.system_open,
                &t.user_open,
                &t.assistant_open,
                &t.close,
            ]
        });
        segments.flat_map(|s| s.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_models;
    use proptest::prelude::*;

    fn shape() -> ModelShape {
        known_models::smollm2_135m_instruct().shape
    }

    #[test]
    fn work_of_one_token_is_the_number_of_linear_weights_and_one_key() {
        // 30 blocks of 576·(576+576+192+192) + 3·576·1536, and the head of 49,152·576.
        let linear = 30 * (576 * 1536 + 3 * 576 * 1536);
        let attention = 30 * 2 * 576;
        assert_eq!(shape().work(1, 1), linear + attention + 49_152 * 576);
    }

    #[test]
    fn embedding_work_does_not_count_its_output() {
        let shape = known_models::all_minilm_l6_v2().shape;
        assert_eq!(shape.work(8, 0), shape.work(8, 384));
        assert_eq!(
            shape.work(1, 0),
            6 * (4 * 384 * 384 + 2 * 384 * 1536 + 2 * 384)
        );
    }

    proptest! {
        #[test]
        fn work_grows_with_both_lengths(input in 1..100_000u32, output in 1..100_000u32) {
            prop_assert!(shape().work(input, output) < shape().work(input + 1, output));
            prop_assert!(shape().work(input, output) < shape().work(input, output + 1));
        }
    }

    #[test]
    fn absurd_shapes_do_not_overflow() {
        let absurd = ModelShape {
            layers: u16::MAX,
            hidden: u32::MAX,
            intermediate: u32::MAX,
            heads: u16::MAX,
            kv_heads: 7,
            head_dim: u16::MAX,
            vocab: u32::MAX,
            context: u32::MAX,
            ..shape()
        };
        assert_eq!(absurd.work(u32::MAX, u32::MAX), Work::MAX);
        assert!(!absurd.is_sane());
        assert!(shape().is_sane());
    }
}
