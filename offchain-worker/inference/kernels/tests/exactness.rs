//! The fast kernels against the specification, bit for bit: on every instruction set of this machine,
//! with several threads, whole and in pieces.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{bits, floats, hard, hard_bits, rng, sets};
use kagari_kernels::{
    fast::{
        gate, gelu, layer_norm, likelihoods, rms_norm, Activations, InstructionSet, Matrix, Pairs,
        Rotation, Threads,
    },
    float::{Float, Hard},
    reference::{self, Format, Quantised},
    soft::Soft,
};
use proptest::{prelude::*, test_runner::TestRng};

/// Random bytes as blocks of a format, with scales that are small finite numbers.
fn weights(rng: &mut TestRng, format: Format, rows: usize, columns: usize) -> Vec<u8> {
    if format == Format::F32 {
        let floats = floats(rng, rows * columns);
        return floats.iter().flat_map(|f| f.to_le_bytes()).collect();
    }
    let mut bytes = vec![0; rows * format.row_bytes(columns).unwrap()];
    rng.fill_bytes(&mut bytes);
    let halves: &[usize] = match format {
        Format::F16 | Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => &[0],
        Format::Q6K => &[208],
        _ => &[0, 2],
    };
    for block in bytes.chunks_exact_mut(format.block_bytes()) {
        for at in halves {
            // An exponent from 2^-11 to 2^0.
            let exponent = (4 + rng.next_u32() % 12) as u8;
            block[at + 1] = (block[at + 1] & 0x83) | (exponent << 2);
        }
    }
    bytes
}

fn quantise<F: Float>(format: Format, x: &[f32]) -> Quantised<F> {
    let x: Vec<F> = x.iter().map(|x| F::of(*x)).collect();
    match format.block_len() {
        256 => Quantised::super_blocks(&x).unwrap(),
        _ => Quantised::small(&x).unwrap(),
    }
}

fn reference_row<F: Float>(format: Format, row: &[u8], x: &[f32]) -> u32 {
    if format.block_len() > 1 {
        return reference::dot_row::<F>(format, row, &quantise(format, x)).to_bits();
    }
    let row: Vec<F> = reference::dequantise_row(format, row);
    let x: Vec<F> = x.iter().map(|x| F::of(*x)).collect();
    reference::dot_float_row(&row, &x).to_bits()
}

#[test]
fn the_best_set_of_this_machine_is_among_those_tested() {
    let tested: Vec<_> = sets().collect();
    println!("instruction sets: {tested:?}");
    assert!(tested.contains(&InstructionSet::best()));
    if cfg!(target_arch = "aarch64") {
        assert_eq!(InstructionSet::best(), InstructionSet::Neon);
    }
}

#[test]
fn products_are_those_of_the_specification() {
    let threads = [1, 2, 3, 8].map(|n| Threads::new(n).unwrap());
    let mut rng = rng(1);
    // Rows that do not fill their last tile, and positions in every grouping.
    for (rows, columns, positions) in [(1, 256, 1), (16, 512, 3), (37, 768, 15)] {
        for format in Format::ALL {
            let weights = weights(&mut rng, format, rows, columns);
            let matrix = Matrix::pack(format, rows, columns, &weights).unwrap();
            let x = floats(&mut rng, positions * columns);
            let row_bytes = format.row_bytes(columns).unwrap();
            let rows_of = || weights.chunks_exact(row_bytes);
            let expected: Vec<u32> = x
                .chunks_exact(columns)
                .flat_map(|x| rows_of().map(|row| reference_row::<Hard>(format, row, x)))
                .collect();
            let judged = reference_row::<Soft>(format, rows_of().last().unwrap(), &x[..columns]);
            assert_eq!(judged, expected[rows - 1], "{format:?} on soft floats");
            for set in sets() {
                let activations =
                    Activations::prepare(set, &threads[1], format, columns, &x).unwrap();
                for threads in &threads {
                    let mut out = vec![0.0; positions * rows];
                    matrix.multiply(set, threads, &activations, &mut out);
                    let case = format!("{format:?} of {rows} × {columns} on {set:?}");
                    assert_eq!(bits(&out), expected, "{case}, {} threads", threads.count());
                }
            }
        }
    }
}

#[test]
fn rows_are_those_that_were_laid_out() {
    let mut rng = rng(7);
    let (rows, columns) = (37, 512);
    for format in Format::ALL {
        let weights = weights(&mut rng, format, rows, columns);
        let matrix = Matrix::pack(format, rows, columns, &weights).unwrap();
        let stored = weights.chunks_exact(format.row_bytes(columns).unwrap());
        for (row, stored) in stored.enumerate() {
            let expected = reference::dequantise_row::<Hard>(format, stored);
            assert_eq!(
                bits(&matrix.row(row)),
                hard_bits(&expected),
                "{format:?} {row}"
            );
        }
    }
}

/// Every weight and activation at its greatest: what saturates on some machine would show.
#[test]
fn products_do_not_saturate() {
    let columns = 256;
    let threads = Threads::new(1).unwrap();
    for format in Format::ALL.into_iter().filter(|f| f.block_len() > 1) {
        for fill in [0xff, 0x80, 0x7f, 0x00] {
            let mut row = vec![fill; format.row_bytes(columns).unwrap()];
            for block in row.chunks_exact_mut(format.block_bytes()) {
                let scale = if format == Format::Q6K { 208 } else { 0 };
                block[scale..][..2].copy_from_slice(&[0, 0x3c]);
                if matches!(format, Format::Q4_1 | Format::Q5_1 | Format::Q4K) {
                    block[2..4].copy_from_slice(&[0, 0x3c]);
                }
            }
            for x in [1.0, -1.0] {
                let x = vec![x; columns];
                let expected = reference_row::<Soft>(format, &row, &x);
                for set in sets() {
                    let activations =
                        Activations::prepare(set, &threads, format, columns, &x).unwrap();
                    let matrix = Matrix::pack(format, 1, columns, &row).unwrap();
                    let mut out = [0.0];
                    matrix.multiply(set, &threads, &activations, &mut out);
                    assert_eq!(out[0].to_bits(), expected, "{format:?} {fill} on {set:?}");
                }
            }
        }
    }
}

#[test]
fn what_is_not_finite_is_found() {
    let threads = Threads::new(2).unwrap();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for format in Format::ALL.into_iter().filter(|f| f.block_len() > 1) {
            let mut x = vec![1.0; 512];
            x[300] = bad;
            for set in sets() {
                assert!(Activations::prepare(set, &threads, format, 512, &x).is_err());
            }
        }
        for set in sets() {
            let (x, weight) = ([1.0, bad, 2.0], [1.0; 3]);
            assert!(rms_norm(set, &threads, &x, &weight, 1e-5, &mut [0.0; 3]).is_err());
            let mut x = [1.0; 16];
            x[7] = bad;
            let parameters = (&[1.0; 16][..], &[0.0; 16][..]);
            assert!(layer_norm(set, &threads, &mut x, parameters, 1e-12).is_err());
        }
    }
}

#[test]
fn norms_and_gates_are_those_of_the_specification() {
    let threads = Threads::new(2).unwrap();
    let mut rng = rng(2);
    for len in [1, 15, 16, 33, 576] {
        // So many rows that threads share them.
        let (x, weight) = (floats(&mut rng, 9 * len), floats(&mut rng, len));
        let expected: Vec<u32> = x
            .chunks_exact(len)
            .flat_map(|x| {
                let normal = reference::rms_norm(&hard(x), &hard(&weight), Hard(1e-5));
                hard_bits(&normal.unwrap())
            })
            .collect();
        let up = floats(&mut rng, 9 * len);
        let gates: Vec<f32> = x.iter().map(|x| x * 20.0).collect();
        let gated: Vec<_> = gates
            .iter()
            .zip(&up)
            .map(|(g, u)| reference::gated(Hard(*g), Hard(*u)))
            .collect();
        for set in sets() {
            let mut out = vec![0.0; x.len()];
            rms_norm(set, &threads, &x, &weight, 1e-5, &mut out).unwrap();
            assert_eq!(bits(&out), expected, "{len} on {set:?}");
            let mut out = gates.clone();
            gate(set, &threads, &mut out, &up);
            assert_eq!(bits(&out), hard_bits(&gated), "{len} on {set:?}");
        }
    }
}

#[test]
fn layer_norms_are_those_of_the_specification() {
    let threads = Threads::new(2).unwrap();
    let mut rng = rng(5);
    for len in [16, 48, 384] {
        let x = floats(&mut rng, 9 * len);
        let (weight, bias) = (floats(&mut rng, len), floats(&mut rng, len));
        let expected: Vec<u32> = x
            .chunks_exact(len)
            .flat_map(|x| {
                let (weight, bias) = (hard(&weight), hard(&bias));
                hard_bits(&reference::layer_norm(&hard(x), &weight, &bias, Hard(1e-12)).unwrap())
            })
            .collect();
        for set in sets() {
            let mut found = x.clone();
            layer_norm(set, &threads, &mut found, (&weight, &bias), 1e-12).unwrap();
            assert_eq!(bits(&found), expected, "{len} on {set:?}");
        }
    }
}

#[test]
fn gelu_is_that_of_the_specification() {
    let threads = Threads::new(2).unwrap();
    let mut rng = rng(6);
    let mut x = floats(&mut rng, 5_003);
    x.extend([
        0.0,
        -0.0,
        1e-40,
        -1e-40,
        14.0,
        -14.0,
        1e30,
        -1e30,
        f32::MAX,
        f32::INFINITY,
    ]);
    let expected = hard_bits(
        &hard(&x)
            .into_iter()
            .map(reference::gelu)
            .collect::<Vec<_>>(),
    );
    let judged = |x: &f32| reference::gelu(Soft::of(*x)).to_bits();
    assert_eq!(x.iter().map(judged).collect::<Vec<_>>(), expected);
    for set in sets() {
        let mut found = x.clone();
        gelu(set, &threads, &mut found);
        assert_eq!(bits(&found), expected, "{set:?}");
        let mut nonsense = [f32::NAN, f32::NEG_INFINITY];
        gelu(set, &threads, &mut nonsense);
        assert!(nonsense.iter().all(|x| x.is_nan()), "{set:?}");
    }
}

#[test]
fn likelihoods_are_those_of_the_specification() {
    let mut rng = rng(4);
    for len in [1, 16, 50] {
        let logits: Vec<f32> = floats(&mut rng, len).iter().map(|x| x * 30.0).collect();
        let (greatest, factor) = (logits[0], 1.0 / 0.7);
        let below = |logit: &f32| Hard(*logit).add(Hard(-greatest)).mul(Hard(factor));
        let expected: Vec<_> = logits
            .iter()
            .map(|l| reference::exponential(below(l)))
            .collect();
        for set in sets() {
            let mut out = vec![0.0; len];
            likelihoods(set, &logits, greatest, factor, &mut out);
            assert_eq!(bits(&out), hard_bits(&expected), "{len} on {set:?}");
        }
    }
}

/// Every binary16 number as a weight: subnormals, infinities and NaNs among them.
#[test]
fn halves_are_read_as_they_are() {
    let threads = Threads::new(1).unwrap();
    let all: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    let matrix = Matrix::pack(Format::F16, 1 << 16, 1, &all).unwrap();
    for set in sets() {
        let x = Activations::prepare(set, &threads, Format::F16, 1, &[1.0]).unwrap();
        let mut out = vec![0.0; 1 << 16];
        matrix.multiply(set, &threads, &x, &mut out);
        for (found, half) in out.iter().zip(all.chunks_exact(2)) {
            let expected = f32::from_bits(reference_row::<Soft>(Format::F16, half, &[1.0]));
            let same = found.to_bits() == expected.to_bits();
            assert!(
                same || (found.is_nan() && expected.is_nan()),
                "{half:?} on {set:?}"
            );
        }
    }
}

#[test]
fn rotations_are_those_of_the_specification() {
    let mut rng = rng(3);
    let (width, heads, first) = (64, 3, 500);
    let x = floats(&mut rng, 2 * heads * width);
    let turns: Vec<u64> = kagari_kernels::rotation::turns(100_000.0, width).collect();
    for pairs in [Pairs::Neighbours, Pairs::Halves] {
        let mut expected = hard(&x);
        for (i, head) in expected.chunks_exact_mut(width).enumerate() {
            let position = first + i / heads;
            let angle = |t: &u64| kagari_kernels::rotation::angle(*t, position as u32);
            let cos: Vec<_> = turns.iter().map(|t| Hard::from_bits(angle(t).0)).collect();
            let sin: Vec<_> = turns.iter().map(|t| Hard::from_bits(angle(t).1)).collect();
            match pairs {
                Pairs::Neighbours => reference::rotate(head, &cos, &sin),
                Pairs::Halves => reference::rotate_halves(head, &cos, &sin),
            }
        }
        let rotation = Rotation::new(pairs, 100_000.0, width, first + 2);
        for set in sets() {
            let mut x = x.clone();
            rotation.rotate(set, first, heads, &mut x);
            assert_eq!(bits(&x), hard_bits(&expected), "{pairs:?} on {set:?}");
        }
    }
}
