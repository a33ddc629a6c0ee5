//! See [`kagari_inference_fuzz::safetensors`].
#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    kagari_inference_fuzz::safetensors(file);
});
