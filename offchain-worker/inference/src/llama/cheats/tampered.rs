//! Models that are not quite the one that is asked for.

use super::super::{
    weights::{Layer, Loader, Stored},
    Llama,
};
use crate::gguf::Gguf;
use candle_core::{
    quantized::{GgmlDType, QTensor},
    Device, Tensor,
};
use kagari_kernels::{fast::Matrix, reference::Format};

/// Where quantised weights begin in a block of 32 of this model's layers (Q4_1).
const HEADER: usize = 4;

const PARTS: [&str; 7] = [
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
];

fn part<'a>(layer: &'a mut Layer, name: &str) -> &'a mut Matrix {
    match name {
        "attn_q" => &mut layer.query.matrix,
        "attn_k" => &mut layer.key.matrix,
        "attn_v" => &mut layer.value.matrix,
        "attn_output" => &mut layer.output,
        "ffn_gate" => &mut layer.gate,
        "ffn_up" => &mut layer.up,
        _ => &mut layer.down,
    }
}

/// The model with the weights of its layers in each of several other formats.
pub fn requantised(file: &[u8]) -> Vec<Llama> {
    let formats = [
        (GgmlDType::Q4_0, Format::Q4_0),
        (GgmlDType::Q5_0, Format::Q5_0),
        (GgmlDType::Q5_1, Format::Q5_1),
        (GgmlDType::Q8_0, Format::Q8_0),
    ];
    let in_format = |(dtype, format)| {
        let mut llama = super::llama(file);
        for layer in &mut llama.weights.layers {
            for name in PARTS {
                let matrix = part(layer, name);
                *matrix = requantise(matrix, dtype, format);
            }
        }
        llama
    };
    formats.into_iter().map(in_format).collect()
}

fn requantise(matrix: &Matrix, dtype: GgmlDType, format: Format) -> Matrix {
    let (rows, columns) = (matrix.rows(), matrix.columns());
    let floats: Vec<f32> = (0..rows).flat_map(|row| matrix.row(row)).collect();
    let tensor = Tensor::from_vec(floats, (rows, columns), &Device::Cpu).unwrap();
    let quantised = QTensor::quantize(&tensor, dtype).unwrap();
    Matrix::pack(format, rows, columns, &quantised.data().unwrap()).unwrap()
}

/// Flips one bit of one weight of a layer's matrix, by four random numbers; gives the layer.
pub fn flip_a_weight(file: &[u8], llama: &mut Llama, random: [usize; 4]) -> usize {
    let layer = random[0] % llama.weights.layers.len();
    let name = PARTS[random[1] % PARTS.len()];
    let gguf = Gguf::parse(file).unwrap();
    let stored = Stored::find(&gguf, &format!("blk.{layer}.{name}.weight")).unwrap();
    let mut bytes = stored.bytes.to_vec();
    let block = stored.format.block_bytes();
    let at = random[2] % (bytes.len() / block) * block;
    let weights = HEADER..block;
    bytes[at + weights.start + random[3] % weights.len()] ^= 1 << (random[3] / weights.len() % 8);
    let flipped = Matrix::pack(stored.format, stored.rows, stored.columns, &bytes).unwrap();
    *part(&mut llama.weights.layers[layer], name) = flipped;
    layer
}

/// Puts a layer back as it was.
pub fn put_back(file: &[u8], llama: &mut Llama, layer: usize) {
    let gguf = Gguf::parse(file).unwrap();
    let mut loader = Loader::new(gguf, 2 * file.len() as u64).unwrap();
    llama.weights.layers[layer] = loader.layer(layer as u16).unwrap();
}

/// Swaps two blocks of inner columns in a layer's feed-forward network, and the rows that they come from:
/// the same function, summed in another order.
pub fn swap_blocks(file: &[u8], llama: &mut Llama, layer: usize, [a, b]: [usize; 2]) {
    let gguf = Gguf::parse(file).unwrap();
    let stored = |name| Stored::find(&gguf, &format!("blk.{layer}.{name}.weight")).unwrap();
    for name in PARTS.into_iter().filter(|name| name.starts_with("ffn_")) {
        let stored = stored(name);
        let mut bytes = stored.bytes.to_vec();
        let (row, block) = (bytes.len() / stored.rows, stored.format.block_bytes());
        match name {
            "ffn_down" => bytes
                .chunks_exact_mut(row)
                .for_each(|row| swap(row, block, a, b)),
            _ => swap(&mut bytes, row * stored.format.block_len(), a, b),
        }
        let matrix = Matrix::pack(stored.format, stored.rows, stored.columns, &bytes);
        *part(&mut llama.weights.layers[layer], name) = matrix.unwrap();
    }
}

/// Swaps the pieces `a` and `b` of so many bytes each.
fn swap(bytes: &mut [u8], len: usize, a: usize, b: usize) {
    (0..len).for_each(|i| bytes.swap(a * len + i, b * len + i));
}
