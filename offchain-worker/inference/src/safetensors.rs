//! Checks the header of a safetensors file, within limits, before candle reads it.
//!
//! Of the header nothing is kept but the names of its tensors, each of which stands there once.

use crate::gguf::{shown, Malformed, Result};
use serde::{
    de::{Error, MapAccess, Visitor},
    Deserialize, Deserializer,
};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::HashSet, fmt};

/// Most bytes of the header.
const MAX_HEADER: u64 = 4 << 20;
/// Most tensors.
const MAX_TENSORS: usize = 16_384;
/// Most bytes of what the header says of one tensor. An error can show all of it, with escapes.
const MAX_ENTRY: usize = 512;
/// Most dimensions of a tensor.
const MAX_DIMENSIONS: usize = 8;
/// The header itself, where what is wrong is wrong with none of its fields.
const HEADER: &str = "header";
/// Free text; it is not looked at.
const METADATA: &str = "__metadata__";

/// Checks that the header of `file` is sane and that every tensor that it names lies in `file`.
pub fn check_header(file: &[u8]) -> Result<()> {
    let (header, data) = split(file)?;
    if header.first() != Some(&b'{') {
        return Err(Malformed::new(HEADER, "does not begin with a brace"));
    }
    let mut walk = Walk {
        data: data.len() as u64,
        names: HashSet::new(),
        field: HEADER.into(),
        problem: None,
    };
    let mut json = serde_json::Deserializer::from_slice(header);
    let read = json.deserialize_map(&mut walk).and_then(|()| json.end());
    read.map_err(|e| Malformed::new(walk.field, walk.problem.unwrap_or_else(|| e.to_string())))
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

/// Goes through a header, entry by entry.
struct Walk<'h> {
    /// Bytes that the file has for all tensors.
    data: u64,
    names: HashSet<Cow<'h, str>>,
    /// What is being read, for errors.
    field: String,
    /// What is wrong with it, where it is not the header's JSON.
    problem: Option<String>,
}

impl<'h> Visitor<'h> for &mut Walk<'h> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map of tensors")
    }

    fn visit_map<A: MapAccess<'h>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(Text(name)) = map.next_key()? {
            if !name.is_empty() {
                self.field = shown(&name).into();
            }
            let entry: &RawValue = map.next_value()?;
            if let Err(problem) = self.read(name, entry.get()) {
                self.problem = Some(problem);
                return Err(A::Error::custom("see the problem"));
            }
            self.field = HEADER.into();
        }
        Ok(())
    }
}

impl<'h> Walk<'h> {
    fn read(&mut self, name: Cow<'h, str>, entry: &'h str) -> std::result::Result<(), String> {
        match &*name {
            "" => return Err("a tensor has an empty name".into()),
            METADATA => check_metadata(entry)?,
            _ => Tensor::read(entry)?.check(self.data)?,
        }
        if !self.names.insert(name) {
            return Err("stands there twice".into());
        }
        let tensors = self.names.len() - usize::from(self.names.contains(METADATA));
        if tensors > MAX_TENSORS {
            return Err(format!(
                "comes after {MAX_TENSORS} tensors, the most that are accepted"
            ));
        }
        Ok(())
    }
}

/// A text that stands in the header as it is, unless there are escapes in it.
#[derive(Deserialize)]
struct Text<'h>(#[serde(borrow)] Cow<'h, str>);

/// Checks that it is a map of texts, or `null`.
fn check_metadata(entry: &str) -> std::result::Result<(), String> {
    if entry == "null" {
        return Ok(());
    }
    if !entry.starts_with('{') {
        return Err("is no map".into());
    }
    let mut json = serde_json::Deserializer::from_str(entry);
    json.deserialize_map(Texts).map_err(|e| e.to_string())
}

/// Goes through a map of texts, and keeps none.
struct Texts;

impl<'h> Visitor<'h> for Texts {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map of texts")
    }

    fn visit_map<A: MapAccess<'h>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while map.next_entry::<Text, Text>()?.is_some() {}
        Ok(())
    }
}

/// A tensor as the header describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor<'h> {
    #[serde(borrow)]
    dtype: Cow<'h, str>,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

impl<'h> Tensor<'h> {
    fn read(entry: &'h str) -> std::result::Result<Self, String> {
        let len = entry.len();
        if len > MAX_ENTRY {
            return Err(format!(
                "its description has {len} bytes, at most {MAX_ENTRY} are accepted"
            ));
        }
        serde_json::from_str(entry).map_err(|e| e.to_string())
    }

    fn check(&self, data: u64) -> std::result::Result<(), String> {
        let (start, end) = self.data_offsets;
        if start > end || end > data {
            return Err(format!(
                "lies at {start} to {end}, the file has {data} bytes for all tensors"
            ));
        }
        let dims = &self.shape;
        if dims.len() > MAX_DIMENSIONS {
            return Err(format!(
                "has {} dimensions, at most {MAX_DIMENSIONS}",
                dims.len()
            ));
        }
        let Some(width) = self.width() else {
            return Err(format!(
                "its elements are of type {:?}, which is not supported",
                self.dtype
            ));
        };
        let bytes = dims
            .iter()
            .try_fold(width, |bytes, dim| bytes.checked_mul(*dim));
        if bytes != Some(end - start) {
            let len = end - start;
            return Err(format!("its shape {dims:?} does not fit its {len} bytes"));
        }
        Ok(())
    }

    fn width(&self) -> Option<u64> {
        match &*self.dtype {
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
        assert!(error(&file(r#"{"w":{"a":"b"}}"#, 0)).contains("w: unknown field `a`"));
        assert!(error(&file("[[[[", 0)).starts_with("header: "));
        assert!(error(&file(r#"{"":{}}"#, 0)).contains("header: a tensor has an empty name"));
        let twice = r#""w":{"dtype":"U8","shape":[],"data_offsets":[0,1]}"#;
        let twice = file(&format!("{{{twice},{twice}}}"), 1);
        assert!(error(&twice).contains("w: stands there twice"));
    }

    #[test]
    fn metadata_is_texts_and_stands_there_once() {
        check_header(&file(r#"{"__metadata__":{"a":"b","\u00e9":"\n"}}"#, 0)).unwrap();
        check_header(&file(r#"{"__metadata__":null} "#, 0)).unwrap();
        assert!(error(&file(r#"{"__metadata__":{"a":1}}"#, 0)).starts_with("__metadata__: "));
        assert!(error(&file(r#"{"__metadata__":"a"}"#, 0)).contains("__metadata__: is no map"));
        let twice = r#"{"__metadata__":{},"__metadata__":{}}"#;
        assert!(error(&file(twice, 0)).contains("__metadata__: stands there twice"));
    }

    #[test]
    fn long_texts_are_not_shown_in_errors() {
        let long = "é".repeat(1 << 16);
        for header in [
            format!(r#""{long}""#),
            format!(r#"{{"{long}":1}}"#),
            format!(r#"{{"__metadata__":"{long}"}}"#),
            format!(r#"{{"w":{{"{long}":1}}}}"#),
            format!(r#"{{"w":{{"dtype":"{long}","shape":[],"data_offsets":[0,0]}}}}"#),
            format!(r#"{{"w":"{long}"}}"#),
        ] {
            assert!(error(&file(&header, 0)).len() < 2_048);
        }
    }

    #[test]
    fn too_many_tensors_are_refused() {
        let entry = |i| format!(r#""{i}":{{"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#);
        let header = |n| format!("{{{}}}", (0..n).map(entry).collect::<Vec<_>>().join(","));
        check_header(&file(&header(16_384), 1)).unwrap();
        assert!(error(&file(&header(16_385), 1)).contains("16384: comes after 16384 tensors"));
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
