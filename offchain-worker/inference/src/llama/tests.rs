//! The pass through the layers: near candle-transformers' own, and the same bits whatever the way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::test_models::weights_of;
use candle_core::{quantized::gguf_file::Content, Device, Tensor};
use candle_transformers::models::quantized_llama::ModelWeights;
use hex_literal::hex;
use kagari_kernels::fast::{InstructionSet, Threads};
use kagari_primitives::{known_models, trace::values_hash, Hash};
use sp_crypto_hashing::blake2_256;
use std::io::Cursor;

pub(super) fn weights() -> Vec<u8> {
    weights_of(&known_models::smollm2_135m_instruct())
}

pub(super) fn llama(weights: &[u8]) -> Llama {
    let shape = known_models::smollm2_135m_instruct().shape;
    Llama::load(Gguf::parse(weights).unwrap(), shape).unwrap()
}

/// So many ordinary words, the same every time.
fn words(count: u32) -> Vec<Word> {
    (0..count).map(|i| 17 + i * 7_919 % 40_000).collect()
}

fn likeliest(logits: &[f32]) -> usize {
    let greatest = |a: &usize, b: &usize| logits[*a].total_cmp(&logits[*b]);
    (0..logits.len()).max_by(greatest).unwrap()
}

/// Feeds words, and gives what the next one is decided from.
pub(super) fn feed(llama: &Llama, session: &mut Session, words: &[Word]) -> (Vec<f32>, Vec<f32>) {
    let mut states = llama
        .feed(&mut [Feed { session, words }])
        .remove(0)
        .unwrap();
    let last = states.split_off(states.len() - llama.width());
    let decided = llama.decide(&last).unwrap();
    let (hidden, logits) = decided.rows().next().unwrap();
    (hidden.to_vec(), logits.to_vec())
}

/// Candle rounds activations in other places, so its logits are near, and not the same.
#[test]
fn logits_are_near_those_of_candle_transformers() {
    let file = weights();
    let mut reader = Cursor::new(&file[..]);
    let content = Content::read(&mut reader).unwrap();
    let mut reference = ModelWeights::from_gguf(content, &mut reader, &Device::Cpu).unwrap();
    let mut expected = |words: &[Word], position| {
        let ids = Tensor::new(words, &Device::Cpu).unwrap();
        let logits = reference.forward(&ids.unsqueeze(0).unwrap(), position);
        let logits = logits.unwrap().flatten_all().unwrap();
        logits.to_vec1::<f32>().unwrap()
    };
    let llama = llama(&file);
    let mut session = llama.session(CHUNK + 12);
    let mut fed = |words: &[Word]| feed(&llama, &mut session, words).1;
    // Words that make sense, so that the likeliest next one stands out: more than a chunk, then two.
    let template = known_models::smollm2_135m_instruct().chat_template;
    let sentence = template.unwrap().default_system;
    let text: Vec<Word> = sentence.iter().copied().cycle().take(CHUNK + 12).collect();
    let (prompt, more) = text.split_at(CHUNK + 10);
    let pairs = [
        (fed(prompt), expected(prompt, 0)),
        (fed(&more[..1]), expected(&more[..1], CHUNK + 10)),
        (fed(&more[1..]), expected(&more[1..], CHUNK + 11)),
    ];
    for (found, expected) in pairs {
        let difference = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let mean = difference.sum::<f32>() / found.len() as f32;
        println!("mean difference of the logits: {mean}");
        assert!(mean < 0.5, "{mean}");
        assert_eq!(likeliest(&found), likeliest(&expected));
    }
}

fn hashes((hidden, logits): (Vec<f32>, Vec<f32>)) -> [[u8; 32]; 2] {
    [values_hash(&hidden).0, values_hash(&logits).0]
}

/// Hash of the hidden states and logits of all of `words`, fed in pieces.
fn hash_of_all(llama: &Llama, words: &[Word], piece: usize) -> Hash {
    let mut session = llama.session(words.len());
    let mut hashes = Vec::new();
    for words in words.chunks(piece) {
        let session = &mut session;
        let states = llama
            .feed(&mut [Feed { session, words }])
            .remove(0)
            .unwrap();
        for states in states.chunks(DECIDED * llama.width()) {
            for (hidden, logits) in llama.decide(states).unwrap().rows() {
                hashes.extend(values_hash(hidden).0);
                hashes.extend(values_hash(logits).0);
            }
        }
    }
    Hash::from(blake2_256(&hashes))
}

/// Hashes of state and logits after 261 words, as every machine has them. If they change, so does the
/// version of the kernel specification.
const MANY_WORDS: [[u8; 32]; 2] = [
    hex!("5dead0861845a5cacd86925e563557d476e7c82e76ae565e2ffa0a5f44c00c33"),
    hex!("0ff2f22cec6d30fdea0db424d13ef3ffd48cc3e09893e5127ecfffb721fb5230"),
];
/// The same after nine words.
const NINE_WORDS: [[u8; 32]; 2] = [
    hex!("f929f35b0dd33911d5a56635dad485b336ad70982197d4673d24e562973432f7"),
    hex!("cf10041b63d0786e2b0027f55d09c914199797000e6a0a7cad90358aa50807a1"),
];

#[test]
fn bits_are_those_of_the_specification() {
    let file = weights();
    let llama = llama(&file);
    let last_of = |count| feed(&llama, &mut llama.session(300), &words(count));
    assert_eq!(hashes(last_of(261)), MANY_WORDS);
    assert_eq!(hashes(last_of(9)), NINE_WORDS);
}

/// Across the lengths at which libraries change their ways.
#[test]
fn bits_do_not_depend_on_how_a_prompt_is_fed() {
    let file = weights();
    let llama = llama(&file);
    let prompt = words(520);
    let whole = hash_of_all(&llama, &prompt, prompt.len());
    for piece in [1, 7, 32, 100, 255, 256, 257] {
        assert_eq!(hash_of_all(&llama, &prompt, piece), whole, "by {piece}");
    }
}

/// To the end of the model's context; at the end, word by word.
#[test]
fn bits_do_not_depend_on_how_a_long_prompt_is_fed() {
    let file = weights();
    let llama = llama(&file);
    let context = llama.shape.context as usize;
    let prompt = words(context as u32);
    let states = |pieces: &[usize]| {
        let mut session = llama.session(context);
        let (mut rest, mut hashes) = (&prompt[..], Vec::new());
        for piece in pieces.iter().cycle() {
            let (words, others) = rest.split_at((*piece).min(rest.len()));
            let session = &mut session;
            let states = llama
                .feed(&mut [Feed { session, words }])
                .remove(0)
                .unwrap();
            let states = states.chunks_exact(llama.width());
            hashes.extend(states.flat_map(|state| values_hash(state).0));
            rest = others;
            if rest.is_empty() {
                break;
            }
        }
        Hash::from(blake2_256(&hashes))
    };
    let by_chunks = states(&[CHUNK]);
    let ending_word_by_word = [&[100; 81][..], &[1; 92]].concat();
    assert_eq!(states(&ending_word_by_word), by_chunks);
}

#[test]
fn bits_do_not_depend_on_the_machine_or_its_threads() {
    let file = weights();
    let mut llama = llama(&file);
    let prompt = words(9);
    for set in InstructionSet::ALL.into_iter().filter(|s| s.is_available()) {
        for threads in [1, 2, 3, 8, 64] {
            llama.processor = Processor {
                set,
                threads: Threads::new(threads).unwrap(),
            };
            let found = hashes(feed(&llama, &mut llama.session(9), &prompt));
            assert_eq!(found, NINE_WORDS, "{set:?}, {threads} threads");
        }
    }
}

/// Sessions of different lengths, which are fed a prompt, a piece of one, or a word.
#[test]
fn bits_do_not_depend_on_the_other_sessions() {
    let file = weights();
    let llama = llama(&file);
    let parts = |i: usize| {
        let prompt = words(1 + (i * i % 41) as u32);
        let middle = prompt.len().min(1 + i % 7);
        (prompt[..middle].to_vec(), prompt[middle..].to_vec())
    };
    let feed_all = |sessions: &mut [Session], words: &[Vec<Word>]| {
        let fed = sessions
            .iter_mut()
            .zip(words)
            .filter(|(_, words)| !words.is_empty());
        let mut feeds: Vec<Feed> = fed
            .map(|(session, words)| Feed { session, words })
            .collect();
        llama
            .feed(&mut feeds)
            .into_iter()
            .map(Result::unwrap)
            .collect::<Vec<_>>()
    };
    for size in [2, 3, 4, 33] {
        let (first, then): (Vec<_>, Vec<_>) = (0..size).map(parts).unzip();
        let mut together: Vec<Session> = (0..size).map(|_| llama.session(64)).collect();
        let states = [
            feed_all(&mut together, &first),
            feed_all(&mut together, &then),
        ];
        let mut alone: Vec<Session> = (0..size).map(|_| llama.session(64)).collect();
        let expected = [&first, &then].map(|words| {
            let pairs = alone.iter_mut().zip(words);
            let alone = pairs.flat_map(|(session, words)| {
                feed_all(std::slice::from_mut(session), std::slice::from_ref(words))
            });
            alone.collect::<Vec<_>>()
        });
        assert_eq!(states, expected, "{size} sessions");
    }
}

/// The model with a NaN in the embedding of `word`.
fn spoiled(file: &[u8], word: usize) -> Llama {
    let mut spoiled = file.to_vec();
    let gguf = Gguf::parse(file).unwrap();
    let (info, table) = gguf.tensor("token_embd.weight").unwrap();
    let row = table.len() / info.dims[0];
    let at = table.as_ptr() as usize - file.as_ptr() as usize + word * row;
    spoiled[at..][..2].fill(0xff);
    let shape = known_models::smollm2_135m_instruct().shape;
    Llama::load(Gguf::parse(&spoiled).unwrap(), shape).unwrap()
}

/// It ends its own session's pass, and no other's.
#[test]
fn what_is_not_finite_is_no_other_sessions_concern() {
    let llama = spoiled(&weights(), 5_000);
    let prompt = words(9);
    let expected = feed(&llama, &mut llama.session(9), &prompt).0;
    let (mut good, mut bad) = (llama.session(9), llama.session(9));
    let states = llama.feed(&mut [
        Feed {
            session: &mut good,
            words: &prompt[..8],
        },
        Feed {
            session: &mut bad,
            words: &[17, 5_000],
        },
    ]);
    assert!(states[0].is_ok());
    assert_eq!(states[1], Err(NonFinite));
    assert_eq!((good.done, bad.done), (8, 0));
    assert_eq!(feed(&llama, &mut good, &prompt[8..]).0, expected);
    assert_eq!(feed(&llama, &mut bad, &prompt).0, expected);
}

#[test]
#[should_panic(expected = "sessions have room for their words")]
fn positions_beyond_the_room_are_refused() {
    let file = weights();
    let llama = llama(&file);
    let mut session = llama.session(2);
    feed(&llama, &mut session, &words(2));
    feed(&llama, &mut session, &words(1));
}
