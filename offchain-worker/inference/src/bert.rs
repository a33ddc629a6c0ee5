//! A BERT encoder with mean pooling, on the exact kernels: one vector of length 1 for a whole input.
//!
//! What comes out depends on the model and the words alone: not on the other inputs of a batch, on
//! threads or on the machine.

mod weights;

#[cfg(test)]
mod tests;

use crate::processor::{Input, Processor};
use kagari_kernels::{
    fast::{add, add_to_rows, attend, gelu, layer_norm, scale, Attended, Cache, Reach},
    float::Hard,
    reference::{mean_direction, score_scale},
    NonFinite,
};
use kagari_primitives::{model::ModelShape, Word};
use weights::{Dense, Layer, Norm, Weights};

/// Positions that pass through the layers at once, if no input has more: so many that weights are read
/// seldom, and so few that their activations stay near the processor.
const TOGETHER: usize = 256;
/// Added to the variance in a layer norm.
const EPSILON: f32 = 1e-12;

/// An encoder, ready to be used.
pub struct Bert {
    weights: Weights,
    shape: ModelShape,
    processor: Processor,
}

impl Bert {
    /// Takes the weights out of a safetensors file whose header was checked. They must be those of
    /// `shape`.
    pub fn load(file: &[u8], shape: ModelShape) -> Result<Self, String> {
        let width = u32::from(shape.heads) * u32::from(shape.head_dim);
        if width != shape.hidden || shape.kv_heads != shape.heads {
            return Err(format!(
                "the manifest's {} heads of {} (for keys {}) are not those of a BERT of width {}",
                shape.heads, shape.head_dim, shape.kv_heads, shape.hidden
            ));
        }
        if !shape.head_dim.is_multiple_of(16) {
            return Err(format!(
                "the manifest's heads are {} wide, expected a multiple of 16",
                shape.head_dim
            ));
        }
        let processor = Processor::new()?;
        Ok(Self {
            weights: processor.threads.run(|| Weights::load(file, &shape))?,
            shape,
            processor,
        })
    }

    /// The vector of each input: ids of the model, one at least, and no more than its context. What is
    /// not finite in one input is no other's concern.
    pub fn embed(&self, inputs: &[&[Word]]) -> Vec<Result<Vec<f32>, NonFinite>> {
        let mut vectors = Vec::with_capacity(inputs.len());
        let mut rest = inputs;
        while !rest.is_empty() {
            let (some, others) = rest.split_at(fitting(rest));
            vectors.extend(self.embed_together(some));
            rest = others;
        }
        vectors
    }

    fn embed_together(&self, inputs: &[&[Word]]) -> Vec<Result<Vec<f32>, NonFinite>> {
        let pass = |inputs: &[&[Word]]| self.processor.threads.run(|| self.pass(inputs));
        let alone = |input: &[&[Word]]| pass(input).map(|vectors| vectors.concat());
        match pass(inputs) {
            Ok(vectors) => vectors.into_iter().map(Ok).collect(),
            Err(NonFinite) if inputs.len() == 1 => vec![Err(NonFinite)],
            Err(NonFinite) => inputs.chunks(1).map(alone).collect(),
        }
    }

    fn width(&self) -> usize {
        self.shape.hidden as usize
    }

    /// Passes whole inputs through all layers.
    fn pass(&self, inputs: &[&[Word]]) -> Result<Vec<Vec<f32>>, NonFinite> {
        let mut x = self.weights.embeddings.states(inputs);
        self.normalise(&self.weights.norm, &mut x)?;
        for layer in &self.weights.layers {
            x = self.pass_layer(layer, inputs, x)?;
        }
        let mut rest = &x[..];
        let mut pool = |input: &&[Word]| {
            let (states, others) = rest.split_at(input.len() * self.width());
            rest = others;
            let states: Vec<Hard> = states.iter().copied().map(Hard).collect();
            let vector = mean_direction(&states, self.width())?;
            Ok(vector.into_iter().map(|x| x.0).collect())
        };
        inputs.iter().map(&mut pool).collect()
    }

    fn pass_layer(
        &self,
        layer: &Layer,
        inputs: &[&[Word]],
        x: Vec<f32>,
    ) -> Result<Vec<f32>, NonFinite> {
        let mut x = Input::new(x, self.width());
        let mixed = self.mix(layer, inputs, &mut x)?;
        let mut attended = self.project(&layer.output, &mut Input::new(mixed, self.width()))?;
        add(&mut attended, &x.into_rows());
        self.normalise(&layer.output_norm, &mut attended)?;

        let mut x = Input::new(attended, self.width());
        let mut inner = self.project(&layer.up, &mut x)?;
        gelu(self.processor.set, &self.processor.threads, &mut inner);
        let mut out = self.project(&layer.down, &mut Input::new(inner, layer.down.columns()))?;
        add(&mut out, &x.into_rows());
        self.normalise(&layer.down_norm, &mut out)?;
        Ok(out)
    }

    /// What each position takes from all positions of its input.
    fn mix(&self, layer: &Layer, inputs: &[&[Word]], x: &mut Input) -> Result<Vec<f32>, NonFinite> {
        let (heads, width) = (self.shape.heads.into(), self.shape.head_dim.into());
        let mut query = self.project(&layer.query, x)?;
        let key = self.project(&layer.key, x)?;
        let value = self.project(&layer.value, x)?;
        scale(&mut query, score_scale::<Hard>(width).0);
        let mut at = 0;
        let mut cached = |input: &&[Word]| {
            let rows = at..at + input.len() * self.width();
            at = rows.end;
            let mut cache = Cache::new(heads, width, input.len());
            cache.extend(&key[rows.clone()], &value[rows]);
            cache
        };
        let caches: Vec<Cache> = inputs.iter().map(&mut cached).collect();
        let texts = caches.iter().zip(inputs).map(|(cache, input)| Attended {
            cache,
            positions: input.len(),
        });
        let texts: Vec<Attended> = texts.collect();
        let mut mixed = vec![0.0; query.len()];
        let Processor { set, threads } = &self.processor;
        attend(*set, threads, heads, Reach::All, &texts, &query, &mut mixed)?;
        Ok(mixed)
    }

    fn project(&self, dense: &Dense, x: &mut Input) -> Result<Vec<f32>, NonFinite> {
        let mut out = self.processor.project(&dense.matrix, x)?;
        add_to_rows(&mut out, &dense.bias);
        Ok(out)
    }

    fn normalise(&self, norm: &Norm, x: &mut [f32]) -> Result<(), NonFinite> {
        let Processor { set, threads } = &self.processor;
        layer_norm(*set, threads, x, (&norm.weight, &norm.bias), EPSILON)
    }
}

/// How many of the inputs pass together: one at least, and no more than have [`TOGETHER`] positions.
fn fitting(inputs: &[&[Word]]) -> usize {
    let mut positions = 0;
    let fits = |input: &&&[Word]| {
        positions += input.len();
        positions <= TOGETHER
    };
    inputs.iter().take_while(fits).count().max(1)
}
