//! The rotation of heads by their positions' angles.

use super::{
    dispatch::{InstructionSet, Kernel},
    lanes::{Lanes, WIDTH},
};
use crate::rotation::{angle, turns};
use std::sync::OnceLock;

/// Which elements of a head turn together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairs {
    /// Neighbours, as in Llama's files.
    Neighbours,
    /// One of the first half with its fellow in the second, as in Qwen's files.
    Halves,
}

/// Positions whose tables are made together, when the first of them is asked for.
const PAGE: usize = 128;

/// What heads are rotated with: for each position, and each element of a head, the cosine it is
/// multiplied by, and the sine, with its sign, that its partner is multiplied by.
pub struct Rotation {
    pairs: Pairs,
    width: usize,
    turns: Vec<u64>,
    pages: Vec<OnceLock<Page>>,
}

/// The tables of [`PAGE`] positions.
struct Page {
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Rotation {
    /// For `positions` and heads of `width`, a multiple of 16, by the frequencies of `base`. Models are loaded
    /// for long contexts and see few of them, so the tables are made when they are needed.
    pub fn new(pairs: Pairs, base: f32, width: usize, positions: usize) -> Self {
        assert!(
            width > 0 && width.is_multiple_of(WIDTH),
            "heads are whole vectors wide"
        );
        let pages = positions.div_ceil(PAGE);
        Self {
            pairs,
            width,
            turns: turns(base, width).collect(),
            pages: (0..pages).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Cosines and sines of a position.
    fn tables(&self, position: usize) -> (&[f32], &[f32]) {
        let number = position / PAGE;
        let page = self.pages[number].get_or_init(|| self.page(number));
        let at = position % PAGE * self.width;
        (&page.cos[at..][..self.width], &page.sin[at..][..self.width])
    }

    fn page(&self, number: usize) -> Page {
        let width = self.width;
        let mut page = Page {
            cos: vec![0.0; PAGE * width],
            sin: vec![0.0; PAGE * width],
        };
        let cos = page.cos.chunks_exact_mut(width);
        let rows = cos.zip(page.sin.chunks_exact_mut(width));
        for (position, (cos, sin)) in (number * PAGE..).zip(rows) {
            for (pair, turn) in self.turns.iter().enumerate() {
                let (c, s) = angle(*turn, position as u32);
                let (c, s) = (f32::from_bits(c), f32::from_bits(s));
                let (a, b) = match self.pairs {
                    Pairs::Neighbours => (2 * pair, 2 * pair + 1),
                    Pairs::Halves => (pair, pair + width / 2),
                };
                (cos[a], cos[b]) = (c, c);
                (sin[a], sin[b]) = (-s, s);
            }
        }
        page
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
        let Rotation { pairs, width, .. } = self.rotation;
        let mut partners = vec![0.0; *width];
        for (i, row) in self.x.chunks_exact_mut(self.heads * width).enumerate() {
            let (cos, sin) = self.rotation.tables(self.first + i);
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
