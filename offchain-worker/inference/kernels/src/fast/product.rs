//! Products of weights and activations: sixteen outputs side by side, several positions at once so that
//! weights are unpacked once for all of them.

use super::{
    activations::Activations,
    dispatch::{InstructionSet, Kernel},
    lanes::{Lanes, WIDTH},
    matrix::{Layout, Matrix, Small},
    threads::{Outputs, Threads},
};
use crate::reference::{K_BLOCK, SMALL_BLOCK};

/// Groups of four weights in a block of 32.
const GROUPS: usize = SMALL_BLOCK / 4;

impl Matrix {
    /// The product with each position of `x`: `out` gets a row of outputs for each.
    ///
    /// `x` is prepared for this matrix' format and has its columns; `out` has room for just that.
    pub fn multiply(
        &self,
        set: InstructionSet,
        threads: &Threads,
        x: &Activations,
        out: &mut [f32],
    ) {
        assert!(x.fit(self.format) && x.columns == self.columns);
        x.assert_whole();
        assert_eq!(out.len(), x.positions * self.rows);
        let out = Outputs::new(out);
        threads.split(self.tile_count(), |tiles| {
            set.run(Multiply {
                matrix: self,
                x,
                tiles,
                out: &out,
            });
        });
    }
}

struct Multiply<'a> {
    matrix: &'a Matrix,
    x: &'a Activations,
    tiles: core::ops::Range<usize>,
    out: &'a Outputs<'a>,
}

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        for tile in self.tiles.clone() {
            let mut at = 0;
            while at < self.x.positions {
                let left = self.x.positions - at;
                at += unsafe {
                    match left.min(L::TOGETHER) {
                        8.. => self.multiply::<L, 8>(tile, at),
                        4.. => self.multiply::<L, 4>(tile, at),
                        2.. => self.multiply::<L, 2>(tile, at),
                        _ => self.multiply::<L, 1>(tile, at),
                    }
                };
            }
        }
    }
}

impl Multiply<'_> {
    /// One tile with `P` positions from `at` on; gives `P`.
    #[inline(always)]
    unsafe fn multiply<L: Lanes, const P: usize>(&self, tile: usize, at: usize) -> usize {
        let weights = self.matrix.tile(tile);
        let sums = unsafe {
            match self.matrix.layout {
                Layout::Nibbles(small) => self.nibbles::<L, P>(weights, small, at),
                Layout::Bytes(small) => self.bytes::<L, P>(weights, small, at),
                Layout::Super4 => self.super4::<L, P>(weights, at),
                Layout::Super6 => self.super6::<L, P>(weights, at),
                Layout::Floats => self.floats::<L, P>(weights, at),
                Layout::Halves => self.halves::<L, P>(weights, at),
            }
        };
        let rows = self.matrix.rows;
        for (p, sum) in sums.into_iter().enumerate() {
            let mut lanes = [0.0; WIDTH];
            unsafe { L::store(lanes.as_mut_ptr(), sum) };
            let first = tile * WIDTH;
            let count = WIDTH.min(rows - first);
            // SAFETY: each tile is one thread's, so these outputs are.
            unsafe { self.out.write((at + p) * rows + first, &lanes[..count]) };
        }
        P
    }

    #[inline(always)]
    unsafe fn nibbles<L: Lanes, const P: usize>(
        &self,
        weights: &[u8],
        small: Small,
        at: usize,
    ) -> [L::Floats; P] {
        let blocks = weights.chunks_exact(Layout::Nibbles(small).block_bytes());
        let mut sums = [unsafe { L::splat(0.0) }; P];
        for (b, block) in blocks.enumerate() {
            unsafe {
                let groups = nibble_groups::<L>(block);
                let halves = block.as_ptr().add(SMALL_BLOCK * WIDTH / 2).cast();
                add_small::<L, P, false>(&mut sums, &groups, halves, small, self.x, (at, b));
            }
        }
        sums
    }

    #[inline(always)]
    unsafe fn bytes<L: Lanes, const P: usize>(
        &self,
        weights: &[u8],
        small: Small,
        at: usize,
    ) -> [L::Floats; P] {
        let blocks = weights.chunks_exact(Layout::Bytes(small).block_bytes());
        let mut sums = [unsafe { L::splat(0.0) }; P];
        for (b, block) in blocks.enumerate() {
            unsafe {
                let groups = byte_groups::<L, GROUPS>(block);
                let halves = block.as_ptr().add(SMALL_BLOCK * WIDTH).cast();
                if small.offset == 128 {
                    add_small::<L, P, true>(&mut sums, &groups, halves, small, self.x, (at, b));
                } else {
                    add_small::<L, P, false>(&mut sums, &groups, halves, small, self.x, (at, b));
                }
            }
        }
        sums
    }

    #[inline(always)]
    unsafe fn super4<L: Lanes, const P: usize>(&self, weights: &[u8], at: usize) -> [L::Floats; P] {
        const PART: usize = SMALL_BLOCK * WIDTH / 2;
        const PARTS: usize = K_BLOCK / SMALL_BLOCK;
        let mut sums = [unsafe { L::splat(0.0) }; P];
        for (b, block) in weights
            .chunks_exact(Layout::Super4.block_bytes())
            .enumerate()
        {
            let scales = &block[PARTS * PART..];
            let leasts = &scales[PARTS * WIDTH..];
            let halves: *const u16 = leasts[PARTS * WIDTH..].as_ptr().cast();
            unsafe {
                let mut dots = [L::splat_int(0); P];
                let mut below = [L::splat_int(0); P];
                for part in 0..PARTS {
                    let groups = nibble_groups::<L>(&block[part * PART..]);
                    let scale = L::load_u8(scales[part * WIDTH..][..WIDTH].as_ptr());
                    let least = L::load_u8(leasts[part * WIDTH..][..WIDTH].as_ptr());
                    for p in 0..P {
                        let (values, sums) = self.super_part(at + p, b, part, SMALL_BLOCK);
                        let zero = L::splat_int(0);
                        let dot = dot::<L, GROUPS, false>(zero, &groups, values.as_ptr());
                        dots[p] = L::add_ints(dots[p], L::mul_ints(scale, dot));
                        let sum = L::splat_int(sums[0] + sums[1]);
                        below[p] = L::add_ints(below[p], L::mul_ints(least, sum));
                    }
                }
                let (scale, least) = (L::load_halves(halves), L::load_halves(halves.add(WIDTH)));
                for p in 0..P {
                    let unit = L::splat(self.super_scale(at + p, b));
                    sums[p] = L::fma(L::mul(scale, unit), L::to_floats(dots[p]), sums[p]);
                    let least = L::neg(L::mul(least, unit));
                    sums[p] = L::fma(least, L::to_floats(below[p]), sums[p]);
                }
            }
        }
        sums
    }

    #[inline(always)]
    unsafe fn super6<L: Lanes, const P: usize>(&self, weights: &[u8], at: usize) -> [L::Floats; P] {
        const PART_LEN: usize = 16;
        const PART: usize = PART_LEN * WIDTH;
        const PARTS: usize = K_BLOCK / PART_LEN;
        let mut sums = [unsafe { L::splat(0.0) }; P];
        for (b, block) in weights
            .chunks_exact(Layout::Super6.block_bytes())
            .enumerate()
        {
            let scales = &block[PARTS * PART..];
            let halves: *const u16 = scales[PARTS * WIDTH..].as_ptr().cast();
            unsafe {
                let mut dots = [L::splat_int(0); P];
                for part in 0..PARTS {
                    let groups = byte_groups::<L, { PART_LEN / 4 }>(&block[part * PART..]);
                    let scale = L::load_i8(scales[part * WIDTH..][..WIDTH].as_ptr());
                    for p in 0..P {
                        let (values, sums) = self.super_part(at + p, b, part, PART_LEN);
                        let start = L::splat_int(-32 * sums[0]);
                        let dot =
                            dot::<L, { PART_LEN / 4 }, false>(start, &groups, values.as_ptr());
                        dots[p] = L::add_ints(dots[p], L::mul_ints(scale, dot));
                    }
                }
                let scale = L::load_halves(halves);
                for p in 0..P {
                    let unit = L::splat(self.super_scale(at + p, b));
                    sums[p] = L::fma(L::mul(scale, unit), L::to_floats(dots[p]), sums[p]);
                }
            }
        }
        sums
    }

    /// Values of one part of a super-block of the input, and their sums by sixteen.
    #[inline(always)]
    fn super_part(&self, position: usize, b: usize, part: usize, len: usize) -> (&[i8], &[i32]) {
        let first = position * self.x.columns + b * K_BLOCK + part * len;
        (
            &self.x.values[first..][..len],
            &self.x.sums[first / 16..][..len / 16],
        )
    }

    #[inline(always)]
    fn super_scale(&self, position: usize, b: usize) -> f32 {
        self.x.scales[position * (self.x.columns / K_BLOCK) + b]
    }

    #[inline(always)]
    unsafe fn floats<L: Lanes, const P: usize>(&self, weights: &[u8], at: usize) -> [L::Floats; P] {
        let load = |w: &[u8]| unsafe { L::load(w.as_ptr().cast()) };
        unsafe { self.fused::<L, P>(weights.chunks_exact(4 * WIDTH), load, at) }
    }

    #[inline(always)]
    unsafe fn halves<L: Lanes, const P: usize>(&self, weights: &[u8], at: usize) -> [L::Floats; P] {
        let load = |w: &[u8]| unsafe { L::load_halves(w.as_ptr().cast()) };
        unsafe { self.fused::<L, P>(weights.chunks_exact(2 * WIDTH), load, at) }
    }

    #[inline(always)]
    unsafe fn fused<'w, L: Lanes, const P: usize>(
        &self,
        columns: impl Iterator<Item = &'w [u8]>,
        load: impl Fn(&'w [u8]) -> L::Floats,
        at: usize,
    ) -> [L::Floats; P] {
        let x: [&[f32]; P] =
            core::array::from_fn(|p| &self.x.floats[(at + p) * self.x.columns..][..self.x.columns]);
        let mut sums = [unsafe { L::splat(0.0) }; P];
        for (k, weights) in columns.enumerate() {
            let weights = load(weights);
            for p in 0..P {
                sums[p] = unsafe { L::fma(L::splat(x[p][k]), weights, sums[p]) };
            }
        }
        sums
    }
}

/// Adds the product of block `b` to the sums of `P` positions from `at` on.
///
/// # Safety
///
/// The input has these positions and this block, and the halves are there.
#[inline(always)]
unsafe fn add_small<L: Lanes, const P: usize, const WIDE: bool>(
    sums: &mut [L::Floats; P],
    groups: &[L::Bytes; GROUPS],
    halves: *const u16,
    small: Small,
    x: &Activations,
    (at, b): (usize, usize),
) {
    let blocks = x.columns / SMALL_BLOCK;
    unsafe {
        let scale = L::load_halves(halves);
        let least = match small.least {
            true => L::load_halves(halves.add(WIDTH)),
            false => scale,
        };
        for (p, sum) in sums.iter_mut().enumerate() {
            let i = (at + p) * blocks + b;
            let start = L::splat_int(-small.offset * x.sums.as_ptr().add(i).read());
            let values = x.values.as_ptr().add(i * SMALL_BLOCK);
            let dot = L::to_floats(dot::<L, GROUPS, WIDE>(start, groups, values));
            let unit = L::splat(x.scales.as_ptr().add(i).read());
            *sum = L::fma(L::mul(scale, unit), dot, *sum);
            if small.least {
                let scaled_sum = L::splat(x.scaled_sums.as_ptr().add(i).read());
                *sum = L::fma(least, scaled_sum, *sum);
            }
        }
    }
}

/// Adds to `sum` the products of groups of four weights with as many values.
///
/// # Safety
///
/// There are four values for each group.
#[inline(always)]
unsafe fn dot<L: Lanes, const G: usize, const WIDE: bool>(
    sum: L::Ints,
    groups: &[L::Bytes; G],
    values: *const i8,
) -> L::Ints {
    let mut sum = sum;
    for (g, group) in groups.iter().enumerate() {
        unsafe {
            let x = values.cast::<i32>().add(g).read_unaligned();
            sum = match WIDE {
                true => L::dot_wide(sum, *group, x),
                false => L::dot(sum, *group, x),
            };
        }
    }
    sum
}

// Vectors are put into arrays by loops, not by `from_fn` or `map`: what these are given is not always
// inlined, and then not compiled for the set's instructions.

#[inline(always)]
unsafe fn nibble_groups<L: Lanes>(block: &[u8]) -> [L::Bytes; GROUPS] {
    unsafe {
        let packed = byte_groups::<L, { GROUPS / 2 }>(block);
        let mut groups = [packed[0]; GROUPS];
        for (g, packed) in packed.into_iter().enumerate() {
            groups[g] = L::low_nibbles(packed);
            groups[g + GROUPS / 2] = L::high_nibbles(packed);
        }
        groups
    }
}

#[inline(always)]
unsafe fn byte_groups<L: Lanes, const G: usize>(block: &[u8]) -> [L::Bytes; G] {
    let block = &block[..G * 4 * WIDTH];
    unsafe {
        let mut groups = [L::load_bytes(block.as_ptr()); G];
        for (g, group) in groups.iter_mut().enumerate() {
            *group = L::load_bytes(block[g * 4 * WIDTH..][..4 * WIDTH].as_ptr());
        }
        groups
    }
}
