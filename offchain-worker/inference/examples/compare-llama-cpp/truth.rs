//! What both engines round: the same weights, dequantised, and a pass in 32-bit floats that quantises
//! no activation.

use crate::Result;
use candle_core::{
    quantized::gguf_file::{Content, Value},
    DType, Device, Tensor,
};
use candle_nn::{
    ops::{rms_norm, silu, softmax_last_dim},
    rotary_emb::rope_i,
};
use candle_transformers::utils::repeat_kv;
use kagari_primitives::{model::ModelShape, Word};
use std::{io::Cursor, path::Path};

/// A Llama in 32-bit floats. Its head is its embeddings.
pub struct Truth {
    embeddings: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    epsilon: f32,
    rope_base: f32,
    shape: ModelShape,
}

struct Layer {
    attention_norm: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    feed_forward_norm: Tensor,
    gate: Tensor,
    up: Tensor,
    down: Tensor,
}

/// Turns of the words' positions.
struct Angles {
    cos: Tensor,
    sin: Tensor,
}

impl Truth {
    /// Dequantises the weights of a GGUF file, which are those of `shape`.
    pub fn load(path: &Path, shape: ModelShape) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let content = Content::read(&mut Cursor::new(&bytes))?;
        let number = |key: &str| -> Result<f32> {
            let value = content.metadata.get(key).map(Value::to_f32);
            Ok(value.ok_or_else(|| format!("{key} is missing"))??)
        };
        let (epsilon, rope_base) = (
            number("llama.attention.layer_norm_rms_epsilon")?,
            number("llama.rope.freq_base")?,
        );
        let tensor = |name: &str| -> Result<Tensor> {
            let (mut file, name) = (Cursor::new(&bytes), format!("{name}.weight"));
            let tensor = content.tensor(&mut file, &name, &Device::Cpu)?;
            Ok(tensor.dequantize(&Device::Cpu)?)
        };
        Ok(Self {
            embeddings: tensor("token_embd")?,
            layers: (0..shape.layers)
                .map(|layer| Layer::load(|part| tensor(&format!("blk.{layer}.{part}"))))
                .collect::<Result<_>>()?,
            norm: tensor("output_norm")?,
            epsilon,
            rope_base,
            shape,
        })
    }

    /// The logits after each of `words` from number `from` on, one after the other.
    pub fn logits(&self, words: &[Word], from: usize) -> Result<Vec<f32>> {
        let ids = Tensor::new(words, &Device::Cpu)?;
        let mut x = self.embeddings.index_select(&ids, 0)?;
        let angles = self.angles(words.len())?;
        for layer in &self.layers {
            x = (&x + self.attend(layer, &x, &angles)?)?;
            x = (&x + self.feed_forward(layer, &x)?)?;
        }
        let x = x.narrow(0, from, words.len() - from)?;
        let x = rms_norm(&x, &self.norm, self.epsilon)?;
        let logits = x.matmul(&self.embeddings.t()?)?;
        Ok(logits.flatten_all()?.to_vec1()?)
    }

    fn head_width(&self) -> usize {
        self.shape.head_dim.into()
    }

    fn angles(&self, positions: usize) -> Result<Angles> {
        let (width, pairs) = (self.head_width() as f64, self.head_width() / 2);
        let frequency = |pair: usize| f64::from(self.rope_base).powf(-2.0 * pair as f64 / width);
        let angles = (0..positions)
            .flat_map(|position| (0..pairs).map(move |pair| position as f64 * frequency(pair)));
        let angles: Vec<f64> = angles.collect();
        let angles = Tensor::from_vec(angles, (positions, pairs), &Device::Cpu)?;
        Ok(Angles {
            cos: angles.cos()?.to_dtype(DType::F32)?,
            sin: angles.sin()?.to_dtype(DType::F32)?,
        })
    }

    fn attend(&self, layer: &Layer, x: &Tensor, angles: &Angles) -> candle_core::Result<Tensor> {
        let (heads, kv_heads) = (self.shape.heads.into(), self.shape.kv_heads.into());
        let normal = rms_norm(x, &layer.attention_norm, self.epsilon)?;
        let query = self.split(&normal.matmul(&layer.query)?, heads)?;
        let key = self.split(&normal.matmul(&layer.key)?, kv_heads)?;
        let value = self.split(&normal.matmul(&layer.value)?, kv_heads)?;
        let query = rope_i(&query, &angles.cos, &angles.sin)?;
        let key = rope_i(&key, &angles.cos, &angles.sin)?;
        let (key, value) = (
            repeat_kv(key, heads / kv_heads)?,
            repeat_kv(value, heads / kv_heads)?,
        );
        let scale = 1.0 / (self.head_width() as f64).sqrt();
        let scores = (query.matmul(&key.t()?)? * scale)?;
        let shares = softmax_last_dim(&scores.broadcast_add(&mask(x.dim(0)?)?)?)?;
        let mixed = shares.matmul(&value)?.squeeze(0)?.transpose(0, 1)?;
        mixed.flatten_from(1)?.matmul(&layer.output)
    }

    /// Rows of all heads to heads of rows, in a batch of one.
    fn split(&self, x: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
        x.reshape((x.dim(0)?, heads, self.head_width()))?
            .transpose(0, 1)?
            .unsqueeze(0)?
            .contiguous()
    }

    fn feed_forward(&self, layer: &Layer, x: &Tensor) -> candle_core::Result<Tensor> {
        let normal = rms_norm(x, &layer.feed_forward_norm, self.epsilon)?;
        let inner = (silu(&normal.matmul(&layer.gate)?)? * normal.matmul(&layer.up)?)?;
        inner.matmul(&layer.down)
    }
}

impl Layer {
    fn load(tensor: impl Fn(&str) -> Result<Tensor>) -> Result<Self> {
        // As rows are multiplied with them.
        let matrix = |part: &str| -> Result<Tensor> { Ok(tensor(part)?.t()?) };
        Ok(Self {
            attention_norm: tensor("attn_norm")?,
            query: matrix("attn_q")?,
            key: matrix("attn_k")?,
            value: matrix("attn_v")?,
            output: matrix("attn_output")?,
            feed_forward_norm: tensor("ffn_norm")?,
            gate: matrix("ffn_gate")?,
            up: matrix("ffn_up")?,
            down: matrix("ffn_down")?,
        })
    }
}

/// What is added to the scores, so that no position sees those after it.
fn mask(positions: usize) -> candle_core::Result<Tensor> {
    let row = |query| {
        (0..positions).map(move |key| match key <= query {
            true => 0.0,
            false => f32::NEG_INFINITY,
        })
    };
    let mask: Vec<f32> = (0..positions).flat_map(row).collect();
    Tensor::from_vec(mask, (positions, positions), &Device::Cpu)
}
