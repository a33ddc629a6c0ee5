//! Benchmarks of attestations, with what one changes in the market.

use crate::{jobs::Jobs, *};
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::pallet_prelude::TransactionSource;
use kagari_primitives::{
    attestation::commitment_message,
    payload_hash,
    worker_key::{WorkerId, WorkerSignature},
    Attestation, BlockNumber, Hash, JobId, StopReason, Word,
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

/// What is committed to.
const COMMITMENT: Hash = Hash::repeat_byte(1);

/// A replica that is assigned to a worker of the keystore, and the signature of its commitment.
fn commitment<T: Config>() -> (JobId, BlockNumber, WorkerSignature) {
    let worker = WorkerId::generate_pair(None);
    let assignment = T::Jobs::assign_replica_for_benchmark(worker.clone());
    let genesis = frame_system::Pallet::<T>::block_hash(
        frame_system::pallet_prelude::BlockNumberFor::<T>::default(),
    );
    let message = commitment_message(genesis, assignment.assignment_hash, COMMITMENT);
    let signature = worker
        .sign(&message)
        .expect("the key has just been made; qed");
    (assignment.job, assignment.assigned_at, signature)
}

/// Has the key of the genesis not count, which every transaction is checked against before.
fn know_the_genesis<T: Config>() {
    let number = frame_system::pallet_prelude::BlockNumberFor::<T>::default();
    let key = frame_system::BlockHash::<T>::hashed_key_for(number);
    frame_benchmarking::benchmarking::add_to_whitelist(key.into());
}

fn let_attestation_in<T: Config>(
    attestation: &Attestation,
    signature: &WorkerSignature,
    output: &Vec<Word>,
) {
    let source = TransactionSource::External;
    Pallet::<T>::authorize_attest(source, attestation, signature, output)
        .expect("the attestation is good; qed");
}

fn let_commitment_in<T: Config>(
    job: &JobId,
    assigned_at: &BlockNumber,
    signature: &WorkerSignature,
) {
    let source = TransactionSource::External;
    Pallet::<T>::authorize_commit(source, job, assigned_at, &COMMITMENT, signature)
        .expect("the commitment is good; qed");
}

#[benchmarks]
mod benches {
    use super::*;

    /// An attestation from its authorisation to its end.
    #[benchmark(pov_mode = Measured)]
    fn attest(o: Linear<1, 8_000>) {
        let output: Vec<Word> = vec![7; o as usize];
        let (attestation, signature) = signed::<T>(&output);
        T::Jobs::bring_for_benchmark(&output);
        know_the_genesis::<T>();
        #[block]
        {
            let_attestation_in::<T>(&attestation, &signature, &output);
            let _ = Pallet::<T>::do_attest(attestation, output).expect("it is assigned; qed");
        }
    }

    #[benchmark(pov_mode = Measured)]
    fn authorize_attest(o: Linear<1, 8_000>) {
        let output: Vec<Word> = vec![7; o as usize];
        let (attestation, signature) = signed::<T>(&output);
        know_the_genesis::<T>();
        #[block]
        {
            let_attestation_in::<T>(&attestation, &signature, &output);
        }
    }

    /// The last commitment of a gang from its authorisation to its end.
    #[benchmark(pov_mode = Measured)]
    fn commit() {
        let (job, assigned_at, signature) = commitment::<T>();
        know_the_genesis::<T>();
        #[block]
        {
            let_commitment_in::<T>(&job, &assigned_at, &signature);
            Pallet::<T>::do_commit(job, COMMITMENT).expect("it is assigned; qed");
        }
    }

    #[benchmark(pov_mode = Measured)]
    fn authorize_commit() {
        let (job, assigned_at, signature) = commitment::<T>();
        know_the_genesis::<T>();
        #[block]
        {
            let_commitment_in::<T>(&job, &assigned_at, &signature);
        }
    }

    #[benchmark]
    fn pay_shares() {
        let share = 1_000 * kagari_primitives::KGR;
        CurrentEra::<T>::put(types::Era {
            owed: types::RoleShares {
                validators: share,
                auditors: share,
                treasury: share,
            },
            ..Default::default()
        });
        let caller: kagari_primitives::AccountId = whitelisted_caller();
        #[extrinsic_call]
        _(frame_system::RawOrigin::Signed(caller));
        assert_eq!(Emitted::<T>::get(), 3 * share);
    }

    #[benchmark]
    fn prune_base() {
        Pruned::<T>::put(kagari_primitives::EraIndex::MAX);
        #[block]
        {
            Pallet::<T>::prune(&mut frame_support::weights::WeightMeter::new());
        }
    }

    #[benchmark]
    fn prune_record() {
        use frame_support::traits::Get;
        use sp_runtime::SaturatedConversion;
        let eras = T::HistoryDepth::get() + 1;
        frame_system::Pallet::<T>::set_block_number((eras * T::EraLength::get()).saturated_into());
        History::<T>::insert(
            0,
            account::<kagari_primitives::AccountId>("provider", 0, 0),
            types::AccountWork::default(),
        );
        Eras::<T>::insert(0, types::EraRecord::default());
        #[block]
        {
            Pallet::<T>::prune(&mut frame_support::weights::WeightMeter::new());
        }
        assert_eq!(History::<T>::iter().count() + Eras::<T>::iter().count(), 0);
    }
}
