//! Draws a token from logits: in integers once the logits are weighted, so that no order of summation
//! matters, and with draws that depend on nothing but the seed and the position, so that any position
//! can be drawn again by itself.

use kagari_kernels::fast::{likelihoods as likelihoods_of, InstructionSet};
use kagari_primitives::{Sampling, Word};
use sp_crypto_hashing::blake2_256;

/// The weight of the likeliest token.
const MAX_WEIGHT: f32 = (1u64 << 30) as f32;
/// Domain of the draws' hashes.
const DOMAIN: &[u8] = b"kagari-draw";

/// Draws the token at output position `position`; `None` if a logit is a NaN or an infinity.
pub fn draw(logits: &[f32], sampling: &Sampling, seed: &[u8; 32], position: u32) -> Option<Word> {
    if logits.iter().any(|l| !l.is_finite()) {
        return None;
    }
    let likeliest = argmax(logits)?;
    if sampling.temperature == 0 {
        return Some(likeliest);
    }
    let weights = weights(logits, logits[likeliest as usize], sampling.temperature);
    let least = nucleus(&weights, sampling.top_p);
    Some(pick(&weights, least, random(seed, position)))
}

/// The id of the greatest logit, the lowest of equals.
fn argmax(logits: &[f32]) -> Option<Word> {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = id;
        }
    }
    (!logits.is_empty()).then_some(best as Word)
}

/// `floor(2^30 · exp((l − max) / temperature))`.
fn weights(logits: &[f32], max: f32, temperature: u32) -> Vec<u64> {
    let factor = 1_000.0 / temperature as f32;
    let mut likelihoods = vec![0.0; logits.len()];
    likelihoods_of(
        InstructionSet::best(),
        logits,
        max,
        factor,
        &mut likelihoods,
    );
    let weight = |likelihood: &f32| (likelihood * MAX_WEIGHT) as u64;
    likelihoods.iter().map(weight).collect()
}

/// The greatest `t` for which the weights of at least `t` make up the share `top_p` of all.
fn nucleus(weights: &[u64], top_p: u32) -> u64 {
    let total: u64 = weights.iter().sum();
    let mut sorted: Vec<u64> = weights.iter().copied().filter(|w| *w > 0).collect();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let enough = u128::from(total) * u128::from(top_p);
    let mut sum = 0u64;
    for weight in &sorted {
        sum += weight;
        if u128::from(sum) * 1_000 >= enough {
            return *weight;
        }
    }
    sorted.last().copied().unwrap_or(0)
}

/// The first id at which the running sum of the weights of at least `least` exceeds the random share
/// of them.
fn pick(weights: &[u64], least: u64, random: u64) -> Word {
    let included = |w: &u64| if *w >= least { *w } else { 0 };
    let sum: u64 = weights.iter().map(included).sum();
    // Multiplying and shifting maps 64 random bits to 0..sum without a loop; a weight's chance is
    // off by less than 2^-64.
    let target = ((u128::from(random) * u128::from(sum)) >> 64) as u64;
    let mut running = 0;
    for (id, weight) in weights.iter().enumerate() {
        running += included(weight);
        if running > target {
            return id as Word;
        }
    }
    unreachable!("the target is below the sum of the weights, and the likeliest has a weight; qed")
}

/// 64 random bits for one position: the first of BLAKE2b-256(domain, seed, position).
fn random(seed: &[u8; 32], position: u32) -> u64 {
    let hashed = [DOMAIN, seed, &position.to_le_bytes()].concat();
    let [a, b, c, d, e, f, g, h, ..] = blake2_256(&hashed);
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn sampling(temperature: u32, top_p: u32) -> Sampling {
        Sampling {
            temperature,
            top_p,
            seed: 0,
        }
    }

    fn draws(logits: &[f32], sampling: Sampling, seed: u8) -> Vec<Word> {
        (0..2_000)
            .map(|i| draw(logits, &sampling, &[seed; 32], i).unwrap())
            .collect()
    }

    fn share(draws: &[Word], id: Word) -> f64 {
        draws.iter().filter(|d| **d == id).count() as f64 / draws.len() as f64
    }

    #[test]
    fn without_temperature_the_likeliest_is_taken_and_the_lowest_of_equals() {
        assert_eq!(
            draw(&[0.0, 3.0, 3.0, 1.0], &Sampling::GREEDY, &[1; 32], 0),
            Some(1)
        );
        assert_eq!(draw(&[-0.0, 0.0], &Sampling::GREEDY, &[1; 32], 0), Some(0));
        assert_eq!(draw(&[], &Sampling::GREEDY, &[1; 32], 0), None);
    }

    #[test]
    fn draws_follow_the_weights() {
        let logits = [4f32.ln(), 2f32.ln(), 1f32.ln(), 1f32.ln()];
        let drawn = draws(&logits, sampling(1_000, 1_000), 7);
        for (id, expected) in [(0, 0.5), (1, 0.25), (2, 0.125), (3, 0.125)] {
            let found = share(&drawn, id);
            assert!((found - expected).abs() < 0.05, "{id}: {found}");
        }
    }

    #[test]
    fn a_low_temperature_sharpens_and_a_high_one_flattens() {
        let logits = [2f32.ln(), 0.0];
        let at = |temperature| share(&draws(&logits, sampling(temperature, 1_000), 3), 0);
        assert!(at(100) > 0.99);
        assert!((at(1_000) - 2.0 / 3.0).abs() < 0.05);
        assert!((at(10_000) - 0.5).abs() < 0.06);
    }

    #[test]
    fn top_p_leaves_the_tail_out_and_keeps_equals_together() {
        let logits = [4f32.ln(), 2f32.ln(), 0.0, 0.0];
        let only = |top_p, ids: &[Word]| {
            draws(&logits, sampling(1_000, top_p), 9)
                .iter()
                .all(|d| ids.contains(d))
        };
        assert!(only(1, &[0]));
        assert!(only(499, &[0]));
        assert!(only(740, &[0, 1]));
        assert!(!only(740, &[0]));
        // Two tokens share the third place: the nucleus has both or none.
        assert!(!only(800, &[0, 1, 2]));
    }

    #[test]
    fn another_seed_or_position_draws_anew() {
        let logits = [0.0; 1_000];
        let drawn = |seed| draws(&logits, sampling(1_000, 1_000), seed);
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert!(drawn(1).iter().any(|d| *d != drawn(1)[0]));
    }

    #[test]
    fn a_value_that_is_not_finite_stops() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(draw(&[0.0, bad], &Sampling::GREEDY, &[0; 32], 0), None);
            assert_eq!(draw(&[0.0, bad], &sampling(1_000, 900), &[0; 32], 0), None);
        }
    }

    proptest! {
        #[test]
        fn every_draw_has_a_weight(
            logits in prop::collection::vec(-1e30f32..1e30, 1..50),
            temperature in 0..=Sampling::MAX_TEMPERATURE, top_p in 1..=1_000u32, seed: [u8; 32],
        ) {
            let id = draw(&logits, &sampling(temperature, top_p), &seed, 0).unwrap();
            prop_assert!((id as usize) < logits.len());
        }

        #[test]
        fn the_nucleus_is_the_smallest_that_suffices(
            weights in prop::collection::vec(0..1u64 << 30, 1..50), top_p in 1..=1_000u32
        ) {
            let total: u64 = weights.iter().sum();
            prop_assume!(total > 0);
            let mass = |t: u64| weights.iter().filter(|w| **w >= t).sum::<u64>();
            let enough = |m: u64| u128::from(m) * 1_000 >= u128::from(total) * u128::from(top_p);
            let t = nucleus(&weights, top_p);
            prop_assert!(enough(mass(t)));
            prop_assert!(!enough(mass(t + 1)));
        }
    }
}
