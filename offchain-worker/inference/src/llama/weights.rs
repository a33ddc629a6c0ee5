//! The weights of a Llama, and the check that a GGUF file holds just these.

use crate::gguf::{Gguf, Malformed};
use candle_core::quantized::GgmlDType;
use kagari_kernels::{
    fast::Matrix,
    float::Hard,
    reference::{dequantise_row, Format},
};
use kagari_primitives::{model::ModelShape, Word};
use std::collections::HashMap;

const EMBEDDINGS: &str = "token_embd.weight";
const NORM: &str = "output_norm.weight";
/// Stands only where the head is not the embeddings.
const HEAD: &str = "output.weight";

/// Beginnings of the header's keys that change how a Llama computes.
const SWITCHES: [&str; 4] = [
    "llama.rope.scaling",
    "llama.expert",
    "llama.attention.sliding_window",
    "llama.attention.scale",
];

/// What the shape does not say.
pub struct Hyperparameters {
    /// Base of the rotary frequencies.
    pub rope_base: f32,
    /// Added under the root of a norm.
    pub epsilon: f32,
}

/// All weights.
pub struct Weights {
    /// A row for each token id; the head's, if there are none.
    pub embeddings: Option<Matrix>,
    /// The layers.
    pub layers: Vec<Layer>,
    /// The last norm.
    pub norm: Vec<f32>,
    /// From the last norm to logits.
    pub head: Matrix,
    /// Added under the root of every norm.
    pub epsilon: f32,
}

/// The weights of one layer.
pub struct Layer {
    pub attention_norm: Vec<f32>,
    pub query: Matrix,
    pub key: Matrix,
    pub value: Matrix,
    pub output: Matrix,
    pub feed_forward_norm: Vec<f32>,
    pub gate: Matrix,
    pub up: Matrix,
    pub down: Matrix,
}

/// Checks that the header says what `shape` says, and that the tensors are those of a Llama of this
/// shape, all of them and no other: what is not known here would be left out of the computation.
pub fn check(gguf: &Gguf, shape: &ModelShape) -> Result<Hyperparameters, String> {
    check_header(gguf, shape).map_err(|e| e.to_string())?;
    check_switches(gguf, shape).map_err(|e| e.to_string())?;
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

fn check_header(gguf: &Gguf, shape: &ModelShape) -> Result<(), Malformed> {
    let architecture = gguf.text("general.architecture")?;
    if architecture != "llama" {
        let problem = format!("is {architecture:?}, expected \"llama\"");
        return Err(Malformed::new("general.architecture", problem));
    }
    if !shape.head_dim.is_multiple_of(16) {
        let problem = format!("is {}, expected a multiple of 16", shape.head_dim);
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

/// Refuses what the header says besides, if it changes the computation.
fn check_switches(gguf: &Gguf, shape: &ModelShape) -> Result<(), Malformed> {
    let width = u64::from(shape.head_dim);
    for key in ["llama.attention.key_length", "llama.attention.value_length"] {
        if gguf.value(key).is_ok() && gguf.unsigned(key)? != width {
            let problem = format!("is not the manifest's width of a head, {width}");
            return Err(Malformed::new(key, problem));
        }
    }
    let is_switch = |key: &&str| SWITCHES.iter().any(|switch| key.starts_with(switch));
    match gguf.keys().find(is_switch) {
        Some(key) => Err(Malformed::new(key, "a Llama with this is not supported")),
        None => Ok(()),
    }
}

fn check_tensors(gguf: &Gguf, shape: &ModelShape) -> Result<(), Malformed> {
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
    /// The embeddings of words, one after the other. The words are the model's.
    pub fn embed<'a>(&self, words: impl Iterator<Item = &'a Word>) -> Vec<f32> {
        let table = self.embeddings.as_ref().unwrap_or(&self.head);
        words.flat_map(|word| table.row(*word as usize)).collect()
    }

    /// Bytes that the weights of a file that [`check`] accepts take once they are laid out.
    pub fn bytes_of(gguf: &Gguf, shape: &ModelShape) -> Result<u64, String> {
        let loader = Loader { gguf };
        let mut all = 0u64;
        let names = expected_tensors(shape).into_keys();
        for name in names.filter(|name| gguf.tensor(name).is_some()) {
            let stored = loader.stored(&name)?;
            let packed = Matrix::packed_bytes(stored.format, stored.rows, stored.columns);
            let packed = packed.ok_or_else(|| format!("{name}: is too large"))?;
            all = all.saturating_add(packed as u64);
        }
        Ok(all)
    }

    /// Lays out the weights of a file that [`check`] accepts.
    pub fn load(gguf: &Gguf, shape: &ModelShape, epsilon: f32) -> Result<Self, String> {
        let loader = Loader { gguf };
        let embeddings = loader.matrix(EMBEDDINGS)?;
        let (head, embeddings) = match gguf.tensor(HEAD) {
            Some(_) => (loader.matrix(HEAD)?, Some(embeddings)),
            None => (embeddings, None),
        };
        Ok(Self {
            embeddings,
            layers: (0..shape.layers)
                .map(|layer| loader.layer(layer))
                .collect::<Result<_, _>>()?,
            norm: loader.vector(NORM)?,
            head,
            epsilon,
        })
    }
}

/// A matrix as it stands in the file.
pub struct Stored<'a> {
    pub format: Format,
    pub rows: usize,
    pub columns: usize,
    pub bytes: &'a [u8],
}

/// Takes weights out of a file.
pub struct Loader<'a> {
    pub gguf: &'a Gguf<'a>,
}

impl Loader<'_> {
    /// The matrix of this name, or the vector, as one row.
    pub fn stored(&self, name: &str) -> Result<Stored<'_>, String> {
        let tensor = self.gguf.tensor(name);
        let (info, bytes) = tensor.ok_or_else(|| format!("{name}: this tensor is missing"))?;
        let format = format_of(info.dtype).ok_or_else(|| {
            let dtype = info.dtype;
            format!("{name}: its elements are {dtype:?}, for which there are no exact kernels")
        })?;
        let (rows, columns) = match info.dims[..] {
            [columns] => (1, columns),
            [rows, columns] => (rows, columns),
            _ => return Err(format!("{name}: is no matrix")),
        };
        if format.row_bytes(columns).is_none() {
            return Err(format!("{name}: has no whole blocks in a row"));
        }
        Ok(Stored {
            format,
            rows,
            columns,
            bytes,
        })
    }

    fn matrix(&self, name: &str) -> Result<Matrix, String> {
        let Stored {
            format,
            rows,
            columns,
            bytes,
        } = self.stored(name)?;
        Matrix::pack(format, rows, columns, bytes)
            .ok_or_else(|| format!("{name}: its bytes are not {rows} rows of {columns}"))
    }

    fn vector(&self, name: &str) -> Result<Vec<f32>, String> {
        let stored = self.stored(name)?;
        let floats = dequantise_row::<Hard>(stored.format, stored.bytes);
        Ok(floats.into_iter().map(|x| x.0).collect())
    }

    /// All weights of a layer.
    pub fn layer(&self, layer: u16) -> Result<Layer, String> {
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

/// The format that the kernels know a type of elements by.
fn format_of(dtype: GgmlDType) -> Option<Format> {
    Some(match dtype {
        GgmlDType::F32 => Format::F32,
        GgmlDType::F16 => Format::F16,
        GgmlDType::Q4_0 => Format::Q4_0,
        GgmlDType::Q4_1 => Format::Q4_1,
        GgmlDType::Q5_0 => Format::Q5_0,
        GgmlDType::Q5_1 => Format::Q5_1,
        GgmlDType::Q8_0 => Format::Q8_0,
        GgmlDType::Q4K => Format::Q4K,
        GgmlDType::Q6K => Format::Q6K,
        _ => return None,
    })
}
