//! What a GGUF header says of one tensor.

use super::{reader::Reader, Malformed, Result};
use candle_core::quantized::GgmlDType;
use std::ops::Range;

/// Most dimensions of a tensor.
const MAX_DIMENSIONS: u32 = 4;

/// A tensor as the header describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// How its elements are stored.
    pub dtype: GgmlDType,
    /// Its dimensions, outermost first (the file has the innermost first).
    pub dims: Vec<usize>,
    /// Where it begins in the tensor data.
    offset: u64,
    /// Its length in bytes.
    len: u64,
}

impl TensorInfo {
    /// Reads the entry of the tensor with this index, and its name.
    pub fn read<'a>(reader: &mut Reader<'a>, index: u64) -> Result<(&'a str, Self)> {
        let name = reader.name(&format!("name of tensor {index}"))?;
        let dims = read_dims(reader, name)?;
        let kind = reader.u32(name)?;
        let Some(dtype) = dtype(kind) else {
            let problem = format!("its elements are of type {kind}, which is not supported");
            return Err(Malformed::new(name, problem));
        };
        let offset = reader.u64(name)?;
        let len = byte_len(name, &dims, dtype)?;
        Ok((
            name,
            Self {
                dtype,
                dims,
                offset,
                len,
            },
        ))
    }

    /// Where it lies in the tensor data.
    pub fn range(&self) -> Option<Range<usize>> {
        let start = usize::try_from(self.offset).ok()?;
        let end = usize::try_from(self.offset.checked_add(self.len)?).ok()?;
        Some(start..end)
    }

    /// Checks that it lies in tensor data of `data` bytes.
    pub fn check_place(&self, name: &str, alignment: u64, data: usize) -> Result<()> {
        let (offset, len) = (self.offset, self.len);
        if !offset.is_multiple_of(alignment) {
            let problem = format!("its offset {offset} is no multiple of {alignment}");
            return Err(Malformed::new(name, problem));
        }
        if self.range().is_some_and(|range| range.end <= data) {
            return Ok(());
        }
        let problem =
            format!("{len} bytes at offset {offset}, the file has {data} for all tensors");
        Err(Malformed::new(name, problem))
    }
}

fn read_dims(reader: &mut Reader, name: &str) -> Result<Vec<usize>> {
    let count = reader.u32(name)?;
    if !(1..=MAX_DIMENSIONS).contains(&count) {
        let problem = format!("has {count} dimensions, expected 1 to {MAX_DIMENSIONS}");
        return Err(Malformed::new(name, problem));
    }
    let mut dims = Vec::new();
    for _ in 0..count {
        let dim = reader.u64(name)?;
        if !(1..=u64::from(u32::MAX)).contains(&dim) {
            return Err(Malformed::new(
                name,
                format!("one of its dimensions is {dim}"),
            ));
        }
        dims.insert(0, dim as usize);
    }
    Ok(dims)
}

fn byte_len(name: &str, dims: &[usize], dtype: GgmlDType) -> Result<u64> {
    let block = dtype.block_size();
    let row = dims.last().copied().unwrap_or(0);
    if !row.is_multiple_of(block) {
        let problem = format!("its rows of {row} elements are no multiple of {block}");
        return Err(Malformed::new(name, problem));
    }
    let elements = dims
        .iter()
        .try_fold(1u64, |n, dim| n.checked_mul(*dim as u64));
    let bytes = elements.and_then(|n| (n / block as u64).checked_mul(dtype.type_size() as u64));
    bytes.ok_or_else(|| Malformed::new(name, format!("its dimensions {dims:?} are too large")))
}

/// The types that candle can compute with.
fn dtype(kind: u32) -> Option<GgmlDType> {
    Some(match kind {
        0 => GgmlDType::F32,
        1 => GgmlDType::F16,
        2 => GgmlDType::Q4_0,
        3 => GgmlDType::Q4_1,
        6 => GgmlDType::Q5_0,
        7 => GgmlDType::Q5_1,
        8 => GgmlDType::Q8_0,
        10 => GgmlDType::Q2K,
        11 => GgmlDType::Q3K,
        12 => GgmlDType::Q4K,
        13 => GgmlDType::Q5K,
        14 => GgmlDType::Q6K,
        30 => GgmlDType::BF16,
        _ => return None,
    })
}
