//! Types that the node handles without looking into extrinsics, so that it works with any version of the
//! runtime; and the validators' session keys.

use crate::{Grandpa, Header};
use alloc::vec::Vec;
use sp_runtime::{generic, impl_opaque_keys};

pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

/// A block whose extrinsics are bytes.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// Identifies such a block.
pub type BlockId = generic::BlockId<Block>;

impl_opaque_keys! {
    /// The keys of a validator.
    pub struct SessionKeys {
        /// Authors blocks.
        pub babe: crate::Babe,
        /// Votes on finality.
        pub grandpa: Grandpa,
    }
}
