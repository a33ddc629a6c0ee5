//! The files that fuzzing begins with and those that it has found, and the ones for which reading takes
//! the most memory: too large for fuzzing to come upon.
//!
//! It is one test, since it measures memory: nothing else is to run meanwhile.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::{fs, path::Path};

type Target = fn(&[u8]) -> bool;

const TARGETS: [(&str, Target); 4] = [
    ("gguf", fuzz::gguf),
    ("safetensors", fuzz::safetensors),
    ("llama", fuzz::llama),
    ("bert", fuzz::bert),
];

#[test]
fn readers_keep_to_their_limits() {
    // Candle's errors would take their backtraces, which is no part of reading a file.
    std::env::set_var("RUST_LIB_BACKTRACE", "0");
    for (name, target) in TARGETS {
        read_seeds(name, target);
    }
    // Maps and lists take the most just after they have grown.
    for count in [448, 449, 897, 1_793, 3_585, 4_096] {
        assert!(fuzz::gguf(&many_entries(count)), "{count} entries");
    }
    for count in [448, 449, 897, 4_097, 8_193, 14_336, 14_337, 16_384] {
        assert!(fuzz::gguf(&many_tensors(count, 32)), "{count} tensors");
        // They share their bytes, which is found when all are read.
        assert!(!fuzz::gguf(&many_tensors(count, 0)), "{count} tensors");
        let file = safetensors(&many_names(count));
        assert!(fuzz::safetensors(&file), "{count} tensors");
    }
    for header in long_texts() {
        assert!(!fuzz::safetensors(&safetensors(&header)));
    }
}

fn read_seeds(name: &str, target: Target) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(name);
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    assert!(!files.is_empty(), "{folder:?}");
    for path in files {
        println!("{}", path.display());
        let accepted = target(&fs::read(&path).unwrap());
        let valid = path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("valid");
        assert_eq!(accepted, valid, "{path:?}");
    }
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

fn gguf(tensors: u64, entries: u64, body: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut file = b"GGUF\x03\0\0\0".to_vec();
    file.extend(tensors.to_le_bytes());
    file.extend(entries.to_le_bytes());
    body.for_each(|part| file.extend(part));
    file.resize(file.len().next_multiple_of(32), 0);
    file
}

/// So many metadata entries, each as short as can be.
fn many_entries(count: u64) -> Vec<u8> {
    let entry = |i: u64| [text(&short(i)), vec![7, 0, 0, 0, 1]].concat();
    gguf(0, count, (0..count).map(entry))
}

/// So many tensors, each as short as can be, so many bytes apart.
fn many_tensors(count: u64, apart: u64) -> Vec<u8> {
    let tensor = |i: u64| {
        let offset = apart * i;
        let dims = [&1u32.to_le_bytes()[..], &1u64.to_le_bytes()].concat();
        let place = [&0u32.to_le_bytes()[..], &offset.to_le_bytes()].concat();
        [text(&short(i)), dims, place].concat()
    };
    let mut file = gguf(count, 0, (0..count).map(tensor));
    file.resize(file.len() + 32 + (apart * (count - 1)) as usize, 0);
    file
}

/// A header of so many tensors, each as short as can be.
fn many_names(count: u64) -> String {
    let tensor = |i| {
        format!(
            r#""{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#,
            short(i)
        )
    };
    let tensors: Vec<_> = (0..count).map(tensor).collect();
    format!("{{{}}}", tensors.join(","))
}

/// Texts that errors could show.
fn long_texts() -> [String; 6] {
    let long = "\u{7f}".repeat(1 << 20);
    [
        format!(r#""{long}""#),
        format!(r#"{{"{long}":1}}"#),
        format!(r#"{{"__metadata__":"{long}"}}"#),
        format!(r#"{{"w":"{long}"}}"#),
        format!(r#"{{"w":{{"{long}":1}}}}"#),
        format!(r#"{{"w":{{"dtype":"{long}","shape":[],"data_offsets":[0,0]}}}}"#),
    ]
}

fn safetensors(header: &str) -> Vec<u8> {
    text(header)
}

/// The shortest name for a number.
fn short(mut number: u64) -> String {
    const LETTERS: u64 = 26;
    let mut name = String::new();
    loop {
        name.push(char::from(b'a' + (number % LETTERS) as u8));
        number /= LETTERS;
        if number == 0 {
            return name;
        }
    }
}
