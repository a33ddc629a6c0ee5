//! What people read of this chain in their wallets: every event, event field, error, call and its arguments'
//! meaning has a sentence in the metadata.
#![allow(clippy::unwrap_used, missing_docs)]

use kagari_runtime::Runtime;
use scale_info::{form::MetaForm, TypeDef, TypeInfo, Variant};

fn variants<T: TypeInfo>() -> Vec<Variant<MetaForm>> {
    match T::type_info().type_def {
        TypeDef::Variant(variants) => variants.variants,
        other => panic!("it is an enum: {other:?}"),
    }
}

/// Compiler-made variants that nobody meets.
fn is_hidden(name: &str) -> bool {
    name.starts_with("__")
}

/// The names of the variants, and of their fields if those count, that say nothing of themselves.
fn unexplained<T: TypeInfo>(fields_too: bool) -> Vec<String> {
    let all = variants::<T>();
    assert!(!all.is_empty());
    let mut without = Vec::new();
    for variant in all.iter().filter(|v| !is_hidden(v.name)) {
        if variant.docs.is_empty() {
            without.push(variant.name.to_string());
        }
        let fields = variant.fields.iter().filter(|_| fields_too);
        let silent = fields.filter(|field| field.docs.is_empty());
        without.extend(silent.map(|f| format!("{}.{}", variant.name, f.name.unwrap_or("?"))));
    }
    without
}

#[test]
fn every_event_and_each_of_its_fields_is_explained() {
    let market = unexplained::<pallet_compute_market::Event<Runtime>>(true);
    let proof = unexplained::<pallet_proof_of_work_done::Event<Runtime>>(true);
    assert_eq!((market, proof), Default::default());
}

#[test]
fn every_error_and_call_is_explained() {
    let errors = unexplained::<pallet_compute_market::Error<Runtime>>(false);
    let calls = unexplained::<pallet_compute_market::Call<Runtime>>(false);
    assert_eq!((errors, calls), Default::default());
    let errors = unexplained::<pallet_proof_of_work_done::Error<Runtime>>(false);
    let calls = unexplained::<pallet_proof_of_work_done::Call<Runtime>>(false);
    assert_eq!((errors, calls), Default::default());
}

#[test]
fn every_storage_item_is_explained() {
    let all = [
        pallet_compute_market::Pallet::<Runtime>::storage_metadata(),
        pallet_proof_of_work_done::Pallet::<Runtime>::storage_metadata(),
    ];
    let entries = all.iter().flat_map(|pallet| &pallet.entries);
    let silent = entries.filter(|entry| entry.docs.is_empty());
    let silent: Vec<_> = silent.map(|entry| entry.name).collect();
    assert!(silent.is_empty(), "{silent:?}");
}
