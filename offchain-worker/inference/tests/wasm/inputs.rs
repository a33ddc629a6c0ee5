//! Numbers and weights of every kind: ordinary ones, and those with which steps go wrong.

use kagari_kernels::reference::Format;
use proptest::{prelude::*, test_runner::TestRng};

/// What numbers are like.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Of magnitudes that come up in models.
    Ordinary,
    /// Subnormal ones among them, and around the least that is quantised.
    Tiny,
    /// So great that products and sums overflow.
    Huge,
    /// Zeros of both signs, and few others.
    Sparse,
    /// Any bits: infinities and NaNs among them.
    Any,
}

/// Ordinary numbers twice, so that more than half of all steps have a result.
pub const KINDS: [Kind; 6] = [
    Kind::Ordinary,
    Kind::Ordinary,
    Kind::Tiny,
    Kind::Huge,
    Kind::Sparse,
    Kind::Any,
];

pub fn rng(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &bytes)
}

pub fn floats(rng: &mut TestRng, kind: Kind, len: usize) -> Vec<f32> {
    (0..len).map(|_| float(rng, kind)).collect()
}

fn float(rng: &mut TestRng, kind: Kind) -> f32 {
    let unit = (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
    match kind {
        Kind::Ordinary => unit * [1e-3, 1.0, 1.0, 8.0][one_of(rng, 4)],
        Kind::Tiny => unit * [1e-45, 1e-40, 1e-30, 1e-23, 1e-22][one_of(rng, 5)],
        Kind::Huge => unit * [1e10, 1e19, 1e30, f32::MAX][one_of(rng, 4)],
        Kind::Sparse => [0.0, -0.0, 0.0, -0.0, unit][one_of(rng, 5)],
        // Infinities and NaNs are few, so that vectors without them come up.
        Kind::Any if one_of(rng, 64) > 0 => f32::from_bits(rng.next_u32() & 0xbfff_ffff),
        Kind::Any => f32::from_bits(rng.next_u32() | 0x7f80_0000),
    }
}

fn one_of(rng: &mut TestRng, count: usize) -> usize {
    rng.next_u32() as usize % count
}

/// A row of weights as it stands in a file. Scales are of magnitudes that come up in models, or any binary16
/// numbers.
pub fn row(rng: &mut TestRng, format: Format, kind: Kind, len: usize) -> Vec<u8> {
    if format == Format::F32 {
        let floats = floats(rng, kind, len);
        return floats.iter().flat_map(|f| f.to_le_bytes()).collect();
    }
    let mut bytes = vec![0; format.row_bytes(len).unwrap()];
    rng.fill_bytes(&mut bytes);
    if matches!(kind, Kind::Any) {
        return bytes;
    }
    for block in bytes.chunks_exact_mut(format.block_bytes()) {
        for at in halves(format) {
            let exponent = match kind {
                Kind::Tiny => 0,
                Kind::Huge => 30,
                _ => 4 + (rng.next_u32() % 12) as u8,
            };
            block[at + 1] = (block[at + 1] & 0x83) | (exponent << 2);
        }
    }
    bytes
}

/// Where the binary16 numbers of a block stand.
fn halves(format: Format) -> &'static [usize] {
    match format {
        Format::F32 => &[],
        Format::F16 | Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => &[0],
        Format::Q4_1 | Format::Q5_1 | Format::Q4K => &[0, 2],
        Format::Q6K => &[208],
    }
}
