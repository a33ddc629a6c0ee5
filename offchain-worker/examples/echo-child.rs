//! An inference child without models, for tests: it talks as a real one does, gives the input back as
//! the output, and fails in the ways that the first word of a job's input asks for.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use kagari_inference::{
    protocol::{
        decode, read_frame, write_frame, Completed, Failure, Request, RequestBody, Response,
        ResponseBody,
    },
    Replayed,
};
use kagari_primitives::{Hash, StopReason, Word};
use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    process, thread,
};

/// Ends the child at once.
const CRASH: Word = 0xdead;
/// Never answers, and takes no more requests; a byte in the file [`BEGUN`] says that it has begun.
const HANG: Word = 0xb10c;
/// Never answers, but takes more requests; it says that it has begun, too.
const IGNORE: Word = 0x1dea;
/// Answers what is no frame.
const GARBAGE: Word = 0x6a5b;
/// Answers a request that was never made.
const STRANGER: Word = 0x57a6;
/// Refuses the input.
const REFUSE: Word = 0xbad;

/// A file in the folder of all models, with a byte for each job that has begun and never ends.
const BEGUN: &str = "begun";

fn main() {
    let (mut requests, mut answers) = (io::stdin().lock(), io::stdout().lock());
    let mut models = PathBuf::new();
    while let Some(frame) = read_frame(&mut requests).expect("the node sends frames") {
        let Request { id, body } = decode(&frame).expect("the node sends requests");
        if let RequestBody::Load { dir, .. } = &body {
            models = dir.into();
        }
        if let Some(body) = answer(id, body, &models, &mut answers) {
            write_frame(&mut answers, &Response { id, body }).expect("the node listens");
        }
    }
}

fn note_beginning(models: &Path) {
    let mut options = File::options();
    let mut file = options
        .create(true)
        .append(true)
        .open(models.join(BEGUN))
        .unwrap();
    file.write_all(b".").unwrap();
}

fn answer(
    id: u64,
    body: RequestBody,
    models: &Path,
    answers: &mut impl Write,
) -> Option<ResponseBody> {
    Some(match body {
        RequestBody::Load { .. } => ResponseBody::Loaded,
        RequestBody::Encode { text, .. } => {
            ResponseBody::Words(text.bytes().map(Word::from).collect())
        }
        RequestBody::EncodeChat { messages, .. } => {
            ResponseBody::Words(messages.iter().map(|m| m.content.len() as Word).collect())
        }
        RequestBody::Decode { ids, .. } => ResponseBody::Text(format!("{ids:?}")),
        RequestBody::Run { input, seed, .. } => return run(input, seed, models, answers),
        RequestBody::Replay { input, claimed, .. } => {
            let body = ResponseBody::Progress { done: 1 };
            write_frame(answers, &Response { id, body }).expect("the node listens");
            ResponseBody::Replayed(match input == claimed.output {
                true => Replayed::Holds,
                false => Replayed::Differs(0),
            })
        }
    })
}

fn run(
    input: Vec<Word>,
    seed: [u8; 32],
    models: &Path,
    answers: &mut impl Write,
) -> Option<ResponseBody> {
    if matches!(input.first(), Some(&(HANG | IGNORE))) {
        note_beginning(models);
    }
    match input.first() {
        Some(&CRASH) => process::exit(3),
        Some(&HANG) => loop {
            thread::park();
        },
        Some(&IGNORE) => None,
        Some(&GARBAGE) => {
            answers.write_all(b"error: something is wrong\n").unwrap();
            answers.flush().unwrap();
            None
        }
        Some(&STRANGER) => {
            let body = ResponseBody::Loaded;
            write_frame(answers, &Response { id: u64::MAX, body }).unwrap();
            None
        }
        Some(&REFUSE) => Some(ResponseBody::Failed(Failure::bad_input(
            "the input is refused",
        ))),
        _ => Some(ResponseBody::Done(Completed {
            output: input,
            stop: StopReason::Length,
            trace_root: Hash::from(seed),
        })),
    }
}
