//! Registering models.

use super::mock::*;
use crate::{Error, Models};
use frame_support::{assert_noop, assert_ok};
use kagari_primitives::{known_models, Manifest};

fn manifest() -> Manifest {
    Manifest {
        name: b"Mine-1.0".to_vec().try_into().unwrap(),
        ..known_models::smollm2_135m_instruct()
    }
}

fn register(manifest: Manifest) -> sp_runtime::DispatchResult {
    Market::register_model(signed(&ALICE), manifest)
}

#[test]
fn register_model_works_for_anyone_with_a_deposit() {
    TestExt::new().execute_with(|| {
        let before = free(&ALICE);
        assert_ok!(register(manifest()));
        assert_eq!(free(&ALICE), before - ModelDeposit::get());
        assert!(Models::<Test>::contains_key(manifest().id()));
        assert_noop!(register(manifest()), Error::<Test>::ModelExists);
        assert!(Market::register_model(
            signed(&POOR),
            Manifest {
                kernel_version: 9,
                ..manifest()
            }
        )
        .is_err());
    });
}

#[test]
fn bad_manifests_are_refused() {
    TestExt::new().execute_with(|| {
        for name in [&b""[..], b"..", b"a/b", b"a b", b"\x1b[31m"] {
            let name = name.to_vec().try_into().unwrap();
            assert_noop!(
                register(Manifest { name, ..manifest() }),
                Error::<Test>::InvalidModelName
            );
        }
        let mut flat = manifest();
        flat.shape.layers = 0;
        assert_noop!(register(flat), Error::<Test>::InvalidModelShape);
        let mut huge = manifest();
        huge.shape.hidden = u32::MAX;
        assert_noop!(register(huge), Error::<Test>::InvalidModelShape);
    });
}
