//! Weights, laid out for the products: sixteen rows side by side.

use super::{
    lanes::WIDTH,
    memory::{Buffer, Memory, LINE},
};
use crate::{
    float::Hard,
    reference::{half, Format, SmallWeights, SuperWeights, K_BLOCK, SMALL_BLOCK},
};
use rayon::{
    iter::{IndexedParallelIterator, ParallelIterator},
    slice::{ParallelSlice, ParallelSliceMut},
};

/// Bytes of sixteen binary16 numbers.
const HALVES: usize = 2 * WIDTH;

/// Parts of a super-block that share a least value.
const K_PARTS: usize = K_BLOCK / SMALL_BLOCK;

/// How a tile (sixteen rows) of a matrix is laid out. Weights stand as bytes from 0 up, four of a row
/// together, those of the sixteen rows one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Blocks of 32 weights as nibbles: a vector has one group of four weights in the low nibbles, the
    /// group sixteen further on in the high ones.
    Nibbles(Small),
    /// Blocks of 32 weights as bytes.
    Bytes(Small),
    /// Super-blocks of [`Format::Q4K`].
    Super4,
    /// Super-blocks of [`Format::Q6K`].
    Super6,
    /// binary32, one weight of each row after the other.
    Floats,
    /// binary16, one weight of each row after the other.
    Halves,
}

/// What the layouts of small blocks differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Small {
    /// What a byte stands for, less than itself.
    pub offset: i32,
    /// Whether there are least values, besides the scales.
    pub least: bool,
}

impl Layout {
    fn of(format: Format) -> Self {
        let small = |offset, least| Small { offset, least };
        match format {
            Format::F32 => Self::Floats,
            Format::F16 => Self::Halves,
            Format::Q4_0 => Self::Nibbles(small(8, false)),
            Format::Q4_1 => Self::Nibbles(small(0, true)),
            Format::Q5_0 => Self::Bytes(small(16, false)),
            Format::Q5_1 => Self::Bytes(small(0, true)),
            Format::Q8_0 => Self::Bytes(small(128, false)),
            Format::Q4K => Self::Super4,
            Format::Q6K => Self::Super6,
        }
    }

    /// Bytes of a block of sixteen rows.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::Nibbles(small) => SMALL_BLOCK * WIDTH / 2 + small.halves(),
            Self::Bytes(small) => SMALL_BLOCK * WIDTH + small.halves(),
            // Scales and least values of 32 weights each are bytes.
            Self::Super4 => K_BLOCK * WIDTH / 2 + 2 * K_BLOCK / SMALL_BLOCK * WIDTH + 2 * HALVES,
            // Scales of 16 weights each are bytes.
            Self::Super6 => K_BLOCK * WIDTH + K_BLOCK / 16 * WIDTH + HALVES,
            Self::Floats => 4 * WIDTH,
            Self::Halves => 2 * WIDTH,
        }
    }
}

impl Small {
    const fn halves(self) -> usize {
        if self.least {
            2 * HALVES
        } else {
            HALVES
        }
    }
}

/// A matrix of weights: `rows` outputs of `columns` inputs.
pub struct Matrix {
    pub(super) format: Format,
    pub(super) layout: Layout,
    pub(super) rows: usize,
    pub(super) columns: usize,
    tiles: Buffer,
}

impl Matrix {
    /// Lays out the rows of a matrix, as they stand in a file, in memory of its own; `None` if the bytes are
    /// not so many, or there is no memory.
    pub fn pack(format: Format, rows: usize, columns: usize, bytes: &[u8]) -> Option<Self> {
        let mut memory = Memory::new(Self::packed_bytes(format, rows, columns)?).ok()?;
        Self::pack_in(&mut memory, format, rows, columns, bytes)
    }

    /// Lays out the rows of a matrix, as they stand in a file, on the threads of the pool that it is called
    /// in; `None` if the bytes are not so many, or the memory has not so many left as
    /// [`packed_bytes`](Self::packed_bytes) says.
    pub fn pack_in(
        memory: &mut Memory,
        format: Format,
        rows: usize,
        columns: usize,
        bytes: &[u8],
    ) -> Option<Self> {
        let row_bytes = format.row_bytes(columns)?;
        if row_bytes.checked_mul(rows)? != bytes.len() || bytes.is_empty() {
            return None;
        }
        let layout = Layout::of(format);
        let blocks = columns / format.block_len();
        let tile_bytes = blocks * layout.block_bytes();
        let mut tiles = memory.take(rows.div_ceil(WIDTH) * tile_bytes)?;
        let tile_rows = bytes.par_chunks(WIDTH * row_bytes);
        let pack_tile = |(tile, rows): (&mut [u8], &[u8])| {
            let rows = rows.chunks_exact(row_bytes).enumerate();
            rows.for_each(|(lane, row)| pack_row(format, layout, lane, row, tile));
        };
        let pairs = tiles.bytes_mut().par_chunks_exact_mut(tile_bytes);
        pairs.zip(tile_rows).for_each(pack_tile);
        Some(Self {
            format,
            layout,
            rows,
            columns,
            tiles,
        })
    }

    /// Bytes of memory that a matrix takes up once it is laid out; `None` for no whole blocks, or beyond all bounds.
    pub fn packed_bytes(format: Format, rows: usize, columns: usize) -> Option<usize> {
        format.row_bytes(columns)?;
        let tile_bytes =
            (columns / format.block_len()).checked_mul(Layout::of(format).block_bytes())?;
        let bytes = rows.div_ceil(WIDTH).checked_mul(tile_bytes)?;
        bytes.checked_next_multiple_of(LINE)
    }

    /// How the weights were stored.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Number of outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// A row as floats: an embedding.
    pub fn row(&self, row: usize) -> Vec<f32> {
        let blocks = self
            .tile(row / WIDTH)
            .chunks_exact(self.layout.block_bytes());
        let lane = row % WIDTH;
        let floats = blocks.flat_map(|block| floats(self.layout, lane, block));
        floats.map(|x| x.0).collect()
    }

    pub(super) fn tile_count(&self) -> usize {
        self.rows.div_ceil(WIDTH)
    }

    pub(super) fn tile(&self, index: usize) -> &[u8] {
        let len = self.columns / self.format.block_len() * self.layout.block_bytes();
        &self.tiles.bytes()[index * len..][..len]
    }
}

/// Puts a row into its lane of a tile.
fn pack_row(format: Format, layout: Layout, lane: usize, row: &[u8], tile: &mut [u8]) {
    let from = row.chunks_exact(format.block_bytes());
    let blocks = from.zip(tile.chunks_exact_mut(layout.block_bytes()));
    match layout {
        // In the file too, a nibble and the one sixteen further on share a byte, and the halves come first.
        Layout::Nibbles(Small { least: true, .. }) => {
            blocks.for_each(|(from, to)| copy_small::<4, 2, 0>(from, lane, to));
        }
        Layout::Nibbles(_) => blocks.for_each(|(from, to)| copy_small::<4, 1, 0>(from, lane, to)),
        // From two's complement to what is 128 more.
        Layout::Bytes(Small { offset: 128, .. }) => {
            blocks.for_each(|(from, to)| copy_small::<8, 1, 0x80>(from, lane, to));
        }
        _ => blocks.for_each(|(from, to)| pack(format, layout, lane, from, to)),
    }
}

/// Puts a block of one row into its lane.
fn pack(format: Format, layout: Layout, lane: usize, block: &[u8], to: &mut [u8]) {
    match layout {
        Layout::Nibbles(small) => {
            let weights = SmallWeights::read(format, block);
            let (quants, halves) = to.split_at_mut(SMALL_BLOCK * WIDTH / 2);
            let values = weights.values.map(|v| (i32::from(v) + small.offset) as u8);
            put_nibbles(quants, lane, values);
            put_small_halves(halves, lane, &weights);
        }
        Layout::Bytes(small) => {
            let weights = SmallWeights::read(format, block);
            let (quants, halves) = to.split_at_mut(SMALL_BLOCK * WIDTH);
            put_bytes(
                quants,
                lane,
                &weights.values.map(|v| (i32::from(v) + small.offset) as u8),
            );
            put_small_halves(halves, lane, &weights);
        }
        Layout::Super4 => put_super4(to, lane, &SuperWeights::read(format, block)),
        Layout::Super6 => put_super6(to, lane, &SuperWeights::read(format, block)),
        Layout::Floats => to[4 * lane..][..4].copy_from_slice(block),
        Layout::Halves => to[2 * lane..][..2].copy_from_slice(block),
    }
}

/// Copies a block whose bytes stand in the file as they do in a tile, but for `FLIPPED` bits: so many
/// halves, and then so many groups of four bytes. With numbers that the compiler knows it is a few moves.
#[inline(always)]
fn copy_small<const GROUPS: usize, const NUMBERS: usize, const FLIPPED: u8>(
    block: &[u8],
    lane: usize,
    to: &mut [u8],
) {
    let (halves, quants) = block.split_at(2 * NUMBERS);
    let (to_quants, to_halves) = to.split_at_mut(GROUPS * 4 * WIDTH);
    copy_lane::<4, GROUPS>(quants, lane, to_quants, |bytes| {
        let flipped = u32::from_ne_bytes(bytes) ^ u32::from_ne_bytes([FLIPPED; 4]);
        flipped.to_ne_bytes()
    });
    copy_lane::<2, NUMBERS>(halves, lane, to_halves, |half| half);
}

/// Copies so many groups of `N` bytes to where a lane has them.
#[inline(always)]
fn copy_lane<const N: usize, const GROUPS: usize>(
    from: &[u8],
    lane: usize,
    to: &mut [u8],
    change: impl Fn([u8; N]) -> [u8; N],
) {
    let (from, _) = from.as_chunks::<N>();
    let (to, _) = to.as_chunks_mut::<N>();
    let (from, to) = (&from[..GROUPS], &mut to[..GROUPS * WIDTH]);
    let lane = lane % WIDTH;
    for group in 0..GROUPS {
        to[group * WIDTH + lane] = change(from[group]);
    }
}

/// One lane's block as floats.
fn floats(layout: Layout, lane: usize, block: &[u8]) -> Vec<Hard> {
    match layout {
        Layout::Nibbles(small) => {
            let (quants, halves) = block.split_at(SMALL_BLOCK * WIDTH / 2);
            let values = nibbles_of(quants, lane);
            small_weights(small, halves, lane, values).floats().to_vec()
        }
        Layout::Bytes(small) => {
            let (quants, halves) = block.split_at(SMALL_BLOCK * WIDTH);
            let values = core::array::from_fn(|i| quants[place(i, lane)]);
            small_weights(small, halves, lane, values).floats().to_vec()
        }
        Layout::Super4 => super4_of(block, lane).floats().to_vec(),
        Layout::Super6 => super6_of(block, lane).floats().to_vec(),
        Layout::Floats => {
            let bytes = block[4 * lane..].first_chunk().copied();
            vec![Hard(f32::from_le_bytes(bytes.unwrap_or_default()))]
        }
        Layout::Halves => vec![half(half_of(block, lane))],
    }
}

fn small_weights(
    small: Small,
    halves: &[u8],
    lane: usize,
    values: [u8; SMALL_BLOCK],
) -> SmallWeights {
    SmallWeights {
        scale: half_of(halves, lane),
        least: small.least.then(|| half_of(&halves[HALVES..], lane)),
        values: values.map(|value| (i32::from(value) - small.offset) as i8),
    }
}

fn half_of(halves: &[u8], lane: usize) -> u16 {
    u16::from_le_bytes([halves[2 * lane], halves[2 * lane + 1]])
}

fn nibbles_of(quants: &[u8], lane: usize) -> [u8; SMALL_BLOCK] {
    core::array::from_fn(|i| {
        let byte = quants[place(i % (SMALL_BLOCK / 2), lane)];
        byte >> (i / (SMALL_BLOCK / 2) * 4) & 15
    })
}

fn super4_of(block: &[u8], lane: usize) -> SuperWeights {
    let (quants, rest) = block.split_at(K_BLOCK * WIDTH / 2);
    let (scales, rest) = rest.split_at(K_PARTS * WIDTH);
    let (leasts, halves) = rest.split_at(K_PARTS * WIDTH);
    let mut values = [0; K_BLOCK];
    let parts = quants.chunks_exact(SMALL_BLOCK * WIDTH / 2);
    for (values, quants) in values.chunks_exact_mut(SMALL_BLOCK).zip(parts) {
        let nibbles = nibbles_of(quants, lane).into_iter();
        values
            .iter_mut()
            .zip(nibbles)
            .for_each(|(v, n)| *v = n as i8);
    }
    SuperWeights {
        scale: half_of(halves, lane),
        least: Some(half_of(&halves[HALVES..], lane)),
        scales: core::array::from_fn(|i| scales[i / 2 * WIDTH + lane] as i8),
        leasts: core::array::from_fn(|i| leasts[i * WIDTH + lane]),
        values,
    }
}

fn super6_of(block: &[u8], lane: usize) -> SuperWeights {
    let (quants, rest) = block.split_at(K_BLOCK * WIDTH);
    let (scales, halves) = rest.split_at(K_BLOCK / 16 * WIDTH);
    SuperWeights {
        scale: half_of(halves, lane),
        least: None,
        scales: core::array::from_fn(|i| scales[i * WIDTH + lane] as i8),
        leasts: [0; K_PARTS],
        values: core::array::from_fn(|i| quants[place(i, lane)] as i8 - 32),
    }
}

fn put_half(halves: &mut [u8], lane: usize, value: u16) {
    halves[2 * lane..][..2].copy_from_slice(&value.to_le_bytes());
}

fn put_small_halves(halves: &mut [u8], lane: usize, weights: &SmallWeights) {
    put_half(halves, lane, weights.scale);
    if let Some(least) = weights.least {
        put_half(&mut halves[HALVES..], lane, least);
    }
}

/// Where the weight `i` of a lane stands among bytes in groups of four.
fn place(i: usize, lane: usize) -> usize {
    i / 4 * 4 * WIDTH + 4 * lane + i % 4
}

fn put_bytes(quants: &mut [u8], lane: usize, values: &[u8]) {
    for (i, value) in values.iter().enumerate() {
        quants[place(i, lane)] = *value;
    }
}

fn put_nibbles(quants: &mut [u8], lane: usize, values: [u8; SMALL_BLOCK]) {
    let (low, high) = values.split_at(SMALL_BLOCK / 2);
    for (i, (low, high)) in low.iter().zip(high).enumerate() {
        quants[place(i, lane)] = low | high << 4;
    }
}

fn put_super4(to: &mut [u8], lane: usize, weights: &SuperWeights) {
    let (quants, rest) = to.split_at_mut(K_BLOCK * WIDTH / 2);
    let (scales, rest) = rest.split_at_mut(K_PARTS * WIDTH);
    let (leasts, halves) = rest.split_at_mut(K_PARTS * WIDTH);
    let parts = quants.chunks_exact_mut(SMALL_BLOCK * WIDTH / 2);
    for (part, quants) in parts.enumerate() {
        let values = core::array::from_fn(|i| weights.values[part * SMALL_BLOCK + i] as u8);
        put_nibbles(quants, lane, values);
        scales[part * WIDTH + lane] = weights.scales[2 * part] as u8;
        leasts[part * WIDTH + lane] = weights.leasts[part];
    }
    put_half(halves, lane, weights.scale);
    put_half(&mut halves[HALVES..], lane, weights.least.unwrap_or(0));
}

fn put_super6(to: &mut [u8], lane: usize, weights: &SuperWeights) {
    let (quants, rest) = to.split_at_mut(K_BLOCK * WIDTH);
    let (scales, halves) = rest.split_at_mut(K_BLOCK / 16 * WIDTH);
    put_bytes(quants, lane, &weights.values.map(|v| (v + 32) as u8));
    for (part, scale) in weights.scales.iter().enumerate() {
        scales[part * WIDTH + lane] = *scale as u8;
    }
    put_half(halves, lane, weights.scale);
}
