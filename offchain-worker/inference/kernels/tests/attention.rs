//! Attention against the specification, bit for bit: of one text and of several, whole and in pieces.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{bits, floats, hard, hard_bits, rng, sets};
use kagari_kernels::{
    fast::{attend, Attended, Cache, Reach, Threads},
    float::Hard,
    reference,
};
use proptest::test_runner::TestRng;

/// Keys, values and queries of one text.
struct TextData {
    positions: usize,
    keys: Vec<f32>,
    values: Vec<f32>,
    queries: Vec<f32>,
}

/// Heads of attention: so many queries share a key.
#[derive(Clone, Copy)]
struct Heads {
    kv_heads: usize,
    group: usize,
    width: usize,
}

impl Heads {
    fn text(self, rng: &mut TestRng, positions: usize) -> TextData {
        let row = self.kv_heads * self.width;
        TextData {
            positions,
            keys: floats(rng, positions * row),
            values: floats(rng, positions * row),
            queries: floats(rng, positions * row * self.group),
        }
    }

    /// What the specification says for all positions of a text.
    fn expected(self, text: &TextData, reach: Reach) -> Vec<u32> {
        let row = self.kv_heads * self.width;
        let of_head = |x: &[f32], head: usize, count: usize| -> Vec<Hard> {
            let rows = x.chunks_exact(row).take(count);
            let head = head * self.width..(head + 1) * self.width;
            rows.flat_map(|row| hard(&row[head.clone()])).collect()
        };
        let heads = self.kv_heads * self.group;
        let queries = text.queries.chunks_exact(self.width).enumerate();
        let mixed = queries.flat_map(|(i, query)| {
            let (position, head) = (i / heads, i % heads / self.group);
            let count = match reach {
                Reach::UpToOwn => position + 1,
                Reach::All => text.positions,
            };
            let keys = of_head(&text.keys, head, count);
            let values = of_head(&text.values, head, count);
            hard_bits(&reference::attend(&hard(query), &keys, &values).unwrap())
        });
        mixed.collect()
    }

    fn cache(self, text: &TextData) -> Cache {
        let mut cache = Cache::new(self.kv_heads, self.width, text.positions);
        cache.extend(&text.keys, &text.values);
        cache
    }
}

const ALL_HEADS: [(usize, usize); 5] = [(1, 16), (2, 32), (3, 64), (4, 48), (1, 112)];

/// Fed whole and in pieces.
#[test]
fn attention_is_that_of_the_specification() {
    let (kv_heads, positions) = (2, 70);
    let threads = Threads::new(3).unwrap();
    for (group, width) in ALL_HEADS {
        let shape = Heads {
            kv_heads,
            group,
            width,
        };
        let text = shape.text(&mut rng(group as u64), positions);
        let expected = shape.expected(&text, Reach::UpToOwn);
        let (row, heads) = (kv_heads * width, kv_heads * group);
        for set in sets() {
            for piece in [1, 7, 32, positions] {
                let mut cache = Cache::new(kv_heads, width, positions);
                let mut found = Vec::new();
                let kv = text.keys.chunks(piece * row);
                let kv = kv.zip(text.values.chunks(piece * row));
                for ((k, v), q) in kv.zip(text.queries.chunks(piece * heads * width)) {
                    cache.extend(k, v);
                    let mut out = vec![0.0; q.len()];
                    let texts = [Attended {
                        cache: &cache,
                        positions: k.len() / row,
                    }];
                    attend(set, &threads, heads, Reach::UpToOwn, &texts, q, &mut out).unwrap();
                    found.extend(bits(&out));
                }
                let case = format!("{group} heads of {width} a key, by {piece}, on {set:?}");
                assert_eq!(found, expected, "{case}");
            }
        }
    }
}

/// Several texts at once, each as if it were alone.
#[test]
fn attention_of_several_texts_is_that_of_each() {
    let threads = Threads::new(3).unwrap();
    for (group, width) in ALL_HEADS {
        let shape = Heads {
            kv_heads: 2,
            group,
            width,
        };
        let mut rng = rng(group as u64);
        let texts = [5, 1, 33, 16].map(|positions| shape.text(&mut rng, positions));
        let caches: Vec<Cache> = texts.iter().map(|text| shape.cache(text)).collect();
        let pairs = caches.iter().zip(&texts);
        let attended = pairs.map(|(cache, text)| Attended {
            cache,
            positions: text.positions,
        });
        let attended: Vec<Attended> = attended.collect();
        let queries = texts.each_ref().map(|text| &text.queries[..]).concat();
        for reach in [Reach::UpToOwn, Reach::All] {
            let expected = texts.each_ref().map(|t| shape.expected(t, reach)).concat();
            for set in sets() {
                let mut out = vec![0.0; queries.len()];
                attend(
                    set,
                    &threads,
                    2 * group,
                    reach,
                    &attended,
                    &queries,
                    &mut out,
                )
                .unwrap();
                assert_eq!(
                    bits(&out),
                    expected,
                    "{group} heads of {width}, {reach:?}, {set:?}"
                );
            }
        }
    }
}

#[test]
fn attention_finds_what_is_not_finite() {
    let threads = Threads::new(1).unwrap();
    for set in sets() {
        let mut cache = Cache::new(1, 16, 4);
        cache.extend(&[1e30; 16], &[1.0; 16]);
        let texts = [Attended {
            cache: &cache,
            positions: 1,
        }];
        let (queries, mut out) = ([1e30; 16], [0.0; 16]);
        let result = attend(set, &threads, 1, Reach::UpToOwn, &texts, &queries, &mut out);
        assert!(result.is_err(), "{set:?}");
    }
}
