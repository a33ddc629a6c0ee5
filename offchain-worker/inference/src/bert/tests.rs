//! The encoder: near candle-transformers' own, and the same bits whatever the way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::test_models::weights_of;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use hex_literal::hex;
use kagari_kernels::fast::{InstructionSet, Threads};
use kagari_primitives::{known_models, trace::values_hash};

fn weights() -> Vec<u8> {
    weights_of(&known_models::all_minilm_l6_v2())
}

fn bert(weights: &[u8]) -> Bert {
    Bert::load(weights, known_models::all_minilm_l6_v2().shape).unwrap()
}

/// So many ordinary words between the two special ones.
fn words(count: u32, seed: u32) -> Vec<Word> {
    let word = |i| 1_000 + (seed + i) * 7_919 % 29_000;
    let words = (0..count).map(word);
    [101].into_iter().chain(words).chain([102]).collect()
}

fn embed(bert: &Bert, input: &[Word]) -> Vec<f32> {
    bert.embed(&[input]).remove(0).unwrap()
}

/// all-MiniLM-L6-v2 as candle-transformers has it, in its own order of sums.
fn candle(weights: &[u8], input: &[Word]) -> Vec<f32> {
    let device = Device::Cpu;
    let builder = VarBuilder::from_slice_safetensors(weights, DType::F32, &device).unwrap();
    let config = Config {
        hidden_size: 384,
        num_hidden_layers: 6,
        intermediate_size: 1_536,
        ..Config::default()
    };
    let model = BertModel::load(builder, &config).unwrap();
    let ids = Tensor::new(input, &device).unwrap().unsqueeze(0).unwrap();
    let segments = ids.zeros_like().unwrap();
    let states = model.forward(&ids, &segments, None).unwrap();
    let mean = states.squeeze(0).unwrap().mean(0).unwrap();
    let mean: Vec<f32> = mean.to_vec1().unwrap();
    let length = mean.iter().map(|x| x * x).sum::<f32>().sqrt();
    mean.iter().map(|x| x / length).collect()
}

#[test]
fn vectors_are_those_of_candle_transformers_but_for_rounding() {
    let file = weights();
    let bert = bert(&file);
    for count in [1, 7, 30, 126, 510] {
        let input = words(count, count);
        let pairs = embed(&bert, &input).into_iter().zip(candle(&file, &input));
        let cosine: f64 = pairs.map(|(a, b)| f64::from(a) * f64::from(b)).sum();
        println!("{count} words: 1 - cosine = {:e}", 1.0 - cosine);
        assert!(cosine >= 0.999_999, "{count} words: {cosine}");
    }
}

/// Hash of the vector of 30 words, as every machine has it. If it changes, so does the version of the
/// kernel specification.
const THIRTY_WORDS: [u8; 32] =
    hex!("8d3fbeb13ee2580e981f0927795decdeecd255a6319d9b408f60164eeecd3952");

#[test]
fn bits_do_not_depend_on_the_machine_or_its_threads() {
    let file = weights();
    let mut bert = bert(&file);
    let input = words(30, 0);
    for set in InstructionSet::ALL.into_iter().filter(|s| s.is_available()) {
        for threads in [1, 2, 3, 8, 64] {
            bert.processor = Processor {
                set,
                threads: Threads::new(threads).unwrap(),
            };
            let found = values_hash(&embed(&bert, &input)).0;
            assert_eq!(found, THIRTY_WORDS, "{set:?}, {threads} threads");
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_other_inputs() {
    let file = weights();
    let bert = bert(&file);
    let inputs: Vec<Vec<Word>> = (0..33).map(|i| words(1 + i * i % 97, i)).collect();
    let alone: Vec<Vec<f32>> = inputs.iter().map(|input| embed(&bert, input)).collect();
    for size in [2, 3, 4, 33] {
        let inputs: Vec<&[Word]> = inputs.iter().take(size).map(|input| &input[..]).collect();
        let together: Vec<Vec<f32>> = bert
            .embed(&inputs)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(together, alone[..size], "{size} inputs");
    }
}

#[test]
fn what_is_not_finite_is_found_and_is_no_others_concern() {
    let file = weights();
    let mut bert = bert(&file);
    let (good, bad) = (words(5, 0), vec![101, 5_000, 102]);
    let expected = embed(&bert, &good);
    bert.weights.embeddings.spoil(5_000);
    let found = bert.embed(&[&good, &bad, &good]);
    assert_eq!(found, [Ok(expected.clone()), Err(NonFinite), Ok(expected)]);
}

#[test]
fn files_of_another_shape_are_refused_by_the_tensors_name() {
    let file = weights();
    let shape = known_models::all_minilm_l6_v2().shape;
    let refused = |shape| Bert::load(&file, shape).err().unwrap();
    let layers = |layers| refused(ModelShape { layers, ..shape });
    assert!(
        layers(7).contains("encoder.layer.6.attention.self.query.weight: this tensor is missing")
    );
    assert!(layers(5).contains("encoder.layer.5.attention.output.LayerNorm.bias: a BERT with this"));
    let vocab = refused(ModelShape {
        vocab: 30_523,
        ..shape
    });
    assert!(
        vocab.contains("word_embeddings.weight: has the dimensions [30522, 384], expected [30523")
    );
    let heads = refused(ModelShape {
        heads: 48,
        kv_heads: 48,
        head_dim: 8,
        ..shape
    });
    assert!(
        heads.contains("8 wide, expected a multiple of 16"),
        "{heads}"
    );
    let keys = refused(ModelShape {
        kv_heads: 6,
        ..shape
    });
    assert!(keys.contains("12 heads of 32 (for keys 6)"), "{keys}");
}
