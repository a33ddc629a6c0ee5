//! A decoder of the Llama family with quantised weights.
//!
//! The weights are candle's, and so are the products, norms and activations. The pass through the
//! blocks is written out here, and not taken from candle-transformers, since its `quantized_llama`
//! ends at 4,096 positions and copies the whole cache at every token, and since this is where exact
//! kernels will go in.

mod attention;
mod weights;

#[cfg(test)]
mod tests;

use crate::gguf::Gguf;
use attention::{Cache, Rotation};
use candle_core::{Device, Module, Result, Tensor};
use candle_nn::ops::rms_norm;
use kagari_primitives::{model::ModelShape, Word};
use weights::{Layer, Weights};

/// Positions that pass through the blocks at once: the scores of a whole prompt, for all heads,
/// would take gigabytes.
pub const CHUNK: usize = 64;

/// A decoder, ready to be used by several sessions at once.
pub struct Llama {
    weights: Weights,
    rotation: Rotation,
    shape: ModelShape,
    device: Device,
}

impl Llama {
    /// Takes the weights out of a GGUF file. They must be those of `shape` to the last tensor.
    pub fn load(
        gguf: &Gguf,
        shape: ModelShape,
        device: &Device,
    ) -> std::result::Result<Self, String> {
        let hyperparameters = weights::check(gguf, &shape)?;
        let weights = Weights::load(gguf, &shape, hyperparameters.epsilon, device)
            .map_err(|e| e.to_string())?;
        let rotation =
            Rotation::new(&shape, hyperparameters.rope_base, device).map_err(|e| e.to_string())?;
        Ok(Self {
            weights,
            rotation,
            shape,
            device: device.clone(),
        })
    }

    /// A new session, with room for so many positions.
    pub fn session(&self, positions: usize) -> Result<Session<'_>> {
        let cache = |_| Cache::new(&self.shape, positions, &self.device);
        let caches = (0..self.shape.layers).map(cache).collect::<Result<_>>()?;
        Ok(Session {
            model: self,
            caches,
            done: 0,
        })
    }
}

/// One text that grows.
pub struct Session<'a> {
    model: &'a Llama,
    caches: Vec<Cache>,
    done: usize,
}

impl Session<'_> {
    /// Feeds `words`, of which there is one at least, and gives the logits after the last.
    /// `progress` is called after each chunk.
    pub fn feed(&mut self, words: &[Word], mut progress: impl FnMut()) -> Result<Vec<f32>> {
        let mut last = None;
        for chunk in words.chunks(CHUNK) {
            last = Some(self.pass(chunk)?);
            progress();
        }
        let Some(last) = last else {
            candle_core::bail!("no words to feed")
        };
        self.logits(&last)
    }

    /// Passes words through all blocks; gives what comes out for the last of them.
    fn pass(&mut self, words: &[Word]) -> Result<Tensor> {
        let Llama {
            weights,
            rotation,
            shape,
            device,
        } = self.model;
        let ids = Tensor::new(words, device)?;
        let mask = attention::causal_mask(self.done, words.len(), device)?;
        let angles = rotation.at(self.done, words.len())?;
        let mut x = weights.embeddings.embedding(&ids)?;
        for (layer, cache) in weights.layers.iter().zip(&mut self.caches) {
            let normal = rms_norm(&x, &layer.attention_norm, weights.epsilon)?;
            x = (x + attention::attend(layer, cache, &normal, &angles, mask.as_ref(), shape)?)?;
            let normal = rms_norm(&x, &layer.feed_forward_norm, weights.epsilon)?;
            x = (x + feed_forward(layer, &normal)?)?;
        }
        self.done += words.len();
        x.narrow(0, words.len() - 1, 1)?.contiguous()
    }

    fn logits(&self, last: &Tensor) -> Result<Vec<f32>> {
        let weights = &self.model.weights;
        let normal = rms_norm(last, &weights.norm, weights.epsilon)?;
        weights.head.forward(&normal)?.flatten_all()?.to_vec1()
    }
}

fn feed_forward(layer: &Layer, x: &Tensor) -> Result<Tensor> {
    let gate = layer.gate.forward(x)?.silu()?;
    layer.down.forward(&(gate * layer.up.forward(x)?)?)
}
