//! The blocks in which GGUF files keep quantised weights (ggml's formats, little-endian).

use crate::float::Float;

/// Weights of a block of the simpler formats.
pub const SMALL_BLOCK: usize = 32;
/// Weights of a super-block of the K formats.
pub const K_BLOCK: usize = 256;

/// How a matrix is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// binary32.
    F32,
    /// binary16.
    F16,
    /// 4 bits with a scale.
    Q4_0,
    /// 4 bits with a scale and a least value.
    Q4_1,
    /// 5 bits with a scale.
    Q5_0,
    /// 5 bits with a scale and a least value.
    Q5_1,
    /// 8 bits with a scale.
    Q8_0,
    /// 4 bits; scales and least values of 32 weights each in 6 bits.
    Q4K,
    /// 6 bits; scales of 16 weights each in 8 bits.
    Q6K,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::F32,
        Self::F16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q4K,
        Self::Q6K,
    ];

    /// Weights of a block.
    pub const fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 => 1,
            Self::Q4K | Self::Q6K => K_BLOCK,
            _ => SMALL_BLOCK,
        }
    }

    /// Bytes of a block.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q4K => 144,
            Self::Q6K => 210,
        }
    }

    /// Bytes of a row of so many weights; `None` if it has no whole number of blocks.
    pub const fn row_bytes(self, len: usize) -> Option<usize> {
        if !len.is_multiple_of(self.block_len()) {
            return None;
        }
        (len / self.block_len()).checked_mul(self.block_bytes())
    }
}

/// A block of 32 weights: each is `scale · value`, or `scale · value + least`.
pub struct SmallWeights {
    /// binary16.
    pub scale: u16,
    /// binary16.
    pub least: Option<u16>,
    /// −128 to 127.
    pub values: [i8; SMALL_BLOCK],
}

impl SmallWeights {
    /// Reads a block of `format`, which is one of 32 weights.
    pub fn read(format: Format, block: &[u8]) -> Self {
        let half = |at: usize| u16::from_le_bytes([block[at], block[at + 1]]);
        let word = |at: usize| {
            u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
        };
        let (least, values) = match format {
            Format::Q4_0 => (None, nibbles(&block[2..], 0, 8)),
            Format::Q4_1 => (Some(half(2)), nibbles(&block[4..], 0, 0)),
            Format::Q5_0 => (None, nibbles(&block[6..], word(2), 16)),
            Format::Q5_1 => (Some(half(2)), nibbles(&block[8..], word(4), 0)),
            _ => (None, core::array::from_fn(|i| block[2 + i] as i8)),
        };
        Self {
            scale: half(0),
            least,
            values,
        }
    }

    /// The weights as floats.
    pub fn floats<F: Float>(&self) -> [F; SMALL_BLOCK] {
        let scale = half::<F>(self.scale);
        let least = self.least.map(half::<F>);
        self.values.map(|value| {
            let value = F::from_i32(value.into());
            match least {
                Some(least) => scale.fma(value, least),
                None => scale.mul(value),
            }
        })
    }
}

/// 16 low nibbles, then 16 high ones, with a fifth bit each out of `fifth`, less `offset`.
fn nibbles(bytes: &[u8], fifth: u32, offset: i8) -> [i8; SMALL_BLOCK] {
    core::array::from_fn(|i| {
        let nibble = bytes[i % 16] >> (i / 16 * 4) & 15;
        let bit = (fifth >> i & 1) as u8;
        (nibble | bit << 4) as i8 - offset
    })
}

/// A super-block: weight `i` is `scale · scales[i / 16] · values[i]`, less `least · leasts[i / 32]`
/// where there is a least value.
pub struct SuperWeights {
    /// binary16.
    pub scale: u16,
    /// binary16.
    pub least: Option<u16>,
    /// For 16 weights each.
    pub scales: [i8; 16],
    /// For 32 weights each.
    pub leasts: [u8; 8],
    /// The values.
    pub values: [i8; K_BLOCK],
}

impl SuperWeights {
    /// Reads a block of `format`, which is one of 256 weights.
    pub fn read(format: Format, block: &[u8]) -> Self {
        match format {
            Format::Q4K => Self::read_q4(block),
            _ => Self::read_q6(block),
        }
    }

    fn read_q4(block: &[u8]) -> Self {
        let packed = &block[4..16];
        let six_bits = |j: usize| match j {
            0..4 => (packed[j] & 63, packed[j + 4] & 63),
            _ => (
                packed[j + 4] & 15 | packed[j - 4] >> 6 << 4,
                packed[j + 4] >> 4 | packed[j] >> 6 << 4,
            ),
        };
        let quants = &block[16..];
        let value = |i: usize| (quants[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15) as i8;
        Self {
            scale: u16::from_le_bytes([block[0], block[1]]),
            least: Some(u16::from_le_bytes([block[2], block[3]])),
            scales: core::array::from_fn(|i| six_bits(i / 2).0 as i8),
            leasts: core::array::from_fn(|j| six_bits(j).1),
            values: core::array::from_fn(value),
        }
    }

    fn read_q6(block: &[u8]) -> Self {
        let (low, high) = (&block[..128], &block[128..192]);
        let value = |i: usize| {
            let (half, quarter, at) = (i / 128, i / 32 % 4, i % 32);
            let four = low[half * 64 + quarter % 2 * 32 + at] >> (quarter / 2 * 4) & 15;
            let two = high[half * 32 + at] >> (quarter * 2) & 3;
            (four | two << 4) as i8 - 32
        };
        Self {
            scale: u16::from_le_bytes([block[208], block[209]]),
            least: None,
            scales: core::array::from_fn(|i| block[192 + i] as i8),
            leasts: [0; 8],
            values: core::array::from_fn(value),
        }
    }

    /// The weights as floats.
    pub fn floats<F: Float>(&self) -> [F; K_BLOCK] {
        let integer = |n: i32| F::from_i32(n);
        core::array::from_fn(|i| {
            let scale = half::<F>(self.scale).mul(integer(self.scales[i / 16].into()));
            let value = integer(self.values[i].into());
            match self.least.map(half::<F>) {
                Some(least) => {
                    let below = least.mul(integer(self.leasts[i / 32].into()));
                    scale.fma(value, below.neg())
                }
                None => scale.mul(value),
            }
        })
    }
}

/// A binary16 number as binary32, which is exact.
pub fn half<F: Float>(bits: u16) -> F {
    let (sign, rest) = (u32::from(bits & 0x8000) << 16, u32::from(bits & 0x7fff));
    let magnitude = match rest >> 10 {
        // An infinity or a NaN.
        31 => 0x7f80_0000 | (rest & 0x3ff) << 13,
        // A multiple of 2^-24.
        0 => {
            let scale = F::from_bits(0x3380_0000);
            F::from_i32(rest as i32).mul(scale).to_bits()
        }
        _ => (rest << 13) + (112 << 23),
    };
    F::from_bits(sign | magnitude)
}
