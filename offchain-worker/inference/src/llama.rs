//! A decoder of the Llama family with quantised weights, on the exact kernels.
//!
//! What comes out depends on the model and the words alone: not on how the words were fed, on other
//! sessions that are fed at the same time, on threads or on the machine.

mod header;
mod weights;

#[cfg(test)]
mod cheats;
#[cfg(test)]
mod family_tests;
#[cfg(test)]
mod tests;

use crate::{
    gguf::Gguf,
    processor::{Input, Processor},
};
use header::Hyperparameters;
use kagari_kernels::{
    fast::{add, add_to_rows, attend, gate, rms_norm, scale, Attended, Cache, Reach, Rotation},
    float::Hard,
    reference::score_scale,
    NonFinite,
};
use kagari_primitives::{model::ModelShape, Word, MAX_INPUT, MAX_OUTPUT};
use weights::{Layer, Loader, Projection, Weights};

/// Positions that pass through the layers at once: so many that weights are read seldom, and so few
/// that their activations stay near the processor.
pub const CHUNK: usize = 128;
/// States that are turned into logits at once: a row of logits is as long as the vocabulary.
pub const DECIDED: usize = 32;

/// A decoder, ready to be used by several sessions at once.
pub struct Llama {
    weights: Weights,
    rotation: Rotation,
    shape: ModelShape,
    processor: Processor,
}

/// A decoder whose header was read, and for whose weights there is memory.
pub struct PreparedLlama<'a> {
    weights: Loader<'a>,
    rotation: Rotation,
    processor: Processor,
    given: Hyperparameters,
    shape: ModelShape,
    bytes: u64,
}

/// One text that grows. It belongs to the decoder that it comes from.
pub struct Session {
    caches: Vec<Cache>,
    done: usize,
    room: usize,
}

/// Words that a session is fed: one at least.
pub struct Feed<'a> {
    /// The session, which has room for them.
    pub session: &'a mut Session,
    /// The words; they are the model's.
    pub words: &'a [Word],
}

/// What next tokens are decided from, a row for each state.
pub struct Decided {
    /// States after the last norm, which the trace commits to.
    hidden: Vec<f32>,
    /// One for each token id.
    logits: Vec<f32>,
    rows: usize,
}

impl Decided {
    /// The rows: hidden state and logits.
    pub fn rows(&self) -> impl Iterator<Item = (&[f32], &[f32])> {
        let row = |all: &[f32]| (all.len() / self.rows).max(1);
        let hidden = self.hidden.chunks_exact(row(&self.hidden));
        hidden.zip(self.logits.chunks_exact(row(&self.logits)))
    }
}

impl Session {
    /// Positions that it has room for yet.
    pub fn room_left(&self) -> usize {
        self.room - self.done
    }

    /// Forgets all but the first `positions`.
    pub fn truncate(&mut self, positions: usize) {
        self.done = self.done.min(positions);
        let done = self.done;
        self.caches
            .iter_mut()
            .for_each(|cache| cache.truncate(done));
    }
}

impl<'a> PreparedLlama<'a> {
    /// The header.
    pub fn gguf(&self) -> &Gguf<'a> {
        &self.weights.gguf
    }

    /// Bytes that the model takes, without sessions.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Lays out the weights.
    pub fn lay_out(mut self) -> Result<Llama, String> {
        let weights = &mut self.weights;
        let weights = self
            .processor
            .threads
            .run(|| weights.all(&self.given, &self.shape))?;
        Ok(Llama {
            weights,
            rotation: self.rotation,
            shape: self.shape,
            processor: self.processor,
        })
    }
}

impl Llama {
    /// Takes the weights out of a GGUF file. They must be those of `shape` to the last tensor.
    #[cfg(test)]
    pub fn load(gguf: Gguf, shape: ModelShape) -> Result<Self, String> {
        let prepared = Self::prepare(gguf, shape, u64::MAX)?;
        prepared.ok_or("there is no such room")?.lay_out()
    }

    /// Does what needs no more of the file than its header; `None` if the model takes more bytes than `room`.
    pub fn prepare(
        gguf: Gguf<'_>,
        shape: ModelShape,
        room: u64,
    ) -> Result<Option<PreparedLlama<'_>>, String> {
        let given = header::check(&gguf, &shape).map_err(|e| e.to_string())?;
        let (pairs, width) = (given.family.pairs, usize::from(shape.head_dim));
        let angles = 2 * size_of::<f32>() * positions_of(&shape) * width;
        let weights = Weights::bytes_of(&gguf, &given, &shape)?;
        let bytes = weights.saturating_add(angles as u64);
        if bytes > room {
            return Ok(None);
        }
        Ok(Some(PreparedLlama {
            rotation: Rotation::new(pairs, given.rope_base, width, positions_of(&shape)),
            weights: Loader::new(gguf, weights)?,
            processor: Processor::new()?,
            given,
            shape,
            bytes,
        }))
    }

    /// A new session, with room for so many positions.
    pub fn session(&self, positions: usize) -> Session {
        let (kv_heads, width) = (self.shape.kv_heads.into(), self.shape.head_dim.into());
        let cache = |_| Cache::new(kv_heads, width, positions);
        Session {
            caches: (0..self.shape.layers).map(cache).collect(),
            done: 0,
            room: positions,
        }
    }

    /// Width of a state.
    pub fn width(&self) -> usize {
        self.shape.hidden as usize
    }

    /// Feeds several sessions at once; gives the states after the words of each. Where a value is not
    /// finite, nothing is fed, and the other sessions don't feel it.
    ///
    /// # Panics
    ///
    /// If there are no words, or a session has no room for them.
    pub fn feed(&self, feeds: &mut [Feed]) -> Vec<Result<Vec<f32>, NonFinite>> {
        let fits = |f: &Feed| (1..=f.session.room_left()).contains(&f.words.len());
        assert!(feeds.iter().all(fits), "sessions have room for their words");
        let pass = |feeds: &mut [Feed]| self.processor.threads.run(|| self.pass(feeds));
        match pass(feeds) {
            Ok(states) => self.part(feeds, &states).map(Ok).collect(),
            Err(NonFinite) if feeds.len() == 1 => vec![Err(NonFinite)],
            Err(NonFinite) => feeds.chunks_mut(1).map(pass).collect(),
        }
    }

    /// The states of each session.
    fn part<'a>(
        &self,
        feeds: &'a [Feed],
        states: &'a [f32],
    ) -> impl Iterator<Item = Vec<f32>> + use<'a> {
        let (mut rest, width) = (states, self.width());
        feeds.iter().map(move |feed| {
            let (own, others) = rest.split_at(feed.words.len() * width);
            rest = others;
            own.to_vec()
        })
    }

    /// What next tokens are decided from, after each of these states.
    pub fn decide(&self, states: &[f32]) -> Result<Decided, NonFinite> {
        self.processor.threads.run(|| {
            let hidden = self.normalise(states, &self.weights.norm)?;
            let mut input = Input::new(hidden, self.width());
            let logits = self.processor.project(&self.weights.head, &mut input)?;
            Ok(Decided {
                hidden: input.into_rows(),
                logits,
                rows: states.len() / self.width(),
            })
        })
    }

    /// Shows `each` the logits after each of `words` from number `from` on.
    pub fn show_logits(
        &self,
        words: &[Word],
        from: usize,
        mut each: impl FnMut(&[f32]),
    ) -> Result<(), NonFinite> {
        let (mut session, mut from) = (self.session(words.len()), from);
        for words in words.chunks(CHUNK) {
            let session = &mut session;
            let states = self.feed(&mut [Feed { session, words }]).remove(0)?;
            let skipped = from.min(words.len());
            from -= skipped;
            for states in states[skipped * self.width()..].chunks(DECIDED * self.width()) {
                self.decide(states)?
                    .rows()
                    .for_each(|(_, logits)| each(logits));
            }
        }
        Ok(())
    }

    /// Passes words through all layers; gives what comes out for each of them. Nothing is fed if a value is
    /// not finite.
    fn pass(&self, feeds: &mut [Feed]) -> Result<Vec<f32>, NonFinite> {
        let states = self.try_pass(feeds);
        for feed in feeds {
            match states {
                Ok(_) => feed.session.done += feed.words.len(),
                Err(_) => feed.session.truncate(feed.session.done),
            }
        }
        states
    }

    fn try_pass(&self, feeds: &mut [Feed]) -> Result<Vec<f32>, NonFinite> {
        let words = feeds.iter().flat_map(|feed| feed.words);
        let mut x = self.weights.embed(words);
        for (number, layer) in self.weights.layers.iter().enumerate() {
            self.attend(layer, number, feeds, &mut x)?;
            self.feed_forward(layer, &mut x)?;
        }
        Ok(x)
    }

    fn normalise(&self, x: &[f32], weight: &[f32]) -> Result<Vec<f32>, NonFinite> {
        let Processor { set, threads } = &self.processor;
        let mut out = vec![0.0; x.len()];
        rms_norm(*set, threads, x, weight, self.weights.epsilon, &mut out)?;
        Ok(out)
    }

    fn feed_forward(&self, layer: &Layer, x: &mut [f32]) -> Result<(), NonFinite> {
        let on = &self.processor;
        let normal = self.normalise(x, &layer.feed_forward_norm)?;
        let mut normal = Input::new(normal, layer.gate.columns());
        let mut inner = on.project(&layer.gate, &mut normal)?;
        let up = on.project(&layer.up, &mut normal)?;
        gate(on.set, &on.threads, &mut inner, &up);
        let mut inner = Input::new(inner, layer.down.columns());
        add(x, &on.project(&layer.down, &mut inner)?);
        Ok(())
    }

    /// Attention of the words that are fed to themselves and all before them in their session.
    fn attend(
        &self,
        layer: &Layer,
        number: usize,
        feeds: &mut [Feed],
        x: &mut [f32],
    ) -> Result<(), NonFinite> {
        let on = &self.processor;
        let normal = self.normalise(x, &layer.attention_norm)?;
        let mut normal = Input::new(normal, layer.query.matrix.columns());
        let mut query = self.project(&layer.query, &mut normal)?;
        let mut key = self.project(&layer.key, &mut normal)?;
        let value = self.project(&layer.value, &mut normal)?;
        self.rotate(feeds, self.shape.heads.into(), &mut query);
        self.rotate(feeds, self.shape.kv_heads.into(), &mut key);
        scale(
            &mut query,
            score_scale::<Hard>(self.shape.head_dim.into()).0,
        );
        let mut at = 0;
        for feed in feeds.iter_mut() {
            let rows = at..at + feed.words.len() * layer.key.matrix.rows();
            at = rows.end;
            feed.session.caches[number].extend(&key[rows.clone()], &value[rows]);
        }
        let texts = feeds.iter().map(|feed| Attended {
            cache: &feed.session.caches[number],
            positions: feed.words.len(),
        });
        let texts: Vec<Attended> = texts.collect();
        let mut mixed = vec![0.0; query.len()];
        attend(
            on.set,
            &on.threads,
            self.shape.heads.into(),
            Reach::UpToOwn,
            &texts,
            &query,
            &mut mixed,
        )?;
        let mut mixed = Input::new(mixed, layer.output.columns());
        add(x, &on.project(&layer.output, &mut mixed)?);
        Ok(())
    }

    /// Heads of queries, keys or values.
    fn project(&self, to: &Projection, x: &mut Input) -> Result<Vec<f32>, NonFinite> {
        let mut heads = self.processor.project(&to.matrix, x)?;
        if let Some(bias) = &to.bias {
            add_to_rows(&mut heads, bias);
        }
        match &to.norm {
            Some(norm) => self.normalise(&heads, norm),
            None => Ok(heads),
        }
    }

    /// Rotates the heads of each session's words by their positions.
    fn rotate(&self, feeds: &[Feed], heads: usize, x: &mut [f32]) {
        let mut rest = x;
        for feed in feeds {
            let len = feed.words.len() * heads * usize::from(self.shape.head_dim);
            let (own, others) = rest.split_at_mut(len);
            self.rotation
                .rotate(self.processor.set, feed.session.done, heads, own);
            rest = others;
        }
    }
}

/// Positions that a job can reach.
fn positions_of(shape: &ModelShape) -> usize {
    shape.context.min(MAX_INPUT + MAX_OUTPUT) as usize
}
