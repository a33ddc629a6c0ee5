//! Small decoders of the other families, made at random: near candle-transformers' own.
#![allow(clippy::unwrap_used)]

use super::{
    header::{self, tensors},
    tests::feed,
    Llama,
};
use crate::gguf::Gguf;
use candle_core::{
    quantized::{
        gguf_file::{write, Content, Value},
        GgmlDType, QTensor,
    },
    Device, Tensor,
};
use candle_transformers::models::{quantized_qwen2, quantized_qwen3};
use kagari_primitives::{
    model::{Architecture, ModelShape},
    Word,
};
use std::io::Cursor;

const SHAPE: ModelShape = ModelShape {
    architecture: Architecture::Llama,
    layers: 2,
    hidden: 64,
    intermediate: 96,
    heads: 4,
    kv_heads: 2,
    head_dim: 16,
    vocab: 80,
    context: 64,
};
const WORDS: [Word; 9] = [3, 79, 5, 5, 0, 41, 17, 60, 2];

/// A GGUF file of a family with weights that follow from their names.
fn file(family: &str, shape: &ModelShape) -> Vec<u8> {
    let known = header::FAMILIES.iter().find(|f| f.name == family).unwrap();
    let made = tensors(known, shape).into_iter().map(|(name, dims)| {
        let seed = name
            .bytes()
            .fold(1u32, |sum, b| sum.wrapping_mul(31) + u32::from(b));
        let is_norm = name.contains("norm");
        let weight = |i: usize| {
            let random = (seed.wrapping_add(i as u32)).wrapping_mul(2_654_435_761) >> 8;
            let small = random as f32 / (1 << 24) as f32 - 0.5;
            if is_norm {
                1.0 + small
            } else {
                small * 0.4
            }
        };
        let values: Vec<f32> = (0..dims.iter().product()).map(weight).collect();
        let tensor = Tensor::from_vec(values, dims, &Device::Cpu).unwrap();
        (name, QTensor::quantize(&tensor, GgmlDType::F32).unwrap())
    });
    let made: Vec<(String, QTensor)> = made.collect();
    let key = |key: &str| format!("{family}.{key}");
    let numbers = [
        ("block_count", u32::from(shape.layers)),
        ("embedding_length", shape.hidden),
        ("feed_forward_length", shape.intermediate),
        ("attention.head_count", shape.heads.into()),
        ("attention.head_count_kv", shape.kv_heads.into()),
        ("attention.key_length", shape.head_dim.into()),
        ("context_length", shape.context),
    ];
    let numbers = numbers.map(|(name, number)| (key(name), Value::U32(number)));
    let floats = [
        (key("rope.freq_base"), Value::F32(10_000.0)),
        (key("attention.layer_norm_rms_epsilon"), Value::F32(1e-6)),
        ("general.architecture".into(), Value::String(family.into())),
        ("general.dtype".into(), Value::U32(0)),
    ];
    let metadata: Vec<(String, Value)> = numbers.into_iter().chain(floats).collect();
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(k, v)| (&k[..], v)).collect();
    let tensors: Vec<(&str, &QTensor)> = made.iter().map(|(k, v)| (&k[..], v)).collect();
    let mut file = Cursor::new(Vec::new());
    write(&mut file, &metadata, &tensors).unwrap();
    let mut file = file.into_inner();
    // Candle writes version 2, which is laid out like version 3.
    file[4] = 3;
    file
}

fn logits(file: &[u8], shape: ModelShape) -> Vec<f32> {
    let llama = Llama::load(Gguf::parse(file).unwrap(), shape).unwrap();
    feed(&llama, &mut llama.session(WORDS.len()), &WORDS).1
}

/// The words as candle takes them.
fn ids() -> Tensor {
    let ids = Tensor::new(&WORDS, &Device::Cpu);
    ids.unwrap().unsqueeze(0).unwrap()
}

fn assert_near(found: &[f32], expected: &Tensor) {
    let expected: Vec<f32> = expected.flatten_all().unwrap().to_vec1().unwrap();
    assert_eq!(found.len(), expected.len());
    let spread = expected.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    for (found, expected) in found.iter().zip(&expected) {
        assert!(
            (found - expected).abs() < 1e-4 * spread,
            "{found}, expected {expected}"
        );
    }
}

#[test]
fn qwen2_is_that_of_candle_transformers_but_for_rounding() {
    let file = file("qwen2", &SHAPE);
    let mut reader = Cursor::new(&file);
    let content = Content::read(&mut reader).unwrap();
    let model = quantized_qwen2::ModelWeights::from_gguf(content, &mut reader, &Device::Cpu);
    let expected = model.unwrap().forward(&ids(), 0).unwrap();
    assert_near(&logits(&file, SHAPE), &expected);
}

/// Its heads are wider than their share of the state.
#[test]
fn qwen3_is_that_of_candle_transformers_but_for_rounding() {
    let shape = ModelShape {
        head_dim: 32,
        ..SHAPE
    };
    let file = file("qwen3", &shape);
    let mut reader = Cursor::new(&file);
    let content = Content::read(&mut reader).unwrap();
    let model = quantized_qwen3::ModelWeights::from_gguf(content, &mut reader, &Device::Cpu);
    let expected = model.unwrap().forward(&ids(), 0).unwrap();
    assert_near(&logits(&file, shape), &expected);
}

#[test]
fn what_a_family_does_not_have_is_refused() {
    let renamed = |from: &str, to: &str| {
        let file = file(from, &SHAPE);
        let text = String::from_utf8_lossy(&file).into_owned();
        assert!(text.contains(from));
        let mut renamed = file.clone();
        for at in 0..file.len() - from.len() {
            if file[at..].starts_with(from.as_bytes()) {
                renamed[at..][..to.len()].copy_from_slice(to.as_bytes());
            }
        }
        let gguf = Gguf::parse(&renamed).unwrap();
        Llama::load(gguf, SHAPE).err().unwrap()
    };
    let biases = renamed("qwen2", "qwen3");
    assert!(biases.contains("this tensor is missing"), "{biases}");
    let unknown = renamed("qwen2", "qwen9");
    assert!(
        unknown.contains(r#"is "qwen9", expected one of llama, qwen2, qwen3"#),
        "{unknown}"
    );
    let shape = ModelShape {
        head_dim: 24,
        ..SHAPE
    };
    let gguf = file("qwen2", &SHAPE);
    let gguf = Gguf::parse(&gguf).unwrap();
    let odd = Llama::load(gguf, shape).err().unwrap();
    assert!(
        odd.contains("the manifest says 24, expected a multiple of 16"),
        "{odd}"
    );
}
