//! The weights of a decoder.

use super::header::{name, tensors, Hyperparameters, EMBEDDINGS, HEAD, NORM};
use crate::gguf::Gguf;
use candle_core::quantized::GgmlDType;
use kagari_kernels::{
    fast::{Matrix, Memory},
    float::Hard,
    reference::{dequantise_row, Format},
};
use kagari_primitives::{model::ModelShape, Word};

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
    pub query: Projection,
    pub key: Projection,
    pub value: Projection,
    pub output: Matrix,
    pub feed_forward_norm: Vec<f32>,
    pub gate: Matrix,
    pub up: Matrix,
    pub down: Matrix,
}

/// A product for query, key or value, and what comes after it.
pub struct Projection {
    pub matrix: Matrix,
    /// Added to the product, if there is one.
    pub bias: Option<Vec<f32>>,
    /// Each head's norm, if there is one.
    pub norm: Option<Vec<f32>>,
}

impl Weights {
    /// The embeddings of words, one after the other. The words are the model's.
    pub fn embed<'a>(&self, words: impl Iterator<Item = &'a Word>) -> Vec<f32> {
        let table = self.embeddings.as_ref().unwrap_or(&self.head);
        words.flat_map(|word| table.row(*word as usize)).collect()
    }

    /// Bytes that the weights of a file that [`check`](super::header::check) accepts take once they are laid out.
    pub fn bytes_of(
        gguf: &Gguf,
        given: &Hyperparameters,
        shape: &ModelShape,
    ) -> Result<u64, String> {
        let mut all = 0u64;
        let names = tensors(given.family, shape).into_keys();
        for name in names.filter(|name| gguf.tensor(name).is_some()) {
            let stored = Stored::find(gguf, &name)?;
            let packed = Matrix::packed_bytes(stored.format, stored.rows, stored.columns);
            let packed = packed.ok_or_else(|| format!("{name}: is too large"))?;
            all = all.saturating_add(packed as u64);
        }
        Ok(all)
    }
}

/// A matrix as it stands in the file.
pub struct Stored<'a> {
    pub format: Format,
    pub rows: usize,
    pub columns: usize,
    pub bytes: &'a [u8],
}

impl<'a> Stored<'a> {
    /// The matrix of this name, or the vector, as one row.
    pub fn find(gguf: &Gguf<'a>, name: &str) -> Result<Self, String> {
        let tensor = gguf.tensor(name);
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
}

/// Takes weights out of a file.
pub struct Loader<'a> {
    /// The file.
    pub gguf: Gguf<'a>,
    memory: Memory,
}

impl<'a> Loader<'a> {
    /// Takes them into so many bytes of memory.
    pub fn new(gguf: Gguf<'a>, bytes: u64) -> Result<Self, String> {
        let bytes = usize::try_from(bytes).map_err(|_| "is larger than memory can be")?;
        let memory = Memory::new(bytes).map_err(|e| format!("no memory for its weights: {e}"))?;
        Ok(Self { gguf, memory })
    }

    /// All weights of a file that [`check`](super::header::check) accepts.
    pub fn all(&mut self, given: &Hyperparameters, shape: &ModelShape) -> Result<Weights, String> {
        let embeddings = self.matrix(EMBEDDINGS)?;
        let (head, embeddings) = match self.gguf.tensor(HEAD) {
            Some(_) => (self.matrix(HEAD)?, Some(embeddings)),
            None => (embeddings, None),
        };
        Ok(Weights {
            embeddings,
            layers: (0..shape.layers)
                .map(|layer| self.layer(layer))
                .collect::<Result<_, _>>()?,
            norm: self.vector(NORM)?,
            head,
            epsilon: given.epsilon,
        })
    }

    fn matrix(&mut self, name: &str) -> Result<Matrix, String> {
        let Stored {
            format,
            rows,
            columns,
            bytes,
        } = Stored::find(&self.gguf, name)?;
        Matrix::pack_in(&mut self.memory, format, rows, columns, bytes)
            .ok_or_else(|| format!("{name}: its bytes are not {rows} rows of {columns}"))
    }

    fn vector(&self, name: &str) -> Result<Vec<f32>, String> {
        let stored = Stored::find(&self.gguf, name)?;
        let floats = dequantise_row::<Hard>(stored.format, stored.bytes);
        Ok(floats.into_iter().map(|x| x.0).collect())
    }

    fn projection(&mut self, layer: u16, part: &str) -> Result<Projection, String> {
        let norm = format!("{part}_norm");
        Ok(Projection {
            matrix: self.matrix(&name(layer, part, "weight"))?,
            bias: self.vector_if_there(&name(layer, part, "bias"))?,
            norm: self.vector_if_there(&name(layer, &norm, "weight"))?,
        })
    }

    /// Which are there, [`check`](super::header::check) has looked at.
    fn vector_if_there(&self, name: &str) -> Result<Option<Vec<f32>>, String> {
        let tensor = self.gguf.tensor(name);
        tensor.map(|_| self.vector(name)).transpose()
    }

    /// All weights of a layer.
    pub fn layer(&mut self, layer: u16) -> Result<Layer, String> {
        let weight = |part| name(layer, part, "weight");
        Ok(Layer {
            attention_norm: self.vector(&weight("attn_norm"))?,
            query: self.projection(layer, "attn_q")?,
            key: self.projection(layer, "attn_k")?,
            value: self.projection(layer, "attn_v")?,
            output: self.matrix(&weight("attn_output"))?,
            feed_forward_norm: self.vector(&weight("ffn_norm"))?,
            gate: self.matrix(&weight("ffn_gate"))?,
            up: self.matrix(&weight("ffn_up"))?,
            down: self.matrix(&weight("ffn_down"))?,
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
