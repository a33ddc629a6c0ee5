//! Migrations: versions of what is stored, and what the market makes of blocks that carry no transactions.

use crate::chain::Chain;
use frame_support::traits::{GetStorageVersion, StorageVersion};
use kagari_primitives::KGR;
use kagari_runtime::{ComputeMarket, MultiBlockMigrations, ProofOfWorkDone, Runtime};
use pallet_migrations::{Cursor, MigrationCursor};
use sp_keyring::Sr25519Keyring::{Bob, Charlie, Dave};

#[test]
fn what_is_stored_has_the_version_of_the_code() {
    Chain::new().run(|_| {
        let stored = [
            StorageVersion::get::<ComputeMarket>(),
            StorageVersion::get::<ProofOfWorkDone>(),
        ];
        let of_code = [
            ComputeMarket::in_code_storage_version(),
            ProofOfWorkDone::in_code_storage_version(),
        ];
        assert_eq!(stored, of_code);
    });
}

/// Jobs have 30 blocks; those that a migration takes are not counted.
#[test]
fn a_migration_of_several_blocks_extends_deadlines() {
    Chain::new().run(|chain| {
        chain.bond(Bob, KGR);
        let (in_time, late) = (chain.submit(Charlie), chain.submit(Dave));
        chain.go_on(25);
        Cursor::<Runtime>::put(MigrationCursor::Stuck);
        chain.go_on(10);
        assert!(
            <MultiBlockMigrations as frame_support::migrations::MultiStepMigrator>::ongoing(),
            "the state is being changed"
        );
        Cursor::<Runtime>::kill();
        chain.go_on(1);
        // The deadline was five blocks after the migration began, which took ten.
        let attestation = chain.attestation(in_time, Bob, &[1, 2, 3, 4]);
        chain.apply(attestation).unwrap();
        chain.go_on(4);
        assert!(ComputeMarket::is_open(late));
        chain.go_on(1);
        assert!(!ComputeMarket::is_open(late) && !ComputeMarket::is_open(in_time));
        let bob = ComputeMarket::provider(Bob.to_account_id()).unwrap();
        assert_eq!((bob.settled, bob.failed), (1, 1));
    });
}
