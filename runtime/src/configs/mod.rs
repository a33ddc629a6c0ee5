//! How the runtime configures its pallets, one topic a file.

mod consensus;
mod governance;
mod market;
mod system;

pub use consensus::EPOCH_CONFIG;
pub use governance::ProxyType;
pub use market::{reward_of, MinBond};
pub use system::RuntimeBlockWeights;
