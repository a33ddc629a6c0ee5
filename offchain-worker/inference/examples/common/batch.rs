//! Jobs and replays that are done together.

use kagari_inference::{protocol::Completed, Model, Outcome, Work};

/// Advances all works to their end.
pub fn finish(model: &Model, mut works: Vec<Work>) -> Vec<Outcome> {
    while works.iter().any(|work| !work.is_done()) {
        model.advance(&mut works.iter_mut().collect::<Vec<_>>());
    }
    let finished = works.into_iter().map(|work| work.finish());
    finished.map(|outcome| outcome.unwrap()).collect()
}

/// The results of works that are no replays.
pub fn complete(model: &Model, works: Vec<Work>) -> Vec<Completed> {
    let completed = |outcome| match outcome {
        Outcome::Completed(completed) => completed,
        Outcome::Replayed(_) => unreachable!("these are no replays"),
    };
    finish(model, works).into_iter().map(completed).collect()
}
