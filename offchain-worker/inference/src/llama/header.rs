//! What a GGUF file says of its decoder, and the check that it is one that is known here.

use crate::gguf::{shown, Gguf, Malformed, Result};
use kagari_kernels::fast::Pairs;
use kagari_primitives::model::ModelShape;
use std::collections::HashMap;

pub const EMBEDDINGS: &str = "token_embd.weight";
pub const NORM: &str = "output_norm.weight";
/// Stands only where the head is not the embeddings.
pub const HEAD: &str = "output.weight";

/// Decoders that are Llamas but for small things.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// As in `general.architecture`, and before the keys of the header.
    pub name: &'static str,
    /// What a head's rotation turns together.
    pub pairs: Pairs,
    /// Whether query, key and value have biases.
    pub biases: bool,
    /// Whether each head of query and key has a norm.
    pub head_norms: bool,
}

/// All that are known.
pub const FAMILIES: [Family; 3] = [
    Family {
        name: "llama",
        pairs: Pairs::Neighbours,
        biases: false,
        head_norms: false,
    },
    Family {
        name: "qwen2",
        pairs: Pairs::Halves,
        biases: true,
        head_norms: false,
    },
    Family {
        name: "qwen3",
        pairs: Pairs::Halves,
        biases: false,
        head_norms: true,
    },
];

/// Beginnings of the header's keys that change how a decoder computes.
const SWITCHES: [&str; 4] = [
    "rope.scaling",
    "expert",
    "attention.sliding_window",
    "attention.scale",
];

/// What the shape does not say.
pub struct Hyperparameters {
    /// The family.
    pub family: &'static Family,
    /// Base of the rotary frequencies.
    pub rope_base: f32,
    /// Added under the root of a norm.
    pub epsilon: f32,
}

/// Checks that the header says what `shape` says, and that the tensors are those of a decoder of this
/// shape, all of them and no other: what is not known here would be left out of the computation.
pub fn check(gguf: &Gguf, shape: &ModelShape) -> Result<Hyperparameters> {
    let family = family_of(gguf)?;
    check_header(gguf, family, shape)?;
    check_switches(gguf, family)?;
    check_tensors(gguf, family, shape)?;
    let (rope_base, epsilon) = ("rope.freq_base", "attention.layer_norm_rms_epsilon");
    Ok(Hyperparameters {
        family,
        rope_base: family.number(gguf, rope_base, |base| base.is_finite() && base >= 1.0)?,
        epsilon: family.number(gguf, epsilon, |epsilon| (0.0..1.0).contains(&epsilon))?,
    })
}

fn family_of(gguf: &Gguf) -> Result<&'static Family> {
    const KEY: &str = "general.architecture";
    let found = gguf.text(KEY)?;
    let known = FAMILIES.iter().find(|family| family.name == found);
    known.ok_or_else(|| {
        let names = FAMILIES.map(|family| family.name).join(", ");
        Malformed::new(
            KEY,
            format!("is {:?}, expected one of {names}", shown(found)),
        )
    })
}

impl Family {
    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    fn number(&self, gguf: &Gguf, key: &str, is_sane: impl Fn(f32) -> bool) -> Result<f32> {
        let key = self.key(key);
        let number = gguf.float(&key)? as f32;
        match is_sane(number) {
            true => Ok(number),
            false => Err(Malformed::new(
                key,
                format!("is {number}, which is out of bounds"),
            )),
        }
    }
}

fn check_header(gguf: &Gguf, family: &Family, shape: &ModelShape) -> Result<()> {
    let width = u64::from(shape.head_dim);
    if !width.is_multiple_of(16) {
        let problem = format!("the manifest says {width}, expected a multiple of 16");
        return Err(Malformed::new(family.key("rope.dimension_count"), problem));
    }
    let required: [(&str, u64); 6] = [
        ("block_count", shape.layers.into()),
        ("embedding_length", shape.hidden.into()),
        ("feed_forward_length", shape.intermediate.into()),
        ("attention.head_count", shape.heads.into()),
        ("attention.head_count_kv", shape.kv_heads.into()),
        ("context_length", shape.context.into()),
    ];
    // A head is as wide as its share of the state, unless one of these says otherwise.
    let optional = [
        "rope.dimension_count",
        "attention.key_length",
        "attention.value_length",
    ];
    let optional = optional.map(|key| (key, width));
    let is_there = |(key, _): &(&str, u64)| gguf.value(&family.key(key)).is_ok();
    for (key, expected) in required
        .into_iter()
        .chain(optional.into_iter().filter(is_there))
    {
        let key = family.key(key);
        let found = gguf.unsigned(&key)?;
        if found != expected {
            let problem = format!("is {found}, the manifest says {expected}");
            return Err(Malformed::new(key, problem));
        }
    }
    Ok(())
}

/// Refuses what the header says besides, if it changes the computation.
fn check_switches(gguf: &Gguf, family: &Family) -> Result<()> {
    let switches = SWITCHES.map(|switch| family.key(switch));
    let is_switch = |key: &&str| switches.iter().any(|switch| key.starts_with(switch));
    match gguf.keys().find(is_switch) {
        Some(key) => Err(Malformed::new(key, "a decoder with this is not supported")),
        None => Ok(()),
    }
}

fn check_tensors(gguf: &Gguf, family: &Family, shape: &ModelShape) -> Result<()> {
    let mut expected = tensors(family, shape);
    if gguf.tensor(HEAD).is_none() {
        expected.remove(HEAD);
    }
    for (name, dims) in &expected {
        let Some((info, _)) = gguf.tensor(name) else {
            return Err(Malformed::new(name, "this tensor is missing"));
        };
        if info.dims != *dims {
            let problem = format!("has the dimensions {:?}, expected {dims:?}", info.dims);
            return Err(Malformed::new(name, problem));
        }
    }
    let is_unknown = |name: &&str| !expected.contains_key(*name);
    match gguf.tensor_names().find(is_unknown) {
        Some(name) => Err(Malformed::new(
            name,
            "a decoder with this tensor is not supported",
        )),
        None => Ok(()),
    }
}

/// The tensors of a decoder, and their dimensions.
pub fn tensors(family: &Family, shape: &ModelShape) -> HashMap<String, Vec<usize>> {
    let (hidden, vocab) = (shape.hidden as usize, shape.vocab as usize);
    let (inner, width) = (shape.intermediate as usize, usize::from(shape.head_dim));
    let query = usize::from(shape.heads) * width;
    let kv = usize::from(shape.kv_heads) * width;
    let mut tensors = HashMap::from([
        (EMBEDDINGS.to_owned(), vec![vocab, hidden]),
        (NORM.to_owned(), vec![hidden]),
        (HEAD.to_owned(), vec![vocab, hidden]),
    ]);
    for layer in 0..shape.layers {
        let weight = |part: &str| name(layer, part, "weight");
        let bias = |part: &str| name(layer, part, "bias");
        tensors.extend([
            (weight("attn_norm"), vec![hidden]),
            (weight("attn_q"), vec![query, hidden]),
            (weight("attn_k"), vec![kv, hidden]),
            (weight("attn_v"), vec![kv, hidden]),
            (weight("attn_output"), vec![hidden, query]),
            (weight("ffn_norm"), vec![hidden]),
            (weight("ffn_gate"), vec![inner, hidden]),
            (weight("ffn_up"), vec![inner, hidden]),
            (weight("ffn_down"), vec![hidden, inner]),
        ]);
        if family.biases {
            tensors.extend([
                (bias("attn_q"), vec![query]),
                (bias("attn_k"), vec![kv]),
                (bias("attn_v"), vec![kv]),
            ]);
        }
        if family.head_norms {
            tensors.extend([
                (weight("attn_q_norm"), vec![width]),
                (weight("attn_k_norm"), vec![width]),
            ]);
        }
    }
    tensors
}

/// The name of a layer's tensor.
pub fn name(layer: u16, part: &str, kind: &str) -> String {
    format!("blk.{layer}.{part}.{kind}")
}
