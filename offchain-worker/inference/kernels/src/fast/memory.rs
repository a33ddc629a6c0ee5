//! Memory for weights.

use memmap2::MmapMut;
use std::{io, sync::Arc};

/// Bytes of a cache line, and of the widest vector.
pub(super) const LINE: usize = 64;

/// One mapping of zeros, which is given out in pieces. Its pages are large where the system has such: they
/// cost less to make and to look up.
pub struct Memory {
    mapping: Arc<MmapMut>,
    used: usize,
}

/// A piece of memory, which begins at a cache line.
pub(super) struct Buffer {
    mapping: Arc<MmapMut>,
    start: usize,
    len: usize,
}

impl Memory {
    /// Room for so many bytes, in pieces of whole cache lines.
    pub fn new(bytes: usize) -> io::Result<Self> {
        let mapping = MmapMut::map_anon(bytes.max(LINE))?;
        // A system that has no large pages refuses, and small ones do too.
        #[cfg(target_os = "linux")]
        let _ = mapping.advise(memmap2::Advice::HugePage);
        // Here, rather than as they are touched, since files are read or hashed meanwhile.
        #[cfg(target_os = "linux")]
        let _ = mapping.advise(memmap2::Advice::PopulateWrite);
        Ok(Self {
            mapping: Arc::new(mapping),
            used: 0,
        })
    }

    /// The next bytes, all zero; `None` if there are not so many left.
    pub(super) fn take(&mut self, len: usize) -> Option<Buffer> {
        let start = self.used;
        let end = start.checked_add(len)?;
        if end > self.mapping.len() {
            return None;
        }
        self.used = end.next_multiple_of(LINE);
        Some(Buffer {
            mapping: self.mapping.clone(),
            start,
            len,
        })
    }
}

impl Buffer {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: they are in the mapping, which lives as long, and no other piece has them.
        unsafe { core::slice::from_raw_parts(self.mapping.as_ptr().add(self.start), self.len) }
    }

    /// The bytes, to be changed.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let start = self.mapping.as_ptr().cast_mut();
        // SAFETY: as above, and the mapping may be written to.
        unsafe { core::slice::from_raw_parts_mut(start.add(self.start), self.len) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pieces_begin_at_lines_are_zero_and_apart() {
        let lens: [usize; 6] = [0, 1, 63, 64, 65, 3_000_000];
        let mut memory =
            Memory::new(lens.map(|len| len.next_multiple_of(LINE)).iter().sum()).unwrap();
        let mut pieces = lens.map(|len| memory.take(len).unwrap());
        for (piece, len) in pieces.iter_mut().zip(lens) {
            assert_eq!(piece.bytes().as_ptr() as usize % LINE, 0);
            assert_eq!(piece.bytes(), vec![0; len]);
            piece.bytes_mut().fill(1);
        }
        drop(memory);
        for (piece, len) in pieces.iter().zip(lens) {
            assert_eq!(piece.bytes(), vec![1; len]);
        }
    }

    #[test]
    fn what_is_not_there_is_not_given() {
        let mut memory = Memory::new(2 * LINE).unwrap();
        assert!(memory.take(2 * LINE + 1).is_none());
        assert!(memory.take(usize::MAX).is_none());
        assert!(memory.take(LINE + 1).is_some());
        assert!(memory.take(1).is_none());
    }
}
