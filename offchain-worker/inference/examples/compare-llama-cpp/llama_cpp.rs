//! llama.cpp, in a process of its own: `scripts/compare-llama-cpp.mjs`.
//!
//! A request is a line of JSON. An answer is a count, and so many elements of four bytes: ids, or the
//! logits of all positions one after the other. All of them are little-endian.

use crate::Result;
use kagari_primitives::Word;
use serde_json::{json, Value};
use std::{
    io::{Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// The process, and the pipes to it.
pub struct LlamaCpp {
    process: Child,
    requests: ChildStdin,
    answers: ChildStdout,
}

/// How many words pass through the layers at once, which changes how llama.cpp rounds.
#[derive(Clone, Copy)]
pub enum Feeding {
    /// As many as a batch holds.
    Together,
    /// One.
    OneByOne,
}

impl LlamaCpp {
    /// Starts the process by its command line.
    pub fn start(command: &[String]) -> Result<Self> {
        let [program, arguments @ ..] = command else {
            return Err("no command for llama.cpp: run scripts/compare-llama-cpp.sh".into());
        };
        let process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = process.map_err(|e| format!("{program} does not start: {e}"))?;
        let (requests, answers) = (process.stdin.take(), process.stdout.take());
        Ok(Self {
            process,
            requests: requests.ok_or("llama.cpp has no input")?,
            answers: answers.ok_or("llama.cpp has no output")?,
        })
    }

    /// The ids of a user's text.
    pub fn ids(&mut self, text: &str) -> Result<Vec<Word>> {
        let words = self.ask(&json!({ "text": text }))?;
        Ok(words.into_iter().map(Word::from_le_bytes).collect())
    }

    /// The logits after each of `words` from number `from` on, one after the other.
    pub fn logits(&mut self, words: &[Word], from: usize, feeding: Feeding) -> Result<Vec<f32>> {
        let one_by_one = matches!(feeding, Feeding::OneByOne);
        let request = json!({ "words": words, "from": from, "oneByOne": one_by_one });
        let logits = self.ask(&request)?;
        Ok(logits.into_iter().map(f32::from_le_bytes).collect())
    }

    fn ask(&mut self, request: &Value) -> Result<Vec<[u8; 4]>> {
        self.exchange(request)
            .map_err(|e| format!("llama.cpp gives no answer ({e}); it says why above").into())
    }

    fn exchange(&mut self, request: &Value) -> std::io::Result<Vec<[u8; 4]>> {
        writeln!(self.requests, "{request}")?;
        let mut count = [0; 4];
        self.answers.read_exact(&mut count)?;
        let mut elements = vec![[0; 4]; u32::from_le_bytes(count) as usize];
        self.answers.read_exact(elements.as_flattened_mut())?;
        Ok(elements)
    }
}

impl Drop for LlamaCpp {
    fn drop(&mut self) {
        // It is not needed any more, and has nothing to save.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
