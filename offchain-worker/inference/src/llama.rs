//! A decoder of the Llama family with quantised weights, on the exact kernels.
//!
//! What comes out depends on the model and the words alone: not on how the words were fed, on other
//! sessions, on threads or on the machine.

mod weights;

#[cfg(test)]
mod tests;

use crate::gguf::Gguf;
use kagari_kernels::{
    fast::{
        add, gate, rms_norm, scale, Activations, Cache, InstructionSet, Matrix, Pairs, Rotation,
        Threads,
    },
    float::Hard,
    reference::score_scale,
    NonFinite,
};
use kagari_primitives::{model::ModelShape, Word, MAX_INPUT, MAX_OUTPUT};
use weights::{Layer, Weights};

/// Positions that pass through the layers at once: so many that weights are read seldom, and so few
/// that their activations stay near the processor.
pub const CHUNK: usize = 128;
/// States that are turned into logits at once: a row of logits is as long as the vocabulary.
pub const DECIDED: usize = 8;

/// A decoder, ready to be used by several sessions at once.
pub struct Llama {
    weights: Weights,
    rotation: Rotation,
    shape: ModelShape,
    set: InstructionSet,
    threads: Threads,
}

/// What the next token is decided from.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The last position's state after the last norm, which the trace commits to.
    pub hidden: Vec<f32>,
    /// One for each token id.
    pub logits: Vec<f32>,
}

/// Why words could not be fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfed {
    /// There are none.
    #[error("no words to feed")]
    NoWords,
    /// The session has room for fewer.
    #[error("the session has room for no more words")]
    NoRoom,
    /// A NaN or an infinity has come up.
    #[error("a value is not finite")]
    NonFinite,
}

impl From<NonFinite> for Unfed {
    fn from(_: NonFinite) -> Self {
        Self::NonFinite
    }
}

impl Llama {
    /// Bytes that the model of a file would take, without sessions. It must be a Llama of `shape`.
    pub fn bytes_of(gguf: &Gguf, shape: &ModelShape) -> Result<u64, String> {
        weights::check(gguf, shape)?;
        let angles = 2 * size_of::<f32>() * positions_of(shape) * usize::from(shape.head_dim);
        Ok(Weights::bytes_of(gguf, shape)?.saturating_add(angles as u64))
    }

    /// Takes the weights out of a GGUF file. They must be those of `shape` to the last tensor.
    pub fn load(gguf: &Gguf, shape: ModelShape) -> Result<Self, String> {
        let hyperparameters = weights::check(gguf, &shape)?;
        let weights = Weights::load(gguf, &shape, hyperparameters.epsilon)?;
        let (base, width) = (hyperparameters.rope_base, shape.head_dim.into());
        Ok(Self {
            weights,
            rotation: Rotation::new(Pairs::Neighbours, base, width, positions_of(&shape)),
            shape,
            set: InstructionSet::best(),
            threads: Threads::with_default_count().map_err(|e| e.to_string())?,
        })
    }

    /// A new session, with room for so many positions.
    pub fn session(&self, positions: usize) -> Session<'_> {
        let (kv_heads, width) = (self.shape.kv_heads.into(), self.shape.head_dim.into());
        let cache = |_| Cache::new(kv_heads, width, positions);
        Session {
            model: self,
            caches: (0..self.shape.layers).map(cache).collect(),
            done: 0,
            room: positions,
        }
    }

    /// Width of a state.
    fn width(&self) -> usize {
        self.shape.hidden as usize
    }

    /// What the next token is decided from, after each of these states.
    fn decide(&self, states: &[f32]) -> Result<Vec<Decided>, NonFinite> {
        let hidden = self.normalise(states, &self.weights.norm)?;
        let mut input = Input::new(hidden, self.width());
        let logits = self.project(&self.weights.head, &mut input)?;
        let hidden = input.rows.chunks_exact(self.width());
        let pairs = hidden.zip(logits.chunks_exact(self.weights.head.rows()));
        let decided = |(hidden, logits): (&[f32], &[f32])| Decided {
            hidden: hidden.to_vec(),
            logits: logits.to_vec(),
        };
        Ok(pairs.map(decided).collect())
    }

    /// Shows `each` what is decided from, after each of these states, until it says `false`, and gives its
    /// last word. What comes before a value that is not finite, is shown.
    fn show(
        &self,
        states: &[f32],
        each: &mut impl FnMut(Decided) -> bool,
    ) -> Result<bool, NonFinite> {
        for some in states.chunks(DECIDED * self.width()) {
            let go_on = match self.threads.run(|| self.decide(some)) {
                Ok(decided) => decided.into_iter().all(&mut *each),
                Err(NonFinite) if some.len() > self.width() => {
                    some.chunks(self.width())
                        .try_fold(true, |go_on, state| match go_on {
                            true => self.show(state, each),
                            false => Ok(false),
                        })?
                }
                Err(NonFinite) => return Err(NonFinite),
            };
            if !go_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs the product of a matrix with each row of `x`, for which it is prepared if it isn't.
    fn project(&self, matrix: &Matrix, x: &mut Input) -> Result<Vec<f32>, NonFinite> {
        let mut out = vec![0.0; x.rows.len() / x.width * matrix.rows()];
        let prepared = x.prepare(self, matrix)?;
        matrix.multiply(self.set, &self.threads, prepared, &mut out);
        Ok(out)
    }

    fn normalise(&self, x: &[f32], weight: &[f32]) -> Result<Vec<f32>, NonFinite> {
        let mut out = vec![0.0; x.len()];
        let epsilon = self.weights.epsilon;
        rms_norm(self.set, &self.threads, x, weight, epsilon, &mut out)?;
        Ok(out)
    }

    fn feed_forward(&self, layer: &Layer, x: &mut [f32]) -> Result<(), NonFinite> {
        let mut normal = Input::new(
            self.normalise(x, &layer.feed_forward_norm)?,
            layer.gate.columns(),
        );
        let mut inner = self.project(&layer.gate, &mut normal)?;
        let up = self.project(&layer.up, &mut normal)?;
        gate(self.set, &self.threads, &mut inner, &up);
        let mut inner = Input::new(inner, layer.down.columns());
        add(x, &self.project(&layer.down, &mut inner)?);
        Ok(())
    }

    /// Attention of positions from `first` on to themselves and all before them.
    fn attend(
        &self,
        layer: &Layer,
        cache: &mut Cache,
        first: usize,
        x: &mut [f32],
    ) -> Result<(), NonFinite> {
        let (heads, kv_heads) = (self.shape.heads.into(), self.shape.kv_heads.into());
        let normal = self.normalise(x, &layer.attention_norm)?;
        let mut normal = Input::new(normal, layer.query.columns());
        let mut query = self.project(&layer.query, &mut normal)?;
        let mut key = self.project(&layer.key, &mut normal)?;
        let value = self.project(&layer.value, &mut normal)?;
        self.rotation.rotate(self.set, first, heads, &mut query);
        self.rotation.rotate(self.set, first, kv_heads, &mut key);
        scale(
            &mut query,
            score_scale::<Hard>(self.shape.head_dim.into()).0,
        );
        cache.extend(&key, &value);
        let mut mixed = vec![0.0; query.len()];
        cache.attend(self.set, &self.threads, heads, &query, &mut mixed)?;
        let mut mixed = Input::new(mixed, layer.output.columns());
        add(x, &self.project(&layer.output, &mut mixed)?);
        Ok(())
    }
}

/// Positions that a job can reach.
fn positions_of(shape: &ModelShape) -> usize {
    shape.context.min(MAX_INPUT + MAX_OUTPUT) as usize
}

/// Rows that several matrices are multiplied with, prepared once for each kind of weights.
struct Input {
    rows: Vec<f32>,
    width: usize,
    prepared: Vec<Activations>,
}

impl Input {
    fn new(rows: Vec<f32>, width: usize) -> Self {
        Self {
            rows,
            width,
            prepared: Vec::new(),
        }
    }

    fn prepare(&mut self, llama: &Llama, matrix: &Matrix) -> Result<&Activations, NonFinite> {
        let format = matrix.format();
        let at = match self.prepared.iter().position(|p| p.fit(format)) {
            Some(at) => at,
            None => {
                let (set, threads) = (llama.set, &llama.threads);
                let prepared = Activations::prepare(set, threads, format, self.width, &self.rows)?;
                self.prepared.push(prepared);
                self.prepared.len() - 1
            }
        };
        Ok(&self.prepared[at])
    }
}

/// One text that grows.
pub struct Session<'a> {
    model: &'a Llama,
    caches: Vec<Cache>,
    done: usize,
    room: usize,
}

impl Session<'_> {
    /// Feeds `words`, of which there is one at least, and gives what comes out after the last.
    /// `progress` is called after each chunk.
    pub fn feed(&mut self, words: &[Word], mut progress: impl FnMut()) -> Result<Decided, Unfed> {
        self.check_room(words)?;
        let model = self.model;
        let mut last = None;
        for chunk in words.chunks(CHUNK) {
            let mut states = model.threads.run(|| self.pass(chunk))?;
            last = Some(states.split_off(states.len() - model.width()));
            progress();
        }
        let last = last.ok_or(Unfed::NoWords)?;
        let mut decided = model.threads.run(|| model.decide(&last))?;
        decided.pop().ok_or(Unfed::NoWords)
    }

    /// Feeds `words`, and shows `each` what comes out after each of them from number `from` on, until it
    /// has seen enough and says `false`.
    pub fn feed_each(
        &mut self,
        words: &[Word],
        from: usize,
        mut each: impl FnMut(Decided) -> bool,
    ) -> Result<(), Unfed> {
        self.check_room(words)?;
        let mut fed = 0;
        let mut together = CHUNK;
        while fed < words.len() {
            let chunk = &words[fed..words.len().min(fed + together)];
            let skipped = from.saturating_sub(fed).min(chunk.len());
            match self.states_after(chunk, skipped) {
                Ok(states) => {
                    if !self.model.show(&states, &mut each)? {
                        return Ok(());
                    }
                    fed += chunk.len();
                }
                // What comes out before the value that is not finite, is to be seen all the same.
                Err(NonFinite) if chunk.len() > 1 => together = 1,
                Err(NonFinite) => return Err(Unfed::NonFinite),
            }
        }
        Ok(())
    }

    /// Feeds a chunk, and gives the states after all but the first `skipped` of it.
    fn states_after(&mut self, chunk: &[Word], skipped: usize) -> Result<Vec<f32>, NonFinite> {
        let mut states = self.model.threads.run(|| self.pass(chunk))?;
        Ok(states.split_off(skipped * self.model.width()))
    }

    fn check_room(&self, words: &[Word]) -> Result<(), Unfed> {
        match self.done + words.len() <= self.room {
            true => Ok(()),
            false => Err(Unfed::NoRoom),
        }
    }

    /// Passes words through all layers; gives what comes out for each of them. Nothing is fed if a value is
    /// not finite.
    fn pass(&mut self, words: &[Word]) -> Result<Vec<f32>, NonFinite> {
        let states = self.try_pass(words);
        match states {
            Ok(_) => self.done += words.len(),
            Err(_) => {
                let done = self.done;
                self.caches
                    .iter_mut()
                    .for_each(|cache| cache.truncate(done));
            }
        }
        states
    }

    fn try_pass(&mut self, words: &[Word]) -> Result<Vec<f32>, NonFinite> {
        let weights = &self.model.weights;
        let mut x = weights.embeddings.rows(words);
        for (layer, cache) in weights.layers.iter().zip(&mut self.caches) {
            self.model.attend(layer, cache, self.done, &mut x)?;
            self.model.feed_forward(layer, &mut x)?;
        }
        Ok(x)
    }
}
