//! Causal attention with grouped heads, rotary positions and a cache of keys and values.

use super::weights::Layer;
use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::{ops::softmax_last_dim, rotary_emb::rope_i};
use kagari_primitives::{model::ModelShape, MAX_INPUT, MAX_OUTPUT};

/// Cosines and sines by which queries and keys are rotated, for every position that a job can reach.
pub struct Rotation {
    cos: Tensor,
    sin: Tensor,
}

impl Rotation {
    /// The angles of pair `i` at position `p` are `p / base^(2i/head_dim)`.
    pub fn new(shape: &ModelShape, base: f32, device: &Device) -> Result<Self> {
        let positions = shape.context.min(MAX_INPUT + MAX_OUTPUT) as usize;
        let pairs = usize::from(shape.head_dim) / 2;
        let width = f32::from(shape.head_dim);
        let frequency = |pair: usize| 1.0 / base.powf(2.0 * pair as f32 / width);
        let frequencies: Vec<f32> = (0..pairs).map(frequency).collect();
        let angles: Vec<f32> = (0..positions)
            .flat_map(|p| frequencies.iter().map(move |f| p as f32 * f))
            .collect();
        let table = |f: fn(f32) -> f32| {
            let values = angles.iter().map(|a| f(*a)).collect::<Vec<_>>();
            Tensor::from_vec(values, (positions, pairs), device)
        };
        Ok(Self {
            cos: table(f32::cos)?,
            sin: table(f32::sin)?,
        })
    }

    /// The rows for `count` positions from `start` on.
    pub fn at(&self, start: usize, count: usize) -> Result<Self> {
        let rows = |table: &Tensor| table.narrow(0, start, count);
        Ok(Self {
            cos: rows(&self.cos)?,
            sin: rows(&self.sin)?,
        })
    }

    /// Rotates neighbouring pairs of `x` (position, head, dimension), and puts the heads first.
    fn rotate(&self, x: &Tensor) -> Result<Tensor> {
        let by_head = x.transpose(0, 1)?.contiguous()?.unsqueeze(0)?;
        rope_i(&by_head, &self.cos, &self.sin)?.squeeze(0)
    }
}

/// Keys and values of one block (head, position, dimension), with room for all positions.
pub struct Cache {
    keys: Tensor,
    values: Tensor,
    len: usize,
}

impl Cache {
    /// An empty cache with room for `positions`.
    pub fn new(shape: &ModelShape, positions: usize, device: &Device) -> Result<Self> {
        let dims = (
            usize::from(shape.kv_heads),
            positions,
            usize::from(shape.head_dim),
        );
        let room = || Tensor::zeros(dims, DType::F32, device);
        Ok(Self {
            keys: room()?,
            values: room()?,
            len: 0,
        })
    }

    /// Adds positions; gives the keys and values of all so far.
    fn extend(&mut self, keys: &Tensor, values: &Tensor) -> Result<(Tensor, Tensor)> {
        self.keys.slice_set(keys, 1, self.len)?;
        self.values.slice_set(values, 1, self.len)?;
        self.len += keys.dim(1)?;
        Ok((
            self.keys.narrow(1, 0, self.len)?,
            self.values.narrow(1, 0, self.len)?,
        ))
    }
}

/// What is added to the scores of `count` positions after `start` others: nothing where a position
/// may look, −∞ after it. `None` for a single position, which may look everywhere.
pub fn causal_mask(start: usize, count: usize, device: &Device) -> Result<Option<Tensor>> {
    if count == 1 {
        return Ok(None);
    }
    let keys = start + count;
    let score = |query: usize, key: usize| {
        if key > start + query {
            f32::NEG_INFINITY
        } else {
            0.0
        }
    };
    let mask: Vec<f32> = (0..count)
        .flat_map(|query| (0..keys).map(move |key| score(query, key)))
        .collect();
    Tensor::from_vec(mask, (count, keys), device).map(Some)
}

/// Attention of the positions `x` to themselves and all before them.
pub fn attend(
    layer: &Layer,
    cache: &mut Cache,
    x: &Tensor,
    angles: &Rotation,
    mask: Option<&Tensor>,
    shape: &ModelShape,
) -> Result<Tensor> {
    let positions = x.dim(0)?;
    let (heads, kv_heads) = (usize::from(shape.heads), usize::from(shape.kv_heads));
    let width = usize::from(shape.head_dim);
    let query = layer.query.forward(x)?.reshape((positions, heads, width))?;
    let key = layer
        .key
        .forward(x)?
        .reshape((positions, kv_heads, width))?;
    let value = layer
        .value
        .forward(x)?
        .reshape((positions, kv_heads, width))?;
    let value = value.transpose(0, 1)?.contiguous()?;
    let (keys, values) = cache.extend(&angles.rotate(&key)?, &value)?;

    // Heads that share keys follow one another, so that one product serves all of them.
    let group = positions * heads / kv_heads;
    let query = (angles.rotate(&query)? / f64::from(shape.head_dim).sqrt())?;
    let scores = query
        .reshape((kv_heads, group, width))?
        .matmul(&keys.t()?)?;
    let scores = scores.reshape((heads, positions, keys.dim(1)?))?;
    let scores = match mask {
        Some(mask) => scores.broadcast_add(mask)?,
        None => scores,
    };
    let shares = softmax_last_dim(&scores)?.reshape((kv_heads, group, keys.dim(1)?))?;
    let mixed = shares.matmul(&values)?.reshape((heads, positions, width))?;
    let mixed = mixed.transpose(0, 1)?.reshape((positions, heads * width))?;
    layer.output.forward(&mixed)
}
