//! How much memory a job takes, so that jobs that do not fit together wait for each other: an
//! allocation that fails would end the process, and every job in it.

use crate::llama;
use kagari_primitives::{
    model::{Architecture, ModelShape},
    Task,
};

/// Bytes of an f32.
const F32: u64 = 4;
/// Copies of a tensor that a step makes at most.
const COPIES: u64 = 4;

/// Threads that one job runs on, at most by far.
const MOST_THREADS: u64 = 32;

/// Bytes that a job with `input` words takes at most, beside the model; rather too many.
pub fn job_bytes(shape: &ModelShape, task: &Task, input: usize) -> u64 {
    let new = match task {
        Task::Completion { max_new_tokens, .. } => u64::from(*max_new_tokens),
        Task::Embedding => 0,
    };
    let positions = (input as u64).saturating_add(new).min(shape.context.into());
    // Of a decoder only a chunk passes at once; the rest is in its cache. Each thread scores one position
    // at a time.
    let (at_once, cached, drawn) = match shape.architecture {
        Architecture::Llama => (
            positions.min(llama::CHUNK as u64),
            positions.next_multiple_of(16) * u64::from(shape.layers),
            new.min(llama::DECIDED as u64) + 2 * COPIES,
        ),
        Architecture::Bert => (positions, positions.next_multiple_of(16), 0),
    };
    let heads = u64::from(shape.heads);
    let query_width = heads * u64::from(shape.head_dim);
    let scores = product([MOST_THREADS, positions, heads, COPIES]);
    let width = u64::from(shape.hidden) + u64::from(shape.intermediate) + query_width;
    let states = product([at_once, width, COPIES]);
    let key_width = u64::from(shape.kv_heads) * u64::from(shape.head_dim);
    let cache = product([cached, key_width, 2]);
    // Logits, and what a draw makes of them. A replay draws from several rows at once.
    let logits = product([shape.vocab.into(), drawn]);
    let values = [scores, states, cache, logits]
        .into_iter()
        .fold(0, u64::saturating_add);
    values.saturating_mul(F32)
}

fn product<const N: usize>(factors: [u64; N]) -> u64 {
    factors.into_iter().fold(1, u64::saturating_mul)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kagari_primitives::{known_models, Sampling};

    fn completion(max_new_tokens: u32) -> Task {
        Task::Completion {
            max_new_tokens,
            sampling: Sampling::GREEDY,
        }
    }

    #[test]
    fn a_completion_takes_its_cache_and_little_more() {
        let shape = known_models::smollm2_135m_instruct().shape;
        let cache = 30 * 2 * 3 * 64 * 4;
        let whole = job_bytes(&shape, &completion(8_192), 8_000);
        assert!(
            whole > 8_192 * cache && whole < 8_192 * cache * 5 / 4,
            "{whole}"
        );
        assert!(job_bytes(&shape, &completion(10), 10) < 8 << 20);
    }

    #[test]
    fn more_words_take_more() {
        let shape = known_models::all_minilm_l6_v2().shape;
        let bytes = |input| job_bytes(&shape, &Task::Embedding, input);
        assert!(bytes(512) > bytes(8));
        assert!(bytes(512) < 100 << 20);
    }

    #[test]
    fn absurd_jobs_do_not_overflow() {
        let mut shape = known_models::smollm2_135m_instruct().shape;
        (shape.layers, shape.hidden, shape.vocab) = (u16::MAX, u32::MAX, u32::MAX);
        (shape.heads, shape.kv_heads, shape.head_dim) = (u16::MAX, u16::MAX, u16::MAX);
        (shape.intermediate, shape.context) = (u32::MAX, u32::MAX);
        assert!(job_bytes(&shape, &completion(u32::MAX), usize::MAX) > 1 << 60);
    }
}
