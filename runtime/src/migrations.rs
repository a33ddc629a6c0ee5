//! What an upgrade of the runtime changes in what is stored. Each pallet's layout has a version
//! (`STORAGE_VERSION`), which a migration raises by one.

/// Migrations that one block can hold; they run in the first block of the new runtime. Each is a
/// `frame_support::migrations::VersionedMigration`, and stays here as long as a chain runs on an older version.
pub type SingleBlock = ();

/// Migrations that take several blocks, which carry no transactions; the market extends all deadlines by as many.
#[cfg(not(feature = "runtime-benchmarks"))]
pub type MultiBlock = ();
/// What the benchmarks of the pallet that runs them expect.
#[cfg(feature = "runtime-benchmarks")]
pub type MultiBlock = pallet_migrations::mock_helpers::MockedMigrations;
