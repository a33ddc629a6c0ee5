#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

/// Writes GGUF headers, right ones and wrong ones.
#[derive(Clone, Default)]
struct Header {
    tensors: u64,
    metadata: u64,
    body: Vec<u8>,
}

impl Header {
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.body.extend(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        self.raw(&(text.len() as u64).to_le_bytes())
            .raw(text.as_bytes())
    }

    fn entry(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.metadata += 1;
        self.text(key).raw(&kind.to_le_bytes()).raw(value)
    }

    fn tensor(mut self, name: &str, dims: &[u64], kind: u32, offset: u64) -> Self {
        self.tensors += 1;
        let dims_bytes: Vec<u8> = dims.iter().flat_map(|d| d.to_le_bytes()).collect();
        self.text(name)
            .raw(&(dims.len() as u32).to_le_bytes())
            .raw(&dims_bytes)
            .raw(&kind.to_le_bytes())
            .raw(&offset.to_le_bytes())
    }

    fn file(&self, data: usize) -> Vec<u8> {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(self.tensors.to_le_bytes());
        bytes.extend(self.metadata.to_le_bytes());
        bytes.extend(&self.body);
        bytes.resize(bytes.len().next_multiple_of(32) + data, 7);
        bytes
    }

    fn error(&self, data: usize) -> String {
        Gguf::parse(&self.file(data))
            .map(|_| ())
            .unwrap_err()
            .to_string()
    }
}

fn list(kind: u32, count: u64) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &count.to_le_bytes()].concat()
}

#[test]
fn values_and_tensors_are_read() {
    let texts = Header::default().raw(&list(8, 2)).text("a").text("ĠB").body;
    let file = Header::default()
        .entry("count", 4, &7u32.to_le_bytes())
        .entry("eps", 6, &0.5f32.to_le_bytes())
        .entry("name", 8, &Header::default().text("x").body)
        .entry("texts", 9, &texts)
        .entry(
            "kinds",
            9,
            &[&list(5, 2)[..], &3i32.to_le_bytes(), &1i32.to_le_bytes()].concat(),
        )
        .tensor("w", &[32, 2], 3, 32)
        .file(32 + 40);
    let gguf = Gguf::parse(&file).unwrap();
    assert_eq!(gguf.unsigned("count"), Ok(7));
    assert_eq!(gguf.float("eps"), Ok(0.5));
    assert_eq!(gguf.text("name"), Ok("x"));
    assert_eq!(
        gguf.texts("texts").unwrap().iter().collect::<Vec<_>>(),
        ["a", "ĠB"]
    );
    assert_eq!(
        gguf.numbers("kinds")
            .unwrap()
            .integers()
            .collect::<Vec<_>>(),
        [3, 1]
    );
    let (info, bytes) = gguf.tensor("w").unwrap();
    assert_eq!((&info.dims[..], bytes), (&[2, 32][..], &[7; 40][..]));
    assert!(gguf.tensor("v").is_none());
    assert!(gguf
        .text("count")
        .unwrap_err()
        .to_string()
        .contains("is an integer, expected a text"));
    assert!(gguf
        .unsigned("none")
        .unwrap_err()
        .to_string()
        .contains("none: is missing"));
}

#[test]
fn absurd_counts_are_refused_by_name() {
    let header = Header {
        tensors: u64::MAX,
        ..Default::default()
    };
    assert!(header
        .error(0)
        .starts_with("tensor_count: is 18446744073709551615, at most 16384"));
    let header = Header {
        metadata: 1 << 60,
        ..Default::default()
    };
    assert!(header
        .error(0)
        .starts_with("metadata_kv_count: is 1152921504606846976"));
    let header = Header {
        tensors: 16_384,
        ..Default::default()
    };
    assert!(header.error(64).starts_with("name of tensor"));
}

#[test]
fn absurd_lengths_are_refused_by_name() {
    let text = |len: u64| Header::default().entry("name", 8, &len.to_le_bytes());
    assert!(text(u64::MAX)
        .error(0)
        .contains("name: is a text of 18446744073709551615 bytes"));
    assert!(text(1 << 20)
        .error(64)
        .contains("name: needs 1048576 bytes, the file has"));

    let numbers = |count| Header::default().entry("list", 9, &list(10, count));
    assert!(numbers(u64::MAX)
        .error(0)
        .contains("list: is 18446744073709551615, at most 4194304"));
    assert!(numbers(1 << 22)
        .error(0)
        .contains("list: needs 33554432 bytes"));
    let texts = Header::default().entry("list", 9, &list(8, 1 << 22));
    assert!(texts.error(0).contains("list: needs 8 bytes") || texts.error(64).contains("list: "));
    let nested = Header::default().entry("list", 9, &list(9, 1));
    assert!(nested
        .error(64)
        .contains("list: is a list of the unknown type 9"));
    let key = Header {
        metadata: 1,
        ..Default::default()
    }
    .raw(&[0xff; 8]);
    assert!(key.error(0).contains("metadata key 0: is a text of"));
}

#[test]
fn absurd_tensors_are_refused_by_name() {
    let tensor = |dims: &[u64], kind, offset| Header::default().tensor("w", dims, kind, offset);
    assert!(Gguf::parse(&tensor(&[32], 3, 0).file(20)).is_ok());
    assert!(tensor(&[32], 3, 0)
        .error(19)
        .contains("w: 20 bytes at offset 0, the file has 19"));
    assert!(tensor(&[32], 3, 16)
        .error(64)
        .contains("w: its offset 16 is no multiple of 32"));
    assert!(tensor(&[32], 3, u64::MAX - 31)
        .error(64)
        .contains("w: 20 bytes at offset"));
    assert!(tensor(&[31], 3, 0)
        .error(64)
        .contains("w: its rows of 31 elements"));
    assert!(tensor(&[], 3, 0).error(64).contains("w: has 0 dimensions"));
    assert!(tensor(&[1; 5], 0, 0)
        .error(64)
        .contains("w: has 5 dimensions"));
    assert!(tensor(&[0], 0, 0)
        .error(64)
        .contains("w: one of its dimensions is 0"));
    assert!(tensor(&[u64::MAX], 0, 0)
        .error(64)
        .contains("w: one of its dimensions is 1844"));
    assert!(tensor(&[1 << 31; 3], 0, 0)
        .error(64)
        .contains("w: its dimensions"));
    assert!(tensor(&[32], 99, 0)
        .error(64)
        .contains("w: its elements are of type 99"));
    let twice = tensor(&[32], 3, 0).tensor("w", &[32], 3, 0);
    assert!(twice.error(64).contains("w: two tensors have this name"));
}

#[test]
fn other_files_and_versions_are_refused() {
    let error = |bytes: &[u8]| Gguf::parse(bytes).map(|_| ()).unwrap_err().to_string();
    assert!(error(b"").contains("magic: needs 4 bytes"));
    assert!(error(b"PK\x03\x04....").contains("magic: this is not a GGUF file"));
    assert!(error(b"GGUF\x01\0\0\0").contains("version: is 1, expected 2 or 3"));
}

#[test]
fn odd_alignments_are_refused() {
    for alignment in [0u32, 4, 24, 8_192] {
        let header = Header::default().entry("general.alignment", 4, &alignment.to_le_bytes());
        assert!(
            header.error(0).contains("general.alignment: is"),
            "{alignment}"
        );
    }
}

fn valid() -> Vec<u8> {
    let texts = Header::default().raw(&list(8, 2)).text("a").text("b").body;
    Header::default()
        .entry("general.alignment", 4, &32u32.to_le_bytes())
        .entry("texts", 9, &texts)
        .entry("numbers", 9, &[&list(6, 3)[..], &[0; 12]].concat())
        .tensor("w", &[64, 2], 8, 0)
        .file(136)
}

#[test]
fn every_cut_is_refused() {
    let file = valid();
    assert!(Gguf::parse(&file).is_ok());
    for len in 0..file.len() {
        assert!(Gguf::parse(&file[..len]).is_err(), "{len}");
    }
}

proptest! {
    #[test]
    fn garbage_gives_an_error_and_no_panic(bytes: Vec<u8>) {
        let _ = Gguf::parse(&bytes);
        let _ = Gguf::parse(&[&b"GGUF\x03\0\0\0"[..], &bytes].concat());
    }

    #[test]
    fn changed_bytes_give_no_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
    ) {
        let mut file = valid();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let Ok(gguf) = Gguf::parse(&file) else { return Ok(()) };
        for name in gguf.tensor_names() {
            prop_assert!(gguf.tensor(name).is_some());
        }
        for key in ["texts", "numbers"] {
            let _ = gguf.texts(key).map(|t| t.iter().count());
            let _ = gguf.numbers(key).map(|n| n.integers().count());
        }
    }
}

#[test]
fn tensors_that_share_bytes_are_refused() {
    let header = Header::default()
        .tensor("a", &[16], 0, 0)
        .tensor("b", &[16], 0, 32);
    assert!(header.error(96).contains("b: it shares bytes with a"));
    let apart = Header::default()
        .tensor("a", &[16], 0, 0)
        .tensor("b", &[16], 0, 64);
    assert!(Gguf::parse(&apart.file(128)).is_ok());
}

#[test]
fn empty_names_are_refused() {
    let header = Header::default().tensor("", &[32], 3, 0);
    assert!(header.error(32).contains("name of tensor 0: is empty"));
    let header = Header::default().entry("", 7, &[1]);
    assert!(header.error(0).contains("metadata key 0: is empty"));
}
