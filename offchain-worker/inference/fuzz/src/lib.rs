//! What is asked of whatever reads a model's files, for any bytes: no panic, little memory, and errors
//! that name a field.
//!
//! The fuzz targets run it, and so does the test `seeds` of the inference crate, which builds this file
//! into itself.

mod memory;
mod models;

use kagari_inference::{
    gguf::{Gguf, Malformed},
    safetensors,
};
pub use models::{bert, llama};

/// Bytes that reading a header may take, for each byte of the file.
///
/// The worst that is known is 12 for GGUF: thousands of tensors that share their bytes, so that each takes
/// 36 bytes of the file, just after the map of them has grown. For safetensors it is 2. The test `seeds`
/// has such files.
const FACTOR: usize = 16;
/// Bytes that it may take besides: for errors, and for the least that maps and lists begin with.
const BESIDES: usize = 8 << 10;

/// Reads a GGUF header, and all that it holds. Says whether it is accepted.
pub fn gguf(file: &[u8]) -> bool {
    memory::limit(FACTOR * file.len() + BESIDES, || {
        let read = Gguf::parse(file).map(|gguf| walk(&gguf, file));
        read.inspect_err(check_error).is_ok()
    })
}

/// Checks a safetensors header. Says whether it is accepted.
pub fn safetensors(file: &[u8]) -> bool {
    memory::limit(FACTOR * file.len() + BESIDES, || {
        let checked = safetensors::check_header(file);
        checked.inspect_err(check_error).is_ok()
    })
}

fn walk(gguf: &Gguf, file: &[u8]) {
    for key in gguf.keys() {
        read_as_everything(gguf, key).for_each(|e| check_error_of(key, &e));
    }
    // No header has it: it is longer than a name may be.
    let missing = "k".repeat(300);
    assert_eq!(read_as_everything(gguf, &missing).count(), 6);
    let mut in_tensors = 0;
    for name in gguf.tensor_names() {
        let (info, bytes) = gguf.tensor(name).expect("a tensor that is named is there");
        let elements: usize = info.dims.iter().product();
        let blocks = elements / info.dtype.block_size();
        assert_eq!(bytes.len(), blocks * info.dtype.type_size(), "{name}");
        in_tensors += bytes.len();
    }
    assert!(in_tensors <= file.len());
}

/// The errors of reading an entry as each kind of value.
fn read_as_everything(gguf: &Gguf, key: &str) -> impl Iterator<Item = Malformed> {
    let texts = gguf.texts(key).map(|texts| {
        assert_eq!(texts.iter().count(), texts.len(), "{key}");
    });
    let results = [
        gguf.value(key).map(drop),
        gguf.unsigned(key).map(drop),
        gguf.float(key).map(drop),
        gguf.text(key).map(drop),
        gguf.numbers(key).map(|numbers| {
            numbers.integers().count();
        }),
        texts,
    ];
    results.into_iter().filter_map(Result::err)
}

fn check_error_of(field: &str, error: &Malformed) {
    assert_eq!(error.field, field);
    check_error(error);
}

fn check_error(error: &Malformed) {
    assert!(!error.field.is_empty(), "{error}");
    assert!(!error.problem.is_empty(), "{error}");
    assert_eq!(
        error.to_string(),
        format!("{}: {}", error.field, error.problem)
    );
}
