//! Reads the header of a GGUF file, within limits.
//!
//! Nothing is allocated but one entry for each name, of which there are few: text and arrays stay
//! where they are in the file. Candle's own reader is not used, since it would build a value for
//! each element that a header names.

mod reader;
mod tensor;
#[cfg(test)]
mod tests;

use reader::Reader;
use std::collections::HashMap;
pub use tensor::TensorInfo;

/// Most tensors.
const MAX_TENSORS: u64 = 16_384;
/// Most metadata entries.
const MAX_METADATA: u64 = 4_096;
/// Most elements of an array.
const MAX_ARRAY: u64 = 1 << 22;
/// Most bytes of a name.
const MAX_NAME: u64 = 256;
/// Most bytes of a text.
const MAX_TEXT: u64 = 1 << 20;
/// Most characters of the file's own texts that an error shows.
const MAX_SHOWN: usize = 256;
/// Alignment of the tensors where the file names none.
const DEFAULT_ALIGNMENT: u64 = 32;

/// What is wrong with a file's header: the field, and the problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Malformed {
    /// The field, as the format or the file names it.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Malformed {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

/// As much of a text out of a file as an error shows of it.
pub(crate) fn shown(text: &str) -> &str {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// Result of reading a header.
pub type Result<T> = std::result::Result<T, Malformed>;

/// A metadata value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// An unsigned integer of any width, or a signed one that is not negative.
    Unsigned(u64),
    /// A negative integer.
    Negative(i64),
    /// A floating-point number of any width.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(&'a str),
    /// A list of integers, numbers or truth values.
    Numbers(Numbers<'a>),
    /// A list of texts.
    Texts(Texts<'a>),
}

/// A list of integers, numbers or truth values: their bytes in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers<'a> {
    kind: u32,
    bytes: &'a [u8],
}

/// A list of texts in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Texts<'a> {
    /// Number of texts.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The texts, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> {
        let mut reader = Reader::new(self.bytes);
        // They were read once already, so none fails.
        (0..self.count).map_while(move |_| reader.text("text", MAX_TEXT).ok())
    }
}

/// A list of texts, copied out of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedTexts {
    count: usize,
    bytes: Vec<u8>,
}

impl OwnedTexts {
    /// The texts, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let (count, bytes) = (self.count, &self.bytes[..]);
        Texts { count, bytes }.iter()
    }
}

impl From<Texts<'_>> for OwnedTexts {
    fn from(Texts { count, bytes }: Texts) -> Self {
        let bytes = bytes.to_vec();
        Self { count, bytes }
    }
}

impl Numbers<'_> {
    /// The integers, in order; none if it is a list of something else.
    pub fn integers(&self) -> impl Iterator<Item = u64> + '_ {
        let width = reader::width_of(self.kind).unwrap_or(1);
        let mut reader = Reader::new(self.bytes);
        (0..self.bytes.len() / width).map_while(move |_| {
            match reader.value("element", self.kind).ok()? {
                Value::Unsigned(n) => Some(n),
                _ => None,
            }
        })
    }
}

/// The header of a GGUF file.
pub struct Gguf<'a> {
    metadata: HashMap<&'a str, Value<'a>>,
    tensors: HashMap<&'a str, TensorInfo>,
    data: &'a [u8],
}

impl<'a> Gguf<'a> {
    /// Reads the header of `file`; every tensor that it names lies in `file`.
    pub fn parse(file: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(file);
        check_version(&mut reader)?;
        let tensor_count = reader.count("tensor_count", MAX_TENSORS)?;
        let metadata_count = reader.count("metadata_kv_count", MAX_METADATA)?;
        let metadata = read_metadata(&mut reader, metadata_count)?;
        let infos = (0..tensor_count).map(|i| TensorInfo::read(&mut reader, i));
        let infos: Vec<_> = infos.collect::<Result<_>>()?;

        let alignment = alignment(&metadata)?;
        let data = reader.rest_aligned_to(alignment)?;
        let ranges = ranges_of(&infos);
        let mut tensors = HashMap::new();
        for (name, info) in infos {
            info.check_place(name, alignment, data.len())?;
            if tensors.insert(name, info).is_some() {
                return Err(Malformed::new(name, "two tensors have this name"));
            }
        }
        check_overlaps(ranges)?;
        Ok(Self {
            metadata,
            tensors,
            data,
        })
    }

    /// The keys of all metadata entries, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.metadata.keys().copied()
    }

    /// The metadata entry `key`.
    pub fn value(&self, key: &str) -> Result<Value<'a>> {
        self.metadata
            .get(key)
            .copied()
            .ok_or_else(|| Malformed::new(key, "is missing"))
    }

    /// The metadata entry `key`, an integer that is not negative.
    pub fn unsigned(&self, key: &str) -> Result<u64> {
        match self.value(key)? {
            Value::Unsigned(n) => Ok(n),
            other => Err(wrong_type(key, "an integer", other)),
        }
    }

    /// The metadata entry `key`, a floating-point number.
    pub fn float(&self, key: &str) -> Result<f64> {
        match self.value(key)? {
            Value::Float(n) => Ok(n),
            other => Err(wrong_type(key, "a floating-point number", other)),
        }
    }

    /// The metadata entry `key`, a text.
    pub fn text(&self, key: &str) -> Result<&'a str> {
        match self.value(key)? {
            Value::Text(text) => Ok(text),
            other => Err(wrong_type(key, "a text", other)),
        }
    }

    /// The metadata entry `key`, a list of texts.
    pub fn texts(&self, key: &str) -> Result<Texts<'a>> {
        match self.value(key)? {
            Value::Texts(texts) => Ok(texts),
            other => Err(wrong_type(key, "a list of texts", other)),
        }
    }

    /// The metadata entry `key`, a list of numbers.
    pub fn numbers(&self, key: &str) -> Result<Numbers<'a>> {
        match self.value(key)? {
            Value::Numbers(numbers) => Ok(numbers),
            other => Err(wrong_type(key, "a list of numbers", other)),
        }
    }

    /// The names of all tensors, in no order.
    pub fn tensor_names(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.tensors.keys().copied()
    }

    /// The tensor `name`: what the header says of it, and its bytes.
    pub fn tensor(&self, name: &str) -> Option<(&TensorInfo, &'a [u8])> {
        let info = self.tensors.get(name)?;
        Some((info, self.data.get(info.range()?)?))
    }
}

fn wrong_type(key: &str, expected: &str, found: Value) -> Malformed {
    let found = match found {
        Value::Unsigned(_) | Value::Negative(_) => "an integer",
        Value::Float(_) => "a floating-point number",
        Value::Bool(_) => "a truth value",
        Value::Text(_) => "a text",
        Value::Numbers(_) => "a list of numbers",
        Value::Texts(_) => "a list of texts",
    };
    Malformed::new(key, format!("is {found}, expected {expected}"))
}

fn check_version(reader: &mut Reader) -> Result<()> {
    if reader.take("magic", 4)? != b"GGUF" {
        return Err(Malformed::new("magic", "this is not a GGUF file"));
    }
    match reader.u32("version")? {
        2 | 3 => Ok(()),
        other => Err(Malformed::new(
            "version",
            format!("is {other}, expected 2 or 3"),
        )),
    }
}

fn read_metadata<'a>(reader: &mut Reader<'a>, count: u64) -> Result<HashMap<&'a str, Value<'a>>> {
    let mut metadata = HashMap::new();
    for index in 0..count {
        let key = reader.name(&format!("metadata key {index}"))?;
        let kind = reader.u32(key)?;
        let value = reader.value(key, kind)?;
        if metadata.insert(key, value).is_some() {
            return Err(Malformed::new(key, "two metadata entries have this key"));
        }
    }
    Ok(metadata)
}

/// First byte, end, and name of each tensor.
type Ranges<'a> = Vec<(usize, usize, &'a str)>;

fn ranges_of<'a>(infos: &[(&'a str, TensorInfo)]) -> Ranges<'a> {
    let ranges = infos
        .iter()
        .filter_map(|(name, info)| Some((info.range()?, *name)));
    ranges
        .map(|(range, name)| (range.start, range.end, name))
        .collect()
}

/// Refuses tensors that share bytes: a small file could name large ones.
fn check_overlaps(mut ranges: Ranges) -> Result<()> {
    ranges.sort_unstable();
    match ranges.windows(2).find(|pair| pair[1].0 < pair[0].1) {
        Some(pair) => {
            let problem = format!("it shares bytes with {}", pair[0].2);
            Err(Malformed::new(pair[1].2, problem))
        }
        None => Ok(()),
    }
}

fn alignment(metadata: &HashMap<&str, Value>) -> Result<u64> {
    const KEY: &str = "general.alignment";
    match metadata.get(KEY) {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(Value::Unsigned(n)) if n.is_power_of_two() && (8..=4_096).contains(n) => Ok(*n),
        Some(Value::Unsigned(n)) => {
            let problem = format!("is {n}, expected a power of two from 8 to 4096");
            Err(Malformed::new(KEY, problem))
        }
        Some(other) => Err(wrong_type(KEY, "an integer", *other)),
    }
}
