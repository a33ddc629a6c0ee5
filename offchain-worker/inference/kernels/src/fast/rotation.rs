//! The rotation of heads by their positions' angles.

use super::{
    dispatch::{InstructionSet, Kernel},
    lanes::{Lanes, WIDTH},
};
use crate::rotation::{angle, turns};
use rayon::{
    iter::{IndexedParallelIterator, ParallelIterator},
    slice::ParallelSliceMut,
};

/// Which elements of a head turn together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairs {
    /// Neighbours, as in Llama's files.
    Neighbours,
    /// One of the first half with its fellow in the second, as in Qwen's files.
    Halves,
}

/// What heads are rotated with: for each position, and each element of a head, the cosine it is
/// multiplied by, and the sine, with its sign, that its partner is multiplied by.
pub struct Rotation {
    pairs: Pairs,
    width: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Rotation {
    /// The tables for `positions` and heads of `width`, a multiple of 16, by the frequencies of `base`; on
    /// the threads of the pool that it is called in.
    pub fn new(pairs: Pairs, base: f32, width: usize, positions: usize) -> Self {
        assert!(
            width > 0 && width.is_multiple_of(WIDTH),
            "heads are whole vectors wide"
        );
        let turns: Vec<u64> = turns(base, width).collect();
        let (mut cos, mut sin) = (vec![0.0; positions * width], vec![0.0; positions * width]);
        let rows = cos
            .par_chunks_exact_mut(width)
            .zip(sin.par_chunks_exact_mut(width));
        rows.enumerate().for_each(|(position, (cos, sin))| {
            for (pair, turn) in turns.iter().enumerate() {
                let (c, s) = angle(*turn, position as u32);
                let (c, s) = (f32::from_bits(c), f32::from_bits(s));
                let (a, b) = match pairs {
                    Pairs::Neighbours => (2 * pair, 2 * pair + 1),
                    Pairs::Halves => (pair, pair + width / 2),
                };
                (cos[a], cos[b]) = (c, c);
                (sin[a], sin[b]) = (-s, s);
            }
        });
        Self {
            pairs,
            width,
            cos,
            sin,
        }
    }

    /// Rotates all heads of each row of `x` (position, head, width), the first of which stands at
    /// `first`.
    pub fn rotate(&self, set: InstructionSet, first: usize, heads: usize, x: &mut [f32]) {
        set.run(Rotate {
            rotation: self,
            first,
            heads,
            x,
        });
    }
}

struct Rotate<'a> {
    rotation: &'a Rotation,
    first: usize,
    heads: usize,
    x: &'a mut [f32],
}

impl Kernel for Rotate<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Rotation {
            pairs,
            width,
            cos,
            sin,
        } = self.rotation;
        let mut partners = vec![0.0; *width];
        for (i, row) in self.x.chunks_exact_mut(self.heads * width).enumerate() {
            let at = (self.first + i) * width;
            let (cos, sin) = (&cos[at..][..*width], &sin[at..][..*width]);
            for head in row.chunks_exact_mut(*width) {
                match pairs {
                    Pairs::Neighbours => swap_neighbours(head, &mut partners),
                    Pairs::Halves => {
                        partners.copy_from_slice(head);
                        partners.rotate_left(width / 2);
                    }
                }
                unsafe { rotate::<L>(head, &partners, cos, sin) };
            }
        }
    }
}

#[inline(always)]
fn swap_neighbours(head: &[f32], partners: &mut [f32]) {
    for (from, to) in head.chunks_exact(2).zip(partners.chunks_exact_mut(2)) {
        (to[0], to[1]) = (from[1], from[0]);
    }
}

#[inline(always)]
unsafe fn rotate<L: Lanes>(head: &mut [f32], partners: &[f32], cos: &[f32], sin: &[f32]) {
    let tables = cos.chunks_exact(WIDTH).zip(sin.chunks_exact(WIDTH));
    let parts = head
        .chunks_exact_mut(WIDTH)
        .zip(partners.chunks_exact(WIDTH));
    for ((x, partner), (cos, sin)) in parts.zip(tables) {
        unsafe {
            let turned = L::mul(L::load(partner.as_ptr()), L::load(sin.as_ptr()));
            let rotated = L::fma(L::load(x.as_ptr()), L::load(cos.as_ptr()), turned);
            L::store(x.as_mut_ptr(), rotated);
        }
    }
}
