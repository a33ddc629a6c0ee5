//! See [`kagari_runtime_fuzz::run`].
#![no_main]

use kagari_runtime_fuzz::{run, Bytes};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    run(Bytes::new(bytes), u64::MAX);
});
