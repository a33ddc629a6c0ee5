//! What the tests of the fast kernels share.
#![allow(dead_code)] // Not every test needs all of it.

use kagari_kernels::{
    fast::InstructionSet,
    float::{Float, Hard},
};
use proptest::{prelude::*, test_runner::TestRng};

pub fn sets() -> impl Iterator<Item = InstructionSet> {
    InstructionSet::ALL.into_iter().filter(|s| s.is_available())
}

pub fn rng(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(prop::test_runner::RngAlgorithm::ChaCha, &bytes)
}

/// Numbers of very different magnitudes.
pub fn floats(rng: &mut TestRng, len: usize) -> Vec<f32> {
    let number = |_| {
        let unit = (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
        let scale = [1e-3, 1.0, 1.0, 8.0][rng.next_u32() as usize % 4];
        unit * scale
    };
    (0..len).map(number).collect()
}

pub fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

pub fn hard(x: &[f32]) -> Vec<Hard> {
    x.iter().copied().map(Hard).collect()
}

pub fn hard_bits(x: &[Hard]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}
