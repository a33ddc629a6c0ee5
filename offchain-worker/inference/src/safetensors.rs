//! Checks the header of a safetensors file, within limits, before candle reads it.

use crate::gguf::{Malformed, Result};
use serde::Deserialize;
use std::collections::HashMap;

/// Most bytes of the header.
const MAX_HEADER: u64 = 4 << 20;
/// Most tensors.
const MAX_TENSORS: usize = 16_384;
/// Most dimensions of a tensor.
const MAX_DIMENSIONS: usize = 8;
/// Most characters of a tensor's name that an error shows.
const MAX_SHOWN: usize = 256;

#[derive(Deserialize)]
struct Header {
    /// Free text; it is not looked at.
    #[serde(rename = "__metadata__")]
    _metadata: Option<HashMap<String, String>>,
    #[serde(flatten)]
    tensors: HashMap<String, Tensor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// Checks that the header of `file` is sane and that every tensor that it names lies in `file`.
pub fn check_header(file: &[u8]) -> Result<()> {
    let (header, data) = split(file)?;
    let header: Header =
        serde_json::from_slice(header).map_err(|e| Malformed::new("header", e.to_string()))?;
    let count = header.tensors.len();
    if count > MAX_TENSORS {
        let problem = format!("names {count} tensors, at most {MAX_TENSORS} are accepted");
        return Err(Malformed::new("header", problem));
    }
    for (name, tensor) in &header.tensors {
        let name = name.chars().take(MAX_SHOWN).collect::<String>();
        tensor
            .check(data.len() as u64)
            .map_err(|problem| Malformed::new(name, problem))?;
    }
    Ok(())
}

fn split(file: &[u8]) -> Result<(&[u8], &[u8])> {
    const FIELD: &str = "header length";
    let Some((len, rest)) = file.split_first_chunk() else {
        return Err(Malformed::new(FIELD, "the file ends before it"));
    };
    let len = u64::from_le_bytes(*len);
    if len > MAX_HEADER {
        return Err(Malformed::new(
            FIELD,
            format!("is {len}, at most {MAX_HEADER} is accepted"),
        ));
    }
    rest.split_at_checked(len as usize).ok_or_else(|| {
        let problem = format!("is {len}, the file has {} bytes left", rest.len());
        Malformed::new(FIELD, problem)
    })
}

impl Tensor {
    fn check(&self, data: u64) -> std::result::Result<(), String> {
        let (start, end) = self.data_offsets;
        if start > end || end > data {
            return Err(format!(
                "lies at {start} to {end}, the file has {data} bytes for all tensors"
            ));
        }
        if self.shape.len() > MAX_DIMENSIONS {
            return Err(format!(
                "has {} dimensions, at most {MAX_DIMENSIONS}",
                self.shape.len()
            ));
        }
        let Some(width) = self.width() else {
            return Err(format!(
                "its elements are of type {:?}, which is not supported",
                self.dtype
            ));
        };
        let bytes = self
            .shape
            .iter()
            .try_fold(width, |bytes, dim| bytes.checked_mul(*dim));
        if bytes != Some(end - start) {
            let shape = &self.shape;
            return Err(format!(
                "its shape {shape:?} does not fit its {} bytes",
                end - start
            ));
        }
        Ok(())
    }

    fn width(&self) -> Option<u64> {
        match self.dtype.as_str() {
            "U8" => Some(1),
            "F16" | "BF16" => Some(2),
            "F32" | "U32" => Some(4),
            "F64" | "I64" => Some(8),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }

    fn tensor(dtype: &str, shape: &str, offsets: &str) -> Vec<u8> {
        let header = format!(
            r#"{{"__metadata__":{{"format":"pt"}},
                "w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#
        );
        file(&header, 24)
    }

    fn error(file: &[u8]) -> String {
        check_header(file).unwrap_err().to_string()
    }

    #[test]
    fn sane_headers_pass_and_every_cut_is_refused() {
        let file = tensor("F32", "[2,3]", "[0,24]");
        check_header(&file).unwrap();
        for len in 0..file.len() {
            assert!(check_header(&file[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn absurd_header_lengths_are_refused() {
        let refused = error(&u64::MAX.to_le_bytes());
        assert!(
            refused.contains("header length: is 18446744073709551615, at most"),
            "{refused}"
        );
        assert!(error(&9u64.to_le_bytes()).contains("header length: is 9, the file has 0"));
        assert!(error(b"short").contains("the file ends before it"));
    }

    #[test]
    fn absurd_tensors_are_refused_by_name() {
        let huge = "[4294967296,4294967296]";
        assert!(error(&tensor("F32", huge, "[0,24]")).contains("w: its shape"));
        assert!(error(&tensor("F32", "[2,2]", "[0,24]")).contains("does not fit its 24 bytes"));
        assert!(error(&tensor("F32", "[2,3]", "[8,32]")).contains("w: lies at 8 to 32"));
        assert!(error(&tensor("F32", "[2,3]", "[24,0]")).contains("w: lies at 24 to 0"));
        assert!(error(&tensor("F4", "[2,3]", "[0,24]")).contains("type \"F4\""));
        let many = "[1,1,1,1,1,1,1,1,6]";
        assert!(error(&tensor("F32", many, "[0,24]")).contains("w: has 9 dimensions"));
        assert!(error(&file(r#"{"w":{"a":"b"}}"#, 0)).contains("header: unknown field `a`"));
        assert!(error(&file("[[[[", 0)).starts_with("header: "));
    }

    #[test]
    fn too_many_tensors_are_refused() {
        let entry = |i| format!(r#""{i}":{{"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#);
        let header = |n| format!("{{{}}}", (0..n).map(entry).collect::<Vec<_>>().join(","));
        check_header(&file(&header(16_384), 1)).unwrap();
        assert!(error(&file(&header(16_385), 1)).contains("names 16385 tensors"));
    }

    proptest! {
        #[test]
        fn garbage_gives_an_error_and_no_panic(bytes: Vec<u8>, text: String) {
            let _ = check_header(&bytes);
            let _ = check_header(&file(&text, 8));
        }

        #[test]
        fn changed_bytes_give_no_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
        ) {
            let mut file = tensor("F32", "[2,3]", "[0,24]");
            for (at, byte) in changes {
                let at = at.index(file.len());
                file[at] = byte;
            }
            let _ = check_header(&file);
        }
    }
}
