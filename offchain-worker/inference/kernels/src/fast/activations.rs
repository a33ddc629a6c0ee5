//! Activations of several positions, as the products want them.

use super::{
    dispatch::{InstructionSet, Kernel},
    lanes::{Lanes, WIDTH},
    threads::Threads,
};
use crate::{
    reference::{Format, K_BLOCK, LEAST_ACTIVATION, SMALL_BLOCK},
    NonFinite,
};
use rayon::{
    iter::{IndexedParallelIterator, ParallelIterator},
    slice::{ParallelSlice, ParallelSliceMut},
};

/// How a product wants its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it is.
    Floats,
    /// In blocks of 32.
    Small,
    /// In blocks of 256.
    Super,
}

impl Kind {
    pub fn of(format: Format) -> Self {
        match format {
            Format::F32 | Format::F16 => Self::Floats,
            Format::Q4K | Format::Q6K => Self::Super,
            _ => Self::Small,
        }
    }

    /// Values that share a scale, and values that are summed up together.
    const fn lengths(self) -> (usize, usize) {
        match self {
            Self::Super => (K_BLOCK, K_BLOCK / 16),
            _ => (SMALL_BLOCK, SMALL_BLOCK),
        }
    }
}

/// Activations of several positions, in the kind that one format of weights wants.
pub struct Activations {
    pub(super) kind: Kind,
    pub(super) columns: usize,
    pub(super) positions: usize,
    /// As they are: position, column.
    pub(super) floats: Vec<f32>,
    /// Quantised: position, column.
    pub(super) values: Vec<i8>,
    /// Position, block.
    pub(super) scales: Vec<f32>,
    /// Scale times sum of the values: position, block.
    pub(super) scaled_sums: Vec<f32>,
    /// Sums of 32 values, for super-blocks of 16: position, part.
    pub(super) sums: Vec<i32>,
}

impl Activations {
    /// Prepares rows of `columns` for weights of `format`; the columns are whole blocks of it.
    pub fn prepare(
        set: InstructionSet,
        threads: &Threads,
        format: Format,
        columns: usize,
        x: &[f32],
    ) -> Result<Self, NonFinite> {
        let kind = Kind::of(format);
        let mut prepared = Self {
            kind,
            columns,
            positions: x.len() / columns,
            floats: Vec::new(),
            values: Vec::new(),
            scales: Vec::new(),
            scaled_sums: Vec::new(),
            sums: Vec::new(),
        };
        if kind == Kind::Floats {
            prepared.floats = x.to_vec();
            return Ok(prepared);
        }
        let (block, part) = kind.lengths();
        prepared.values = vec![0; x.len()];
        prepared.scales = vec![0.0; x.len() / block];
        prepared.scaled_sums = vec![0.0; x.len() / block];
        prepared.sums = vec![0; x.len() / part];
        let piece = threads.rows_together(prepared.positions) * columns;
        let job = |(((x, values), sums), (scales, scaled_sums))| {
            set.run(Quantise {
                block,
                part,
                x,
                values,
                sums,
                scales,
                scaled_sums,
            })
        };
        let values = prepared.values.par_chunks_mut(piece);
        let sums = prepared.sums.par_chunks_mut(piece / part);
        let scales = prepared.scales.par_chunks_mut(piece / block);
        let scaled_sums = prepared.scaled_sums.par_chunks_mut(piece / block);
        let jobs = x.par_chunks(piece).zip(values).zip(sums);
        threads.run(|| jobs.zip(scales.zip(scaled_sums)).try_for_each(job))?;
        Ok(prepared)
    }

    /// Makes sure that all parts are as long as they should be, on which the products rely.
    pub(super) fn assert_whole(&self) {
        let (block, part) = self.kind.lengths();
        let len = self.positions * self.columns;
        let is_whole = match self.kind {
            Kind::Floats => self.floats.len() == len,
            _ => {
                self.values.len() == len
                    && self.scales.len() == len / block
                    && self.scaled_sums.len() == len / block
                    && self.sums.len() == len / part
            }
        };
        assert!(is_whole);
    }

    /// Whether they will do for weights of `format` too.
    pub fn fit(&self, format: Format) -> bool {
        self.kind == Kind::of(format)
    }
}

/// Quantises whole blocks.
struct Quantise<'a> {
    /// Values that share a scale.
    block: usize,
    /// Values that are summed up together.
    part: usize,
    x: &'a [f32],
    values: &'a mut [i8],
    sums: &'a mut [i32],
    scales: &'a mut [f32],
    scaled_sums: &'a mut [f32],
}

impl Kernel for Quantise<'_> {
    type Output = Result<(), NonFinite>;

    #[inline(always)]
    unsafe fn run<L: Lanes>(self) -> Result<(), NonFinite> {
        let Self { block, part, .. } = self;
        let values = self.values.chunks_exact_mut(block);
        let sums = self.sums.chunks_exact_mut(block / part);
        let scales = self.scales.iter_mut().zip(self.scaled_sums);
        let blocks = self.x.chunks_exact(block).zip(values).zip(sums);
        for (((x, values), sums), (scale, scaled_sum)) in blocks.zip(scales) {
            *scale = unsafe { quantise::<L>(x, values)? };
            for (sum, values) in sums.iter_mut().zip(values.chunks_exact(part)) {
                *sum = values.iter().map(|v| i32::from(*v)).sum();
            }
            *scaled_sum = *scale * sums.iter().sum::<i32>() as f32;
        }
        Ok(())
    }
}

#[inline(always)]
unsafe fn quantise<L: Lanes>(x: &[f32], values: &mut [i8]) -> Result<f32, NonFinite> {
    let greatest = x
        .iter()
        .fold(0, |g: u32, x| g.max(x.to_bits() & 0x7fff_ffff));
    let greatest = f32::from_bits(greatest);
    if !greatest.is_finite() {
        return Err(NonFinite);
    }
    if greatest < LEAST_ACTIVATION {
        return Ok(0.0);
    }
    unsafe {
        let inverse = L::splat(127.0 / greatest);
        let mut ints = [0i32; WIDTH];
        for (x, values) in x.chunks_exact(WIDTH).zip(values.chunks_exact_mut(WIDTH)) {
            let scaled = L::mul(L::load(x.as_ptr()), inverse);
            L::store_ints(ints.as_mut_ptr(), L::to_ints(scaled));
            values.iter_mut().zip(ints).for_each(|(v, i)| *v = i as i8);
        }
    }
    Ok(greatest / 127.0)
}
