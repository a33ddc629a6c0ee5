//! Benchmarks of attestations. What one changes in the market is weighed there.

use crate::{jobs::Jobs, *};
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::pallet_prelude::TransactionSource;
use kagari_primitives::{
    payload_hash,
    worker_key::{WorkerId, WorkerSignature},
    Attestation, Hash, StopReason, Word,
};
use sp_runtime::RuntimeAppPublic;

/// An attestation of a job that is assigned to a worker of the keystore, and its signature.
fn signed<T: Config>(output: &[Word]) -> (Attestation, WorkerSignature) {
    let worker = WorkerId::generate_pair(None);
    let assignment = T::Jobs::assign_for_benchmark(worker.clone());
    let attestation = Attestation {
        job: assignment.job,
        assigned_at: assignment.assigned_at,
        output_hash: payload_hash(output),
        stop: StopReason::StopToken,
        trace_root: Hash::zero(),
    };
    let message = Pallet::<T>::attestation_message(&attestation).expect("it is assigned; qed");
    let signature = worker
        .sign(&message)
        .expect("the key has just been made; qed");
    (attestation, signature)
}

#[benchmarks]
mod benches {
    use super::*;

    #[benchmark]
    fn attest() {
        #[block]
        {
            let _ = Pallet::<T>::now().saturating_add(Window::<T>::get());
        }
    }

    #[benchmark]
    fn authorize_attest(o: Linear<1, 8_000>) {
        let output: Vec<Word> = vec![7; o as usize];
        let (attestation, signature) = signed::<T>(&output);
        #[block]
        {
            Pallet::<T>::authorize_attest(
                TransactionSource::External,
                &attestation,
                &signature,
                &output,
            )
            .expect("the attestation is good; qed");
        }
    }
}
