//! Attention over caches of keys and values, the heads that share keys together.

use super::{
    dispatch::{InstructionSet, Kernel},
    elementwise::exponential,
    lanes::{Lanes, WIDTH},
    norm::sum_lanes,
    threads::{Outputs, Threads},
};
use crate::NonFinite;
use core::sync::atomic::{AtomicBool, Ordering};

/// Tiles of keys that are scored at once.
const TILES: usize = 4;
/// Query heads that are served at once.
const HEADS: usize = 3;
/// Vectors of a value that are summed up at once.
const VECTORS: usize = 4;

/// Keys and values of one layer, with room for so many positions.
///
/// Keys stand in tiles of sixteen positions side by side, values one after the other.
pub struct Cache {
    kv_heads: usize,
    width: usize,
    tiles: usize,
    positions: usize,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Cache {
    /// An empty cache for heads of `width`, a multiple of 16.
    pub fn new(kv_heads: usize, width: usize, capacity: usize) -> Self {
        assert!(
            kv_heads > 0 && width > 0 && width.is_multiple_of(WIDTH),
            "heads are whole vectors wide"
        );
        let tiles = capacity.div_ceil(WIDTH);
        let len = kv_heads * tiles * WIDTH * width;
        Self {
            kv_heads,
            width,
            tiles,
            positions: 0,
            keys: vec![0.0; len],
            values: vec![0.0; len],
        }
    }

    /// Adds positions: `keys` and `values` are position, head, width.
    pub fn extend(&mut self, keys: &[f32], values: &[f32]) {
        let row = self.kv_heads * self.width;
        assert!(keys.len() == values.len() && keys.len().is_multiple_of(row));
        for (keys, values) in keys.chunks_exact(row).zip(values.chunks_exact(row)) {
            let at = self.positions;
            assert!(at < self.tiles * WIDTH, "the cache has room");
            let heads = keys
                .chunks_exact(self.width)
                .zip(values.chunks_exact(self.width));
            for (head, (key, value)) in heads.enumerate() {
                let first = (head * self.tiles + at / WIDTH) * self.width * WIDTH + at % WIDTH;
                for (i, k) in key.iter().enumerate() {
                    self.keys[first + i * WIDTH] = *k;
                }
                let first = (head * self.tiles * WIDTH + at) * self.width;
                self.values[first..][..self.width].copy_from_slice(value);
            }
            self.positions += 1;
        }
    }

    /// Forgets all but the first `positions`.
    pub fn truncate(&mut self, positions: usize) {
        self.positions = self.positions.min(positions);
    }

    fn keys_of(&self, head: usize) -> &[f32] {
        let len = self.tiles * WIDTH * self.width;
        &self.keys[head * len..][..len]
    }

    fn values_of(&self, head: usize) -> &[f32] {
        let len = self.tiles * WIDTH * self.width;
        &self.values[head * len..][..len]
    }
}

/// Which keys a query attends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those up to its own position, as in a decoder.
    UpToOwn,
    /// All of its cache, as in an encoder.
    All,
}

/// The last `positions` of a cache, whose queries attend to its keys.
#[derive(Clone, Copy)]
pub struct Attended<'a> {
    /// Keys and values of a text, those of these positions among them.
    pub cache: &'a Cache,
    /// How many positions at its end have a query.
    pub positions: usize,
}

/// Attention of several texts' queries (text, position, head, width; scaled and rotated), each to the
/// keys of its own text. All texts' caches are of one shape. `out` is laid out like `queries`.
pub fn attend(
    set: InstructionSet,
    threads: &Threads,
    heads: usize,
    reach: Reach,
    texts: &[Attended],
    queries: &[f32],
    out: &mut [f32],
) -> Result<(), NonFinite> {
    assert_eq!(queries.len(), out.len());
    let Some(Cache {
        kv_heads, width, ..
    }) = texts.first().map(|text| text.cache)
    else {
        return Ok(());
    };
    let (row, group) = (heads * width, heads / kv_heads);
    assert!(heads.is_multiple_of(*kv_heads));
    let of_one_shape = |t: &Attended| t.cache.kv_heads == *kv_heads && t.cache.width == *width;
    assert!(texts.iter().all(of_one_shape));
    assert!(texts.iter().all(|t| t.positions <= t.cache.positions));
    let places: Vec<Place> = texts.iter().flat_map(|text| text.places(reach)).collect();
    assert_eq!(places.len() * row, queries.len());
    let (out, finite) = (Outputs::new(out), AtomicBool::new(true));
    threads.split(places.len() * kv_heads, |pieces| {
        let mut scratch = Vec::new();
        for piece in pieces {
            let (position, kv_head) = (piece / kv_heads, piece % kv_heads);
            let Place { cache, keys } = places[position];
            let mut at = 0;
            while at < group {
                let served = HEADS.min(group - at);
                let start = position * row + (kv_head * group + at) * width;
                let job = Attend {
                    cache,
                    kv_head,
                    keys,
                    queries: &queries[start..][..served * width],
                    scratch: &mut scratch,
                    out: &out,
                    start,
                };
                if set.run(job).is_err() {
                    finite.store(false, Ordering::Relaxed);
                }
                at += served;
            }
        }
    });
    if finite.into_inner() {
        Ok(())
    } else {
        Err(NonFinite)
    }
}

/// Where a query stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    cache: &'a Cache,
    /// Number of keys that it attends to.
    keys: usize,
}

impl<'a> Attended<'a> {
    fn places(self, reach: Reach) -> impl Iterator<Item = Place<'a>> {
        let Self { cache, positions } = self;
        let end = cache.positions;
        (end - positions..end).map(move |position| Place {
            cache,
            keys: match reach {
                Reach::UpToOwn => position + 1,
                Reach::All => end,
            },
        })
    }
}

/// Up to [`HEADS`] queries of one position that share keys.
struct Attend<'a> {
    cache: &'a Cache,
    kv_head: usize,
    /// Number of keys that they attend to.
    keys: usize,
    queries: &'a [f32],
    scratch: &'a mut Vec<f32>,
    out: &'a Outputs<'a>,
    start: usize,
}

impl Kernel for Attend<'_> {
    type Output = Result<(), NonFinite>;

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) -> Result<(), NonFinite> {
        unsafe {
            match self.queries.len() / self.cache.width {
                1 => self.attend::<L, 1>(),
                2 => self.attend::<L, 2>(),
                _ => self.attend::<L, 3>(),
            }
        }
    }
}

impl Attend<'_> {
    #[inline(always)]
    unsafe fn attend<L: Lanes, const H: usize>(self) -> Result<(), NonFinite> {
        let width = self.cache.width;
        let tiles = self.keys.div_ceil(WIDTH);
        let padded = tiles * WIDTH;
        self.scratch.clear();
        self.scratch.resize(H * padded, 0.0);
        let queries: [&[f32]; H] = core::array::from_fn(|h| &self.queries[h * width..][..width]);
        let keys = self.cache.keys_of(self.kv_head);
        let mut tile = 0;
        while tile < tiles {
            let tile_keys = &keys[tile * width * WIDTH..];
            let scores = &mut self.scratch[tile * WIDTH..];
            tile += unsafe {
                match tiles - tile {
                    TILES.. => score::<L, H, TILES>(&queries, tile_keys, scores, padded),
                    _ => score::<L, H, 1>(&queries, tile_keys, scores, padded),
                }
            };
        }
        let mut sums = [0.0; H];
        for (scores, sum) in self.scratch.chunks_exact_mut(padded).zip(&mut sums) {
            *sum = unsafe { share::<L>(scores, self.keys) };
            if !sum.is_finite() {
                return Err(NonFinite);
            }
        }
        let values = &self.cache.values_of(self.kv_head)[..self.keys * width];
        let mut column = 0;
        while column < width {
            let (shares, start) = (&self.scratch[..], self.start + column);
            let values = &values[column..];
            let mix = Mix {
                shares,
                padded,
                sums,
                values,
                width,
            };
            column += WIDTH
                * unsafe {
                    match (width - column) / WIDTH {
                        VECTORS.. => mix.run::<L, VECTORS>(self.out, start),
                        2.. => mix.run::<L, 2>(self.out, start),
                        _ => mix.run::<L, 1>(self.out, start),
                    }
                };
        }
        Ok(())
    }
}

/// Scores `T` tiles of keys for `H` queries; gives `T`.
#[inline(always)]
unsafe fn score<L: Lanes, const H: usize, const T: usize>(
    queries: &[&[f32]; H],
    keys: &[f32],
    scores: &mut [f32],
    padded: usize,
) -> usize {
    let width = queries[0].len();
    let keys: [&[f32]; T] = core::array::from_fn(|t| &keys[t * width * WIDTH..][..width * WIDTH]);
    unsafe {
        let mut sums = [[L::splat(0.0); T]; H];
        for i in 0..width {
            let mut vectors = [L::splat(0.0); T];
            for (vector, keys) in vectors.iter_mut().zip(keys) {
                *vector = L::load(keys[i * WIDTH..][..WIDTH].as_ptr());
            }
            for h in 0..H {
                let query = L::splat(queries[h][i]);
                for t in 0..T {
                    sums[h][t] = L::fma(query, vectors[t], sums[h][t]);
                }
            }
        }
        for (h, sums) in sums.into_iter().enumerate() {
            for (t, sum) in sums.into_iter().enumerate() {
                L::store(scores[h * padded + t * WIDTH..][..WIDTH].as_mut_ptr(), sum);
            }
        }
    }
    T
}

/// Turns the scores of so many keys into their shares, and gives the sum of the shares. What stands
/// beyond the keys becomes zero.
#[inline(always)]
unsafe fn share<L: Lanes>(scores: &mut [f32], keys: usize) -> f32 {
    let first = scores[0];
    scores[keys..].fill(first);
    unsafe {
        let mut greatest = L::load(scores.as_ptr());
        for scores in scores.chunks_exact(WIDTH) {
            greatest = L::greater(L::load(scores.as_ptr()), greatest);
        }
        let mut lanes = [0.0; WIDTH];
        L::store(lanes.as_mut_ptr(), greatest);
        let greatest = lanes
            .into_iter()
            .fold(first, |a, b| if b > a { b } else { a });
        let greatest = L::splat(greatest);
        for scores in scores.chunks_exact_mut(WIDTH) {
            let share = exponential::<L>(L::sub(L::load(scores.as_ptr()), greatest));
            L::store(scores.as_mut_ptr(), share);
        }
        // Adding +0 to a share's partial sum changes nothing.
        scores[keys..].fill(0.0);
        let mut sum = L::splat(0.0);
        for shares in scores.chunks_exact(WIDTH) {
            sum = L::add(sum, L::load(shares.as_ptr()));
        }
        sum_lanes::<L>(sum)
    }
}

/// The values, mixed by the shares of `H` queries.
struct Mix<'a, const H: usize> {
    shares: &'a [f32],
    padded: usize,
    sums: [f32; H],
    /// From the first column on.
    values: &'a [f32],
    width: usize,
}

impl<const H: usize> Mix<'_, H> {
    /// Mixes `V` vectors of the values; gives `V`.
    #[inline(always)]
    unsafe fn run<L: Lanes, const V: usize>(&self, out: &Outputs, start: usize) -> usize {
        unsafe {
            let mut sums = [[L::splat(0.0); V]; H];
            for (key, values) in self.values.chunks(self.width).enumerate() {
                let mut vectors = [L::splat(0.0); V];
                for (v, vector) in vectors.iter_mut().enumerate() {
                    *vector = L::load(values[v * WIDTH..][..WIDTH].as_ptr());
                }
                for (h, sums) in sums.iter_mut().enumerate() {
                    let share = L::splat(self.shares[h * self.padded + key]);
                    for v in 0..V {
                        sums[v] = L::fma(share, vectors[v], sums[v]);
                    }
                }
            }
            for (h, sums) in sums.into_iter().enumerate() {
                let divisor = L::splat(self.sums[h]);
                for (v, sum) in sums.into_iter().enumerate() {
                    let mut lanes = [0.0; WIDTH];
                    L::store(lanes.as_mut_ptr(), L::div(sum, divisor));
                    // SAFETY: this piece's outputs are no other's.
                    out.write(start + h * self.width + v * WIDTH, &lanes);
                }
            }
        }
        V
    }
}
