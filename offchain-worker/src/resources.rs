//! What inference may use, as the node's and the command's options say it.

use clap::Args;
use std::{
    num::{NonZeroU64, NonZeroUsize},
    thread::available_parallelism,
};

/// Threads and memory of the inference child.
#[derive(Clone, Debug, Args)]
pub struct InferenceResources {
    /// Threads that inference computes with; without it, one for each processor.
    #[arg(long, value_name = "N")]
    pub inference_threads: Option<NonZeroUsize>,

    /// Most memory that inference may take, in MiB.
    #[arg(long, value_name = "MIB", default_value = "4096")]
    pub inference_memory: NonZeroU64,
}

impl InferenceResources {
    /// Threads that inference computes with.
    pub fn threads(&self) -> usize {
        let processors = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.inference_threads.unwrap_or_else(processors).get()
    }
}
