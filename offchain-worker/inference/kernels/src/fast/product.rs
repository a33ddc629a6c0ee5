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
                let input = self.block::<P>(at, b);
                add_small::<L, P, false>(&mut sums, &groups, halves, small, &input);
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
                let groups = byte_groups::<L>(block);
                let halves = block.as_ptr().add(SMALL_BLOCK * WIDTH).cast();
                let input = self.block::<P>(at, b);
                if small.offset == 128 {
                    add_small::<L, P, true>(&mut sums, &groups, halves, small, &input);
                } else {
                    add_small::<L, P, false>(&mut sums, &groups, halves, small, &input);
                }
            }
        }
        sums
    }

    /// Block `b` of the input of `P` positions.
    #[inline(always)]
    fn block<const P: usize>(&self, at: usize, b: usize) -> [SmallInput<'_>; P] {
        let blocks = self.x.columns / SMALL_BLOCK;
        core::array::from_fn(|p| {
            let i = (at + p) * blocks + b;
            SmallInput {
                values: &self.x.values[i * SMALL_BLOCK..][..SMALL_BLOCK],
                scale: self.x.scales[i],
                scaled_sum: self.x.scaled_sums[i],
                sum: self.x.sums[i],
            }
        })
    }

    #[inline(always)]
    unsafe fn super4<L: Lanes, const P: usize>(
        &self,
        weights: &[u8],
        at: usize,
    ) -> [L::Floats; P] {
        const PART: usize = SMALL_BLOCK * WIDTH / 2;
        const PARTS: usize = K_BLOCK / SMALL_BLOCK;
        let mut sums = [unsafe { L::splat(0.0) }; P];
        for (b, block) in weights.chunks_exact(Layout::Super4.block_bytes()).enumerate() {
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
                        let dot = dot::<L, false>(L::splat_int(0), &groups, values);
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
    unsafe fn super6<L: Lanes, const P: usize>(
        &self,
        weights: &[u8],
        at: usize,
    ) -> [L::Floats; P] {
        const PART_LEN: usize = 16;
        const PART: usize = PART_LEN * WIDTH;
        const PARTS: usize = K_BLOCK / PART_LEN;
        let mut sums = [unsafe { L::splat(0.0) }; P];
        for (b, block) in weights.chunks_exact(Layout::Super6.block_bytes()).enumerate() {
            let scales = &block[PARTS * PART..];
            let halves: *const u16 = scales[PARTS * WIDTH..].as_ptr().cast();
            unsafe {
                let mut dots = [L::splat_int(0); P];
                for part in 0..PARTS {
                    let groups: [L::Bytes; PART_LEN / 4] = core::array::from_fn(|g| {
                        L::load_bytes(block[part * PART + g * 4 * WIDTH..][..4 * WIDTH].as_ptr())
                    });
                    let scale = L::load_i8(scales[part * WIDTH..][..WIDTH].as_ptr());
                    for p in 0..P {
                        let (values, sums) = self.super_part(at + p, b, part, PART_LEN);
                        let start = L::splat_int(-32 * sums[0]);
                        let dot = dot::<L, false>(start, &groups, values);
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
    unsafe fn floats<L: Lanes, const P: usize>(
        &self,
        weights: &[u8],
        at: usize,
    ) -> [L::Floats; P] {
        let load = |w: &[u8]| unsafe { L::load(w.as_ptr().cast()) };
        unsafe { self.fused::<L, P>(weights.chunks_exact(4 * WIDTH), load, at) }
    }

    #[inline(always)]
    unsafe fn halves<L: Lanes, const P: usize>(
        &self,
        weights: &[u8],
        at: usize,
    ) -> [L::Floats; P] {
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

/// A block of 32 activations of one position.
#[derive(Clone, Copy)]
struct SmallInput<'a> {
    values: &'a [i8],
    scale: f32,
    scaled_sum: f32,
    sum: i32,
}

/// Adds a block's product to the sums of `P` positions.
#[inline(always)]
unsafe fn add_small<L: Lanes, const P: usize, const WIDE: bool>(
    sums: &mut [L::Floats; P],
    groups: &[L::Bytes; GROUPS],
    halves: *const u16,
    small: Small,
    input: &[SmallInput<'_>; P],
) {
    unsafe {
        let scale = L::load_halves(halves);
        for (sum, input) in sums.iter_mut().zip(input) {
            let start = L::splat_int(-small.offset * input.sum);
            let dot = L::to_floats(dot::<L, WIDE>(start, groups, input.values));
            *sum = L::fma(L::mul(scale, L::splat(input.scale)), dot, *sum);
        }
        if small.least {
            let least = L::load_halves(halves.add(WIDTH));
            for (sum, input) in sums.iter_mut().zip(input) {
                *sum = L::fma(least, L::splat(input.scaled_sum), *sum);
            }
        }
    }
}

/// Adds to `sum` the products of groups of four weights with as many values.
#[inline(always)]
unsafe fn dot<L: Lanes, const WIDE: bool>(
    sum: L::Ints,
    groups: &[L::Bytes],
    values: &[i8],
) -> L::Ints {
    let mut sum = sum;
    for (group, x) in groups.iter().zip(values.chunks_exact(4)) {
        // SAFETY: four bytes are there.
        let x = unsafe { x.as_ptr().cast::<i32>().read_unaligned() };
        sum = unsafe {
            if WIDE {
                L::dot_wide(sum, *group, x)
            } else {
                L::dot(sum, *group, x)
            }
        };
    }
    sum
}

#[inline(always)]
unsafe fn nibble_groups<L: Lanes>(block: &[u8]) -> [L::Bytes; GROUPS] {
    core::array::from_fn(|g| unsafe {
        let packed = &block[g % (GROUPS / 2) * 4 * WIDTH..][..4 * WIDTH];
        let packed = L::load_bytes(packed.as_ptr());
        if g < GROUPS / 2 {
            L::low_nibbles(packed)
        } else {
            L::high_nibbles(packed)
        }
    })
}

#[inline(always)]
unsafe fn byte_groups<L: Lanes>(block: &[u8]) -> [L::Bytes; GROUPS] {
    core::array::from_fn(|g| unsafe {
        L::load_bytes(block[g * 4 * WIDTH..][..4 * WIDTH].as_ptr())
    })
}
