//! How fast SmolLM2 runs here: prefill and decode in tokens per second.
use kagari_inference::{Device, Model};
use kagari_primitives::{known_models, Sampling, Task};
use std::time::Instant;

fn main() {
    let dir = std::env::var("KAGARI_MODELS").unwrap();
    let begun = Instant::now();
    let model = Model::load(
        dir.as_ref(),
        known_models::smollm2_135m_instruct(),
        &Device::Cpu,
    )
    .unwrap();
    println!("loaded in {:?}", begun.elapsed());
    let input: Vec<u32> = (0..512).map(|i| 17 + i * 7919 % 40000).collect();
    let run = |n, input: &[u32]| {
        let task = Task::Completion {
            max_new_tokens: n,
            sampling: Sampling::GREEDY,
        };
        let begun = Instant::now();
        let done = model.run(&task, &[0; 32], input, |_| ()).unwrap();
        (begun.elapsed().as_secs_f64(), done.output.len())
    };
    for _ in 0..3 {
        let (pre, _) = run(1, &input);
        println!("prefill 512: {:.0} tok/s", 512.0 / pre);
        let (one, _) = run(1, &input[..16]);
        let (many, n) = run(128, &input[..16]);
        println!("decode {n}: {:.1} tok/s", (n - 1) as f64 / (many - one));
    }
}
