//! The weights of a BERT, as sentence-transformers names them in a safetensors file.

use candle_core::{safetensors::SliceSafetensors, DType};
use kagari_kernels::{fast::Matrix, reference::Format};
use kagari_primitives::{model::ModelShape, Word};

/// Kinds of segment; an input is one segment of the first kind.
const SEGMENT_KINDS: usize = 2;
/// Beginnings of names that may stand in a file and are of no use here: what mean pooling has no need
/// of, and a table of numbers in order.
const UNUSED: [&str; 2] = ["pooler.", "embeddings.position_ids"];

/// All weights.
pub struct Weights {
    pub embeddings: Embeddings,
    /// After the embeddings.
    pub norm: Norm,
    pub layers: Vec<Layer>,
}

/// The weights of one layer.
pub struct Layer {
    pub query: Dense,
    pub key: Dense,
    pub value: Dense,
    pub output: Dense,
    pub output_norm: Norm,
    pub up: Dense,
    pub down: Dense,
    pub down_norm: Norm,
}

/// A matrix, and what is added to its product.
pub struct Dense {
    pub matrix: Matrix,
    pub bias: Vec<f32>,
}

impl Dense {
    /// Number of inputs.
    pub fn columns(&self) -> usize {
        self.matrix.columns()
    }
}

/// A layer norm.
pub struct Norm {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// What a position starts from.
pub struct Embeddings {
    /// A row for each token id.
    words: Vec<f32>,
    /// A row for each position.
    positions: Vec<f32>,
    /// The first kind's.
    segment: Vec<f32>,
}

impl Embeddings {
    /// The first states of inputs, one after the other. The words are the model's.
    pub fn states(&self, inputs: &[&[Word]]) -> Vec<f32> {
        let width = self.segment.len();
        let places = inputs.iter().flat_map(|input| input.iter().enumerate());
        let mut states = Vec::new();
        for (position, word) in places {
            let word = &self.words[*word as usize * width..][..width];
            let position = &self.positions[position * width..][..width];
            let parts = word.iter().zip(&self.segment).zip(position);
            states.extend(parts.map(|((word, segment), position)| word + segment + position));
        }
        states
    }

    /// Makes a NaN of a word's first number.
    #[cfg(test)]
    pub fn spoil(&mut self, word: Word) {
        self.words[word as usize * self.segment.len()] = f32::NAN;
    }
}

impl Weights {
    /// Takes all weights out of a file whose header was checked, and refuses what it does not know.
    pub fn load(file: &[u8], shape: &ModelShape) -> Result<Self, String> {
        let tensors = SliceSafetensors::new(file).map_err(|e| format!("header: {e}"))?;
        let unknown = tensors
            .tensors()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let mut loader = Loader { tensors, unknown };
        let weights = loader.weights(shape)?;
        let is_unused = |name: &String| UNUSED.iter().any(|unused| name.starts_with(unused));
        match loader.unknown.iter().find(|name| !is_unused(name)) {
            Some(name) => Err(format!("{name}: a BERT with this tensor is not supported")),
            None => Ok(weights),
        }
    }
}

struct Loader<'a> {
    tensors: SliceSafetensors<'a>,
    /// Names that nobody has asked for.
    unknown: std::collections::BTreeSet<String>,
}

impl Loader<'_> {
    fn weights(&mut self, shape: &ModelShape) -> Result<Weights, String> {
        let (hidden, inner) = (shape.hidden as usize, shape.intermediate as usize);
        let table = |name: &str| format!("embeddings.{name}_embeddings.weight");
        let mut segment = self.floats(&table("token_type"), &[SEGMENT_KINDS, hidden])?;
        segment.truncate(hidden);
        let words = [shape.vocab as usize, hidden];
        let positions = [shape.context as usize, hidden];
        Ok(Weights {
            embeddings: Embeddings {
                words: self.floats(&table("word"), &words)?,
                positions: self.floats(&table("position"), &positions)?,
                segment,
            },
            norm: self.norm("embeddings", hidden)?,
            layers: (0..shape.layers)
                .map(|layer| self.layer(layer, hidden, inner))
                .collect::<Result<_, _>>()?,
        })
    }

    fn layer(&mut self, layer: u16, hidden: usize, inner: usize) -> Result<Layer, String> {
        let part = |part: &str| format!("encoder.layer.{layer}.{part}");
        Ok(Layer {
            query: self.dense(&part("attention.self.query"), hidden, hidden)?,
            key: self.dense(&part("attention.self.key"), hidden, hidden)?,
            value: self.dense(&part("attention.self.value"), hidden, hidden)?,
            output: self.dense(&part("attention.output.dense"), hidden, hidden)?,
            output_norm: self.norm(&part("attention.output"), hidden)?,
            up: self.dense(&part("intermediate.dense"), inner, hidden)?,
            down: self.dense(&part("output.dense"), hidden, inner)?,
            down_norm: self.norm(&part("output"), hidden)?,
        })
    }

    fn dense(&mut self, name: &str, rows: usize, columns: usize) -> Result<Dense, String> {
        Ok(Dense {
            matrix: self.matrix(&format!("{name}.weight"), rows, columns)?,
            bias: self.floats(&format!("{name}.bias"), &[rows])?,
        })
    }

    fn norm(&mut self, name: &str, width: usize) -> Result<Norm, String> {
        Ok(Norm {
            weight: self.floats(&format!("{name}.LayerNorm.weight"), &[width])?,
            bias: self.floats(&format!("{name}.LayerNorm.bias"), &[width])?,
        })
    }

    fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Matrix, String> {
        let bytes = self.bytes(name, &[rows, columns])?;
        Matrix::pack(Format::F32, rows, columns, bytes)
            .ok_or_else(|| format!("{name}: its bytes are not {rows} rows of {columns}"))
    }

    fn floats(&mut self, name: &str, dims: &[usize]) -> Result<Vec<f32>, String> {
        let (floats, _) = self.bytes(name, dims)?.as_chunks();
        Ok(floats
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect())
    }

    /// The bytes of a tensor, which must have these dimensions.
    fn bytes(&mut self, name: &str, dims: &[usize]) -> Result<&[u8], String> {
        let missing = |_| format!("{name}: this tensor is missing");
        let tensor = self.tensors.get(name).map_err(missing)?;
        if tensor.shape() != dims {
            let found = tensor.shape();
            return Err(format!(
                "{name}: has the dimensions {found:?}, expected {dims:?}"
            ));
        }
        if DType::try_from(tensor.dtype()).ok() != Some(DType::F32) {
            let dtype = tensor.dtype();
            return Err(format!("{name}: its elements are {dtype:?}, expected F32"));
        }
        self.unknown.remove(name);
        Ok(tensor.data())
    }
}
