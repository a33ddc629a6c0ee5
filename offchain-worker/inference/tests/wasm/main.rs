//! The specification compiled to WebAssembly for the runtime's target, under the node's wasmtime: as a judge
//! without floats runs it. It gives the bits of the native reference, on soft floats and on the machine's, and
//! of the fast kernels on every instruction set. Only which NaN a NaN is, may differ from those that compute
//! with the machine's floats.
#![allow(missing_docs, clippy::unwrap_used)]

mod inputs;
mod judge;

use inputs::{floats, rng, row, KINDS};
use judge::{judge, Argument};
use kagari_kernels::{
    fast::{
        attend, gate, gelu, layer_norm, likelihoods, rms_norm, Activations, Attended, Cache,
        InstructionSet, Matrix, Pairs, Reach, Rotation, Threads,
    },
    float::{Float, Hard},
    reference::{self, Format, Quantised},
    rotation,
    soft::Soft,
    NonFinite,
};

/// The bits of a result, or none where a NaN or an infinity has come up.
type Bits = Option<Vec<u32>>;

fn sets() -> impl Iterator<Item = InstructionSet> {
    InstructionSet::ALL.into_iter().filter(|s| s.is_available())
}

fn threads() -> Threads {
    Threads::new(1).unwrap()
}

fn of<F: Float>(x: &[f32]) -> Vec<F> {
    x.iter().map(|x| F::of(*x)).collect()
}

fn bits<F: Float>(result: Result<Vec<F>, NonFinite>) -> Bits {
    let numbers = result.ok()?;
    Some(numbers.into_iter().map(Float::to_bits).collect())
}

/// What a fast kernel has written.
fn written(result: Result<(), NonFinite>, out: &[f32]) -> Bits {
    bits(result.map(|()| of::<Hard>(out)))
}

/// The same bits, but for which NaN a NaN is.
fn same(a: &Bits, b: &Bits) -> bool {
    let is_nan = |bits: u32| f32::from_bits(bits).is_nan();
    match (a, b) {
        (Some(a), Some(b)) => {
            let mut pairs = a.iter().zip(b);
            a.len() == b.len() && pairs.all(|(a, b)| a == b || (is_nan(*a) && is_nan(*b)))
        }
        (None, None) => true,
        _ => false,
    }
}

/// Compares what the judge has found with the native reference, and with each fast kernel.
fn check(case: &str, judged: &Bits, soft: Bits, hard: Bits, fast: impl Fn(InstructionSet) -> Bits) {
    assert_eq!(*judged, soft, "{case} on soft floats");
    assert!(
        same(judged, &hard),
        "{case} on hard floats: {judged:x?}, {hard:x?}"
    );
    for set in sets() {
        let fast = fast(set);
        assert!(
            same(judged, &fast),
            "{case} on {set:?}: {judged:x?}, {fast:x?}"
        );
    }
}

#[test]
fn no_instruction_knows_floats() {
    assert!(judge::is_free_of_floats());
}

fn quantised<F: Float>(format: Format, x: &[f32]) -> Result<Quantised<F>, NonFinite> {
    match format.block_len() {
        reference::K_BLOCK => Quantised::super_blocks(&of(x)),
        _ => Quantised::small(&of(x)),
    }
}

fn product<F: Float>(format: Format, row: &[u8], x: &[f32]) -> Bits {
    if format.block_len() > 1 {
        let dot = |x| vec![reference::dot_row::<F>(format, row, &x)];
        return bits(quantised(format, x).map(dot));
    }
    let row: Vec<F> = reference::dequantise_row(format, row);
    bits(Ok(vec![reference::dot_float_row(&row, &of(x))]))
}

fn fast_product(set: InstructionSet, matrix: &Matrix, x: &[f32]) -> Bits {
    let threads = threads();
    let prepared = Activations::prepare(set, &threads, matrix.format(), x.len(), x);
    let mut out = vec![0.0; matrix.rows()];
    let multiplied = prepared.map(|x| matrix.multiply(set, &threads, &x, &mut out));
    written(multiplied, &out)
}

/// Lengths of rows: a block and a few, and for floats what fills no vector.
fn lengths(format: Format) -> Vec<usize> {
    match format.block_len() {
        1 => vec![1, 2, 15, 16, 17, 33, 100],
        block => [1, 2, 3, 5].map(|blocks| blocks * block).to_vec(),
    }
}

/// Rows with one input each: some 200 of each format.
#[test]
fn products_are_the_same() {
    let mut rng = rng(1);
    for (number, format) in (0..).zip(Format::ALL) {
        let (mut finite, mut all) = (0, 0);
        for len in lengths(format) {
            for (weights, inputs) in KINDS.iter().flat_map(|w| KINDS.map(|x| (*w, x))) {
                let (row, x) = (
                    row(&mut rng, format, weights, len),
                    floats(&mut rng, inputs, len),
                );
                let arguments = [
                    Argument::Number(number),
                    Argument::Bytes(&row),
                    Argument::Floats(&x),
                ];
                let judged = judge().run("dot_row", &arguments, 1);
                let matrix = Matrix::pack(format, 1, len, &row).unwrap();
                check(
                    &format!("{format:?} of {len}, {weights:?} by {inputs:?}"),
                    &judged,
                    product::<Soft>(format, &row, &x),
                    product::<Hard>(format, &row, &x),
                    |set| fast_product(set, &matrix, &x),
                );
                finite += usize::from(judged.is_some_and(|j| f32::from_bits(j[0]).is_finite()));
                all += 1;
            }
        }
        println!("{format:?}: {all} rows, {finite} products are finite");
        assert!(2 * finite > all && finite < all);
    }
}

/// Every row of a matrix whose last tile is not full, with several inputs at once.
#[test]
fn products_of_matrices_are_the_same() {
    let (rows, positions, threads) = (37, 3, threads());
    let mut rng = rng(2);
    for (number, format) in (0..).zip(Format::ALL) {
        let len = 512;
        let weights: Vec<u8> = (0..rows)
            .flat_map(|_| row(&mut rng, format, KINDS[0], len))
            .collect();
        let x = floats(&mut rng, KINDS[0], positions * len);
        let row_bytes = format.row_bytes(len).unwrap();
        let judged = x.chunks_exact(len).flat_map(|x| {
            weights.chunks_exact(row_bytes).map(move |row| {
                let arguments = [
                    Argument::Number(number),
                    Argument::Bytes(row),
                    Argument::Floats(x),
                ];
                judge().run("dot_row", &arguments, 1).unwrap()[0]
            })
        });
        let judged = Some(judged.collect());
        let matrix = Matrix::pack(format, rows, len, &weights).unwrap();
        for set in sets() {
            let x = Activations::prepare(set, &threads, format, len, &x).unwrap();
            let mut out = vec![0.0; positions * rows];
            matrix.multiply(set, &threads, &x, &mut out);
            assert_eq!(judged, written(Ok(()), &out), "{format:?} on {set:?}");
        }
    }
}

#[test]
fn rows_as_floats_are_the_same() {
    let mut rng = rng(3);
    for (number, format) in (0..).zip(Format::ALL) {
        for (len, kind) in lengths(format).iter().flat_map(|l| KINDS.map(|k| (*l, k))) {
            let row = row(&mut rng, format, kind, len);
            let arguments = [Argument::Number(number), Argument::Bytes(&row)];
            let judged = judge().run("dequantise_row", &arguments, len);
            let soft = bits(Ok(reference::dequantise_row::<Soft>(format, &row)));
            let hard = bits(Ok(reference::dequantise_row::<Hard>(format, &row)));
            assert_eq!(judged, soft, "{format:?} of {len}, {kind:?}");
            assert!(same(&judged, &hard), "{format:?} of {len}, {kind:?}");
        }
    }
}

/// A block's parts one after the other, integers as they are.
fn words_of<F: Float>(quantised: Result<Quantised<F>, NonFinite>) -> Bits {
    let mut words = Vec::new();
    let integers = |values: &[i8]| -> Vec<u32> { values.iter().map(|v| *v as u32).collect() };
    match quantised.ok()? {
        Quantised::Small(blocks) => blocks.iter().for_each(|block| {
            words.push(block.scale.to_bits());
            words.extend(integers(&block.values));
            words.push(block.scaled_sum.to_bits());
        }),
        Quantised::Super(blocks) => blocks.iter().for_each(|block| {
            words.push(block.scale.to_bits());
            words.extend(integers(&block.values));
            words.extend(block.sums.map(|sum| sum as u32));
        }),
    }
    Some(words)
}

#[test]
fn quantised_activations_are_the_same() {
    let mut rng = rng(4);
    for (number, format) in (0..).zip(Format::ALL).filter(|(_, f)| f.block_len() > 1) {
        for (len, kind) in lengths(format).iter().flat_map(|l| KINDS.map(|k| (*l, k))) {
            let x = floats(&mut rng, kind, len);
            let soft = words_of(quantised::<Soft>(format, &x));
            let hard = words_of(quantised::<Hard>(format, &x));
            let words = soft.as_ref().map_or(0, Vec::len);
            let arguments = [Argument::Number(number), Argument::Floats(&x)];
            let judged = judge().run("quantise", &arguments, words);
            assert_eq!(judged, soft, "{format:?} of {len}, {kind:?}");
            assert_eq!(judged, hard, "{format:?} of {len}, {kind:?}");
        }
    }
}

fn norm<F: Float>(x: &[f32], weight: &[f32], epsilon: f32) -> Bits {
    bits(reference::rms_norm(
        &of::<F>(x),
        &of(weight),
        F::of(epsilon),
    ))
}

#[test]
fn norms_are_the_same() {
    let (mut rng, threads) = (rng(5), threads());
    for len in [1, 15, 16, 17, 33, 576] {
        for (kind, epsilon) in KINDS.iter().flat_map(|k| [(*k, 1e-5), (*k, 0.0)]) {
            let (x, weight) = (floats(&mut rng, kind, len), floats(&mut rng, KINDS[0], len));
            let arguments = [
                Argument::Floats(&x),
                Argument::Floats(&weight),
                Argument::Number(f32::to_bits(epsilon)),
            ];
            check(
                &format!("the norm of {len}, {kind:?}, epsilon {epsilon}"),
                &judge().run("rms_norm", &arguments, len),
                norm::<Soft>(&x, &weight, epsilon),
                norm::<Hard>(&x, &weight, epsilon),
                |set| {
                    let mut out = vec![0.0; len];
                    let normal = rms_norm(set, &threads, &x, &weight, epsilon, &mut out);
                    written(normal, &out)
                },
            );
        }
    }
}

fn layer_normed<F: Float>(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32) -> Bits {
    let (x, weight, bias) = (of::<F>(x), of::<F>(weight), of::<F>(bias));
    bits(reference::layer_norm(&x, &weight, &bias, F::of(epsilon)))
}

#[test]
fn layer_norms_are_the_same() {
    let (mut rng, threads) = (rng(10), threads());
    for len in [16, 48, 384] {
        for (kind, epsilon) in KINDS.iter().flat_map(|k| [(*k, 1e-12), (*k, 0.0)]) {
            let x = floats(&mut rng, kind, len);
            let [weight, bias] = [(); 2].map(|()| floats(&mut rng, KINDS[0], len));
            let arguments = [
                Argument::Floats(&x),
                Argument::Floats(&weight),
                Argument::Floats(&bias),
                Argument::Number(f32::to_bits(epsilon)),
            ];
            check(
                &format!("the layer norm of {len}, {kind:?}, epsilon {epsilon}"),
                &judge().run("layer_norm", &arguments, len),
                layer_normed::<Soft>(&x, &weight, &bias, epsilon),
                layer_normed::<Hard>(&x, &weight, &bias, epsilon),
                |set| {
                    let mut x = x.clone();
                    let normal = layer_norm(set, &threads, &mut x, (&weight, &bias), epsilon);
                    written(normal, &x)
                },
            );
        }
    }
}

/// Which has no kernel of its own.
#[test]
fn mean_directions_are_the_same() {
    let mut rng = rng(11);
    for (rows, width) in [(1, 1), (3, 17), (70, 48)] {
        for kind in KINDS {
            let x = floats(&mut rng, kind, rows * width);
            let arguments = [Argument::Floats(&x), Argument::Number(width as u32)];
            let hard = bits(reference::mean_direction(&of::<Hard>(&x), width));
            check(
                &format!("the direction of {rows} × {width}, {kind:?}"),
                &judge().run("mean_direction", &arguments, width),
                bits(reference::mean_direction(&of::<Soft>(&x), width)),
                hard.clone(),
                |_| hard.clone(),
            );
        }
    }
}

fn rotated<F: Float>(pairs: Pairs, base: f32, position: u32, head: &[f32]) -> Bits {
    let turns = rotation::turns(base, head.len());
    let (cos, sin): (Vec<F>, Vec<F>) = turns
        .map(|turn| rotation::angle(turn, position))
        .map(|(cos, sin)| (F::from_bits(cos), F::from_bits(sin)))
        .unzip();
    let mut head = of(head);
    match pairs {
        Pairs::Neighbours => reference::rotate(&mut head, &cos, &sin),
        Pairs::Halves => reference::rotate_halves(&mut head, &cos, &sin),
    }
    bits(Ok(head))
}

/// With the angles, which are computed there as well.
#[test]
fn rotations_are_the_same() {
    let mut rng = rng(6);
    for (width, base) in [(16, 1.0f32), (64, 10_000.0), (64, 100_000.0), (112, 1e6)] {
        for (position, kind) in [0, 1, 500, 8_191]
            .into_iter()
            .flat_map(|p| KINDS.map(|k| (p, k)))
        {
            for (halves, pairs) in [(0, Pairs::Neighbours), (1, Pairs::Halves)] {
                let head = floats(&mut rng, kind, width);
                let arguments = [
                    Argument::Floats(&head),
                    Argument::Number(base.to_bits()),
                    Argument::Number(position),
                    Argument::Number(halves),
                ];
                let rotation = Rotation::new(pairs, base, width, position as usize + 1);
                check(
                    &format!("{pairs:?} of {width}, base {base}, at {position}, {kind:?}"),
                    &judge().run("rotate", &arguments, width),
                    rotated::<Soft>(pairs, base, position, &head),
                    rotated::<Hard>(pairs, base, position, &head),
                    |set| {
                        let mut head = head.clone();
                        rotation.rotate(set, position as usize, 1, &mut head);
                        written(Ok(()), &head)
                    },
                );
            }
        }
    }
}

fn scaled<F: Float>(query: &[f32]) -> Vec<F> {
    let scale = reference::score_scale::<F>(query.len());
    of::<F>(query).into_iter().map(|q| q.mul(scale)).collect()
}

fn attended<F: Float>(query: &[f32], keys: &[f32], values: &[f32]) -> Bits {
    bits(reference::attend(
        &scaled::<F>(query),
        &of(keys),
        &of(values),
    ))
}

#[test]
fn attention_is_the_same() {
    let (mut rng, threads) = (rng(7), threads());
    for (width, positions) in [(16, 1), (32, 2), (64, 15), (16, 16), (112, 17), (48, 70)] {
        for (keys, values) in KINDS.iter().flat_map(|k| KINDS.map(|v| (*k, v))) {
            let case = format!("{positions} × {width}, {keys:?} keys, {values:?} values");
            let len = positions * width;
            let query = floats(&mut rng, KINDS[0], width);
            let (keys, values) = (floats(&mut rng, keys, len), floats(&mut rng, values, len));
            let mut cache = Cache::new(1, width, positions);
            cache.extend(&keys, &values);
            let scaled: Vec<f32> = scaled::<Hard>(&query).iter().map(|q| q.0).collect();
            let arguments = [&query, &keys, &values].map(|x| Argument::Floats(x));
            check(
                &case,
                &judge().run("attend", &arguments, width),
                attended::<Soft>(&query, &keys, &values),
                attended::<Hard>(&query, &keys, &values),
                |set| {
                    let mut out = vec![0.0; width];
                    let texts = [Attended {
                        cache: &cache,
                        positions: 1,
                    }];
                    let reach = Reach::UpToOwn;
                    let mixed = attend(set, &threads, 1, reach, &texts, &scaled, &mut out);
                    written(mixed, &out)
                },
            );
        }
    }
}

fn gated<F: Float>(gates: &[f32], ups: &[f32]) -> Bits {
    let pairs = gates.iter().zip(ups);
    let gated = pairs.map(|(g, u)| reference::gated(F::of(*g), F::of(*u)));
    bits(Ok(gated.collect()))
}

#[test]
fn gates_are_the_same() {
    let (mut rng, threads) = (rng(8), threads());
    for (len, kind) in [1, 16, 300].into_iter().flat_map(|l| KINDS.map(|k| (l, k))) {
        let gates: Vec<f32> = floats(&mut rng, kind, len)
            .iter()
            .map(|x| x * 20.0)
            .collect();
        let ups = floats(&mut rng, kind, len);
        let arguments = [Argument::Floats(&gates), Argument::Floats(&ups)];
        check(
            &format!("{len} gates, {kind:?}"),
            &judge().run("gated", &arguments, len),
            gated::<Soft>(&gates, &ups),
            gated::<Hard>(&gates, &ups),
            |set| {
                let mut out = gates.clone();
                gate(set, &threads, &mut out, &ups);
                written(Ok(()), &out)
            },
        );
    }
}

fn activated<F: Float>(x: &[f32]) -> Bits {
    bits(Ok(x.iter().map(|x| reference::gelu(F::of(*x))).collect()))
}

#[test]
fn gelu_is_the_same() {
    let (mut rng, threads) = (rng(12), threads());
    for (len, kind) in [1, 16, 500].into_iter().flat_map(|l| KINDS.map(|k| (l, k))) {
        let x = floats(&mut rng, kind, len);
        check(
            &format!("GELU of {len}, {kind:?}"),
            &judge().run("gelu", &[Argument::Floats(&x)], len),
            activated::<Soft>(&x),
            activated::<Hard>(&x),
            |set| {
                let mut x = x.clone();
                gelu(set, &threads, &mut x);
                written(Ok(()), &x)
            },
        );
    }
}

fn powers<F: Float>(x: &[f32]) -> Bits {
    let powers = x.iter().map(|x| reference::exponential(F::of(*x)));
    bits(Ok(powers.collect()))
}

#[test]
fn exponentials_are_the_same() {
    let mut rng = rng(9);
    let mut cases: Vec<Vec<f32>> = KINDS.map(|kind| floats(&mut rng, kind, 500)).to_vec();
    let neighbours = |x: f32| [x.next_down(), x, x.next_up()];
    cases.push(
        [-87.0, 88.0, 0.0, -0.5, 0.5, -88.0, 89.0]
            .map(neighbours)
            .concat(),
    );
    cases.push((-900..900).map(|i| i as f32 / 10.0).collect());
    for x in cases {
        check(
            "the exponential",
            &judge().run("exponential", &[Argument::Floats(&x)], x.len()),
            powers::<Soft>(&x),
            powers::<Hard>(&x),
            |set| {
                let mut out = vec![0.0; x.len()];
                // Neither changes a bit of a number.
                likelihoods(set, &x, 0.0, 1.0, &mut out);
                written(Ok(()), &out)
            },
        );
    }
}
