//! Where the choices come from of what is called next.

use std::vec::IntoIter;

/// A source of choices.
pub trait Choices {
    /// A number below `n`, which is one at least.
    fn below(&mut self, n: u64) -> u64;

    /// Whether there are no more choices.
    fn are_over(&self) -> bool {
        false
    }
}

/// The fuzzer's bytes, each choice as many of them as it takes. Once they are over, the last of all is chosen, which is
/// never what is rare.
pub struct Bytes(IntoIter<u8>);

impl Bytes {
    /// Choices as `bytes` say.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Vec::from(bytes).into_iter())
    }
}

impl Choices for Bytes {
    fn below(&mut self, n: u64) -> u64 {
        let bits = u64::BITS - (n - 1).leading_zeros();
        let len = bits.div_ceil(8) as usize;
        if self.0.len() < len {
            self.0 = Vec::new().into_iter();
            return n - 1;
        }
        let bytes = self.0.by_ref().take(len);
        bytes.fold(0, |number, byte| (number << 8) | u64::from(byte)) % n
    }

    fn are_over(&self) -> bool {
        self.0.len() == 0
    }
}
