//! Takes values off a GGUF header, each with its field's name for errors.

use super::{Malformed, Numbers, Result, Texts, Value, MAX_ARRAY, MAX_NAME, MAX_TEXT};

const BOOL: u32 = 7;
const TEXT: u32 = 8;
const ARRAY: u32 = 9;

/// Bytes of one value of a type of fixed width.
pub fn width_of(kind: u32) -> Option<usize> {
    match kind {
        0 | 1 | BOOL => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// What is left of a header.
pub struct Reader<'a> {
    whole: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            whole: bytes,
            rest: bytes,
        }
    }

    pub fn take(&mut self, field: &str, len: u64) -> Result<&'a [u8]> {
        let split = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len));
        let Some((taken, rest)) = split else {
            let left = self.rest.len();
            let problem = format!("needs {len} bytes, the file has {left} left");
            return Err(Malformed::new(field, problem));
        };
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(field, N as u64)?);
        Ok(bytes)
    }

    pub fn u32(&mut self, field: &str) -> Result<u32> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub fn u64(&mut self, field: &str) -> Result<u64> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// A number of things, at most `max`.
    pub fn count(&mut self, field: &str, max: u64) -> Result<u64> {
        let count = self.u64(field)?;
        if count > max {
            let problem = format!("is {count}, at most {max} is accepted");
            return Err(Malformed::new(field, problem));
        }
        Ok(count)
    }

    /// A text with its length before it.
    pub fn text(&mut self, field: &str, max: u64) -> Result<&'a str> {
        let len = self.u64(field)?;
        if len > max {
            let problem = format!("is a text of {len} bytes, at most {max} are accepted");
            return Err(Malformed::new(field, problem));
        }
        let bytes = self.take(field, len)?;
        std::str::from_utf8(bytes).map_err(|_| Malformed::new(field, "is not UTF-8"))
    }

    /// A name, by which errors name a field: never an empty one.
    pub fn name(&mut self, field: &str) -> Result<&'a str> {
        match self.text(field, MAX_NAME)? {
            "" => Err(Malformed::new(field, "is empty")),
            name => Ok(name),
        }
    }

    /// A value of the type with this number.
    pub fn value(&mut self, field: &str, kind: u32) -> Result<Value<'a>> {
        let signed = |n: i64| u64::try_from(n).map_or(Value::Negative(n), Value::Unsigned);
        Ok(match kind {
            0 => Value::Unsigned(u8::from_le_bytes(self.array(field)?).into()),
            1 => signed(i8::from_le_bytes(self.array(field)?).into()),
            2 => Value::Unsigned(u16::from_le_bytes(self.array(field)?).into()),
            3 => signed(i16::from_le_bytes(self.array(field)?).into()),
            4 => Value::Unsigned(self.u32(field)?.into()),
            5 => signed(i32::from_le_bytes(self.array(field)?).into()),
            6 => Value::Float(f32::from_le_bytes(self.array(field)?).into()),
            BOOL => Value::Bool(self.truth(field)?),
            TEXT => Value::Text(self.text(field, MAX_TEXT)?),
            ARRAY => self.list(field)?,
            10 => Value::Unsigned(self.u64(field)?),
            11 => signed(i64::from_le_bytes(self.array(field)?)),
            12 => Value::Float(f64::from_le_bytes(self.array(field)?)),
            _ => {
                return Err(Malformed::new(
                    field,
                    format!("has the unknown type {kind}"),
                ))
            }
        })
    }

    fn truth(&mut self, field: &str) -> Result<bool> {
        match self.array(field)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [n] => Err(Malformed::new(
                field,
                format!("is {n}, a truth value is 0 or 1"),
            )),
        }
    }

    fn list(&mut self, field: &str) -> Result<Value<'a>> {
        let kind = self.u32(field)?;
        let count = self.count(field, MAX_ARRAY)?;
        if kind == TEXT {
            return self.texts(field, count);
        }
        let Some(width) = width_of(kind) else {
            return Err(Malformed::new(
                field,
                format!("is a list of the unknown type {kind}"),
            ));
        };
        // Neither factor is large, so this does not overflow.
        let bytes = self.take(field, count * width as u64)?;
        Ok(Value::Numbers(Numbers { kind, bytes }))
    }

    fn texts(&mut self, field: &str, count: u64) -> Result<Value<'a>> {
        let start = self.rest;
        for _ in 0..count {
            self.text(field, MAX_TEXT)?;
        }
        let bytes = &start[..start.len() - self.rest.len()];
        Ok(Value::Texts(Texts {
            count: count as usize,
            bytes,
        }))
    }

    /// What follows the header, from the next multiple of `alignment` on.
    pub fn rest_aligned_to(mut self, alignment: u64) -> Result<&'a [u8]> {
        let read = (self.whole.len() - self.rest.len()) as u64;
        self.take("tensor data", read.next_multiple_of(alignment) - read)?;
        Ok(self.rest)
    }
}
