//! A BERT encoder with mean pooling: one vector of length 1 for the whole input.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, HiddenAct, PositionEmbeddingType};
use kagari_primitives::{model::ModelShape, Word};

/// Kinds of segment; an input is one segment of the first kind.
const SEGMENT_KINDS: usize = 2;
/// Added to the variance in a layer norm.
const EPSILON: f64 = 1e-12;

/// An encoder, ready to be used.
pub struct Bert {
    model: BertModel,
    device: Device,
}

impl Bert {
    /// Takes the weights out of a safetensors file whose header was checked.
    pub fn load(
        file: &[u8],
        shape: ModelShape,
        device: &Device,
    ) -> std::result::Result<Self, String> {
        let width = u32::from(shape.heads) * u32::from(shape.head_dim);
        if width != shape.hidden || shape.kv_heads != shape.heads {
            return Err(format!(
                "the manifest's {} heads of {} (for keys {}) are not those of a BERT of width {}",
                shape.heads, shape.head_dim, shape.kv_heads, shape.hidden
            ));
        }
        let weights = VarBuilder::from_slice_safetensors(file, DType::F32, device);
        let model = weights.and_then(|weights| BertModel::load(weights, &config(&shape)));
        Ok(Self {
            model: model.map_err(|e| e.to_string())?,
            device: device.clone(),
        })
    }

    /// The vector of an input; `None` if a NaN or an infinity comes up.
    pub fn embed(&self, input: &[Word]) -> Result<Option<Vec<f32>>> {
        let ids = Tensor::new(input, &self.device)?.unsqueeze(0)?;
        let segments = ids.zeros_like()?;
        // Nothing is padded, so there is nothing to mask.
        let states = self.model.forward(&ids, &segments, None)?.squeeze(0)?;
        let mean = (states.sum(0)? / input.len() as f64)?;
        let norm = mean.sqr()?.sum_all()?.sqrt()?;
        let vector: Vec<f32> = mean.broadcast_div(&norm)?.to_vec1()?;
        Ok(vector.iter().all(|v| v.is_finite()).then_some(vector))
    }
}

fn config(shape: &ModelShape) -> Config {
    Config {
        vocab_size: shape.vocab as usize,
        hidden_size: shape.hidden as usize,
        num_hidden_layers: shape.layers.into(),
        num_attention_heads: shape.heads.into(),
        intermediate_size: shape.intermediate as usize,
        hidden_act: HiddenAct::Gelu,
        hidden_dropout_prob: 0.0,
        max_position_embeddings: shape.context as usize,
        type_vocab_size: SEGMENT_KINDS,
        initializer_range: 0.0,
        layer_norm_eps: EPSILON,
        pad_token_id: 0,
        position_embedding_type: PositionEmbeddingType::Absolute,
        use_cache: false,
        classifier_dropout: None,
        model_type: None,
    }
}
