//! How many blocks a node must keep.

use sc_service::BlocksPruning;

/// Longest life of a job with its windows, in blocks. The bodies of blocks carry the inputs and outputs
/// of jobs, so a node that dropped younger ones could neither serve nor judge an open job.
pub const LONGEST_JOB_LIFE: u32 = 4_096;

/// Refuses a pruning that would drop the payloads of open jobs.
pub fn check(pruning: BlocksPruning) -> Result<(), String> {
    match pruning {
        BlocksPruning::Some(blocks) if blocks < LONGEST_JOB_LIFE => Err(format!(
            "--blocks-pruning {blocks} keeps too few blocks: their bodies carry the inputs and outputs \
             of jobs, and a job can live for {LONGEST_JOB_LIFE} blocks. Leave the option away, or give \
             {LONGEST_JOB_LIFE} or more"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_blocks_are_refused() {
        assert!(check(BlocksPruning::Some(LONGEST_JOB_LIFE - 1)).is_err());
        assert!(check(BlocksPruning::Some(0)).is_err());
    }

    #[test]
    fn enough_blocks_are_accepted() {
        assert!(check(BlocksPruning::Some(LONGEST_JOB_LIFE)).is_ok());
        assert!(check(BlocksPruning::KeepFinalized).is_ok());
        assert!(check(BlocksPruning::KeepAll).is_ok());
    }
}
