//! The weights of a Llama, and the check that a GGUF file holds just these.

use crate::gguf::{Gguf, Malformed};
use candle_core::{
    quantized::{ggml_file::qtensor_from_ggml, QMatMul, QTensor},
    Device, Result, Tensor,
};
use kagari_primitives::model::ModelShape;
use std::{collections::HashMap, sync::Arc};

const EMBEDDINGS: &str = "token_embd.weight";
const NORM: &str = "output_norm.weight";
/// Stands only where the head is not the embeddings.
const HEAD: &str = "output.weight";

/// What the shape does not say.
pub struct Hyperparameters {
    /// Base of the rotary frequencies.
    pub rope_base: f32,
    /// Added under the root of a norm.
    pub epsilon: f32,
}

/// All weights.
pub struct Weights {
    /// A row for each token id.
    pub embeddings: Arc<QTensor>,
    /// The blocks.
    pub layers: Vec<Layer>,
    /// The last norm.
    pub norm: Tensor,
    /// From the last norm to logits.
    pub head: QMatMul,
    /// Added under the root of every norm.
    pub epsilon: f32,
}

/// The weights of one block.
pub struct Layer {
    pub attention_norm: Tensor,
    pub query: QMatMul,
    pub key: QMatMul,
    pub value: QMatMul,
    pub output: QMatMul,
    pub feed_forward_norm: Tensor,
    pub gate: QMatMul,
    pub up: QMatMul,
    pub down: QMatMul,
}

/// Checks that the header says what `shape` says, and that the tensors are those of a Llama of this
/// shape, all of them and no other: what is not known here would be left out of the computation.
pub fn check(gguf: &Gguf, shape: &ModelShape) -> std::result::Result<Hyperparameters, String> {
    check_header(gguf, shape).map_err(|e| e.to_string())?;
    check_tensors(gguf, shape).map_err(|e| e.to_string())?;
    let number = |key| gguf.float(key).map(|n| n as f32).map_err(|e| e.to_string());
    let rope_base = number("llama.rope.freq_base")?;
    let epsilon = number("llama.attention.layer_norm_rms_epsilon")?;
    if !(rope_base.is_finite() && rope_base >= 1.0) {
        return Err(format!(
            "llama.rope.freq_base: is {rope_base}, expected 1 or more"
        ));
    }
    if !(0.0..1.0).contains(&epsilon) {
        let key = "llama.attention.layer_norm_rms_epsilon";
        return Err(format!("{key}: is {epsilon}, expected 0 to 1"));
    }
    Ok(Hyperparameters { rope_base, epsilon })
}

fn check_header(gguf: &Gguf, shape: &ModelShape) -> std::result::Result<(), Malformed> {
    let architecture = gguf.text("general.architecture")?;
    if architecture != "llama" {
        let problem = format!("is {architecture:?}, expected \"llama\"");
        return Err(Malformed::new("general.architecture", problem));
    }
    if !shape.head_dim.is_multiple_of(2) {
        let problem = format!("is {}, expected an even number", shape.head_dim);
        return Err(Malformed::new("llama.rope.dimension_count", problem));
    }
    let expected: [(&str, u64); 7] = [
        ("llama.block_count", shape.layers.into()),
        ("llama.embedding_length", shape.hidden.into()),
        ("llama.feed_forward_length", shape.intermediate.into()),
        ("llama.attention.head_count", shape.heads.into()),
        ("llama.attention.head_count_kv", shape.kv_heads.into()),
        ("llama.rope.dimension_count", shape.head_dim.into()),
        ("llama.context_length", shape.context.into()),
    ];
    for (key, expected) in expected {
        let found = gguf.unsigned(key)?;
        if found != expected {
            let problem = format!("is {found}, the manifest says {expected}");
            return Err(Malformed::new(key, problem));
        }
    }
    Ok(())
}

fn check_tensors(gguf: &Gguf, shape: &ModelShape) -> std::result::Result<(), Malformed> {
    let mut expected = expected_tensors(shape);
    if gguf.tensor(HEAD).is_none() {
        expected.remove(HEAD);
    }
    for (name, dims) in &expected {
        let Some((info, _)) = gguf.tensor(name) else {
            return Err(Malformed::new(name, "this tensor is missing"));
        };
        if info.dims != *dims {
            let problem = format!("has the dimensions {:?}, expected {dims:?}", info.dims);
            return Err(Malformed::new(name, problem));
        }
    }
    match gguf
        .tensor_names()
        .find(|name| !expected.contains_key(*name))
    {
        Some(name) => Err(Malformed::new(
            name,
            "a Llama with this tensor is not supported",
        )),
        None => Ok(()),
    }
}

fn expected_tensors(shape: &ModelShape) -> HashMap<String, Vec<usize>> {
    let (hidden, vocab) = (shape.hidden as usize, shape.vocab as usize);
    let inner = shape.intermediate as usize;
    let query = usize::from(shape.heads) * usize::from(shape.head_dim);
    let kv = usize::from(shape.kv_heads) * usize::from(shape.head_dim);
    let mut tensors = HashMap::from([
        (EMBEDDINGS.to_owned(), vec![vocab, hidden]),
        (NORM.to_owned(), vec![hidden]),
        (HEAD.to_owned(), vec![vocab, hidden]),
    ]);
    for layer in 0..shape.layers {
        tensors.extend([
            (name(layer, "attn_norm"), vec![hidden]),
            (name(layer, "attn_q"), vec![query, hidden]),
            (name(layer, "attn_k"), vec![kv, hidden]),
            (name(layer, "attn_v"), vec![kv, hidden]),
            (name(layer, "attn_output"), vec![hidden, query]),
            (name(layer, "ffn_norm"), vec![hidden]),
            (name(layer, "ffn_gate"), vec![inner, hidden]),
            (name(layer, "ffn_up"), vec![inner, hidden]),
            (name(layer, "ffn_down"), vec![hidden, inner]),
        ]);
    }
    tensors
}

fn name(layer: u16, part: &str) -> String {
    format!("blk.{layer}.{part}.weight")
}

impl Weights {
    /// Copies the weights of a file that [`check`] accepts to the device.
    pub fn load(gguf: &Gguf, shape: &ModelShape, epsilon: f32, device: &Device) -> Result<Self> {
        let loader = Loader { gguf, device };
        let embeddings = Arc::new(loader.tensor(EMBEDDINGS)?);
        let head = match gguf.tensor(HEAD) {
            Some(_) => loader.matrix(HEAD)?,
            None => QMatMul::from_arc(embeddings.clone())?,
        };
        let layers = (0..shape.layers)
            .map(|layer| loader.layer(layer))
            .collect::<Result<_>>()?;
        Ok(Self {
            embeddings,
            layers,
            norm: loader.vector(NORM)?,
            head,
            epsilon,
        })
    }
}

struct Loader<'a> {
    gguf: &'a Gguf<'a>,
    device: &'a Device,
}

impl Loader<'_> {
    fn tensor(&self, name: &str) -> Result<QTensor> {
        let Some((info, bytes)) = self.gguf.tensor(name) else {
            candle_core::bail!("{name}: this tensor is missing");
        };
        qtensor_from_ggml(info.dtype, bytes, info.dims.clone(), self.device)
    }

    fn matrix(&self, name: &str) -> Result<QMatMul> {
        QMatMul::from_qtensor(self.tensor(name)?)
    }

    fn vector(&self, name: &str) -> Result<Tensor> {
        self.tensor(name)?.dequantize(self.device)
    }

    fn layer(&self, layer: u16) -> Result<Layer> {
        let matrix = |part| self.matrix(&name(layer, part));
        let vector = |part| self.vector(&name(layer, part));
        Ok(Layer {
            attention_norm: vector("attn_norm")?,
            query: matrix("attn_q")?,
            key: matrix("attn_k")?,
            value: matrix("attn_v")?,
            output: matrix("attn_output")?,
            feed_forward_norm: vector("ffn_norm")?,
            gate: matrix("ffn_gate")?,
            up: matrix("ffn_up")?,
            down: matrix("ffn_down")?,
        })
    }
}
