//! Attestations, and commitments to those of replicas: what is checked before one gets into a block, and what it does
//! there.

use crate::{
    jobs::{AssignedJob, Jobs},
    rejection::Rejection,
    Config, Event, Pallet, WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{ensure, pallet_prelude::TransactionValidityWithRefund, weights::Weight};
use kagari_primitives::{
    attestation::{commitment, commitment_message, message},
    payload_hash,
    worker_key::WorkerSignature,
    Attestation, BlockNumber, Hash, JobId, NextStep, StopReason, Task, Word,
};
use sp_runtime::{
    traits::{BlockNumberProvider, Zero},
    transaction_validity::{
        InvalidTransaction, TransactionPriority, TransactionSource, TransactionValidityError,
        UnknownTransaction, ValidTransaction,
    },
    DispatchError, DispatchResult, RuntimeAppPublic,
};

/// Blocks after its assignment in which a job that the state lacks may be on its way yet. After them it
/// is taken to have ended.
const GRACE: BlockNumber = 4;

impl<T: Config> Pallet<T> {
    /// Checks an attestation: cheap checks first, the signature last.
    // The attribute that calls this gives the argument as it stands in the call.
    #[allow(clippy::ptr_arg)]
    pub(crate) fn authorize_attest(
        _source: TransactionSource,
        attestation: &Attestation,
        signature: &WorkerSignature,
        output: &Vec<Word>,
    ) -> TransactionValidityWithRefund {
        let job = Self::assigned(attestation.job, attestation.assigned_at)?;
        check_revealing(&job, attestation, signature)?;
        check_length(&job, attestation.stop, output.len() as u32)?;
        ensure!(
            payload_hash(output) == attestation.output_hash,
            Rejection::WrongOutputHash
        );
        let message = message(
            Self::genesis_hash(),
            job.assignment.assignment_hash,
            attestation,
        );
        ensure!(
            job.worker.verify(&message, signature),
            InvalidTransaction::BadProof
        );
        Self::valid("KagariAttestation", &job)
    }

    /// Checks the commitment of a replica's provider: cheap checks first, the signature last.
    pub(crate) fn authorize_commit(
        _source: TransactionSource,
        job: &JobId,
        assigned_at: &BlockNumber,
        commitment: &Hash,
        signature: &WorkerSignature,
    ) -> TransactionValidityWithRefund {
        let job = Self::assigned(*job, *assigned_at)?;
        let replica = job.replica.ok_or(Rejection::NoReplica)?;
        // What was committed to stays.
        ensure!(replica.commitment.is_none(), InvalidTransaction::Stale);
        let assignment_hash = job.assignment.assignment_hash;
        let message = commitment_message(Self::genesis_hash(), assignment_hash, *commitment);
        ensure!(
            job.worker.verify(&message, signature),
            InvalidTransaction::BadProof
        );
        Self::valid("KagariCommitment", &job)
    }

    /// What the pool is told of what a worker says of an assignment, of which it says each thing once.
    fn valid(prefix: &'static str, job: &AssignedJob) -> TransactionValidityWithRefund {
        let assignment = &job.assignment;
        let longevity = assignment.deadline.saturating_sub(Self::now()).max(1);
        ValidTransaction::with_tag_prefix(prefix)
            // What is sent anew takes the place of what was sent before, and is gossiped again: a node that
            // did not know the assignment then has dropped it.
            .priority((TransactionPriority::MAX / 2).saturating_add(Self::now().into()))
            .and_provides((assignment.job, assignment.assigned_at))
            .longevity(longevity.into())
            .propagate(true)
            .build()
            .map(|valid| (valid, Weight::zero()))
    }

    /// The job that was assigned in this block.
    fn assigned(
        id: JobId,
        assigned_at: BlockNumber,
    ) -> Result<AssignedJob, TransactionValidityError> {
        let Some(job) = T::Jobs::assigned(id) else {
            // One that is open all the same has been attested.
            ensure!(!T::Jobs::is_open(id), InvalidTransaction::Stale);
            return Err(Self::unknown(assigned_at));
        };
        // A node that is behind may know an earlier assignment of the same job only.
        if assigned_at > job.assignment.assigned_at {
            return Err(Self::unknown(assigned_at));
        }
        let same = assigned_at == job.assignment.assigned_at;
        ensure!(same, Rejection::OtherAssignment);
        ensure!(
            Self::now() <= job.assignment.deadline,
            InvalidTransaction::Stale
        );
        Ok(job)
    }

    /// What to say of an assignment that the state lacks: it may be on its way, or is over.
    fn unknown(assigned_at: BlockNumber) -> TransactionValidityError {
        if Self::now() < assigned_at.saturating_add(GRACE) {
            return UnknownTransaction::CannotLookup.into();
        }
        InvalidTransaction::Stale.into()
    }

    /// What an attestation weighs besides its authorisation, which has read the same records.
    pub(crate) fn weight_of_attesting(output: u32) -> Weight {
        T::WeightInfo::attest(output).saturating_sub(T::WeightInfo::authorize_attest(output))
    }

    /// Gives what it weighed.
    pub(crate) fn do_attest(
        attestation: Attestation,
        output: Vec<Word>,
    ) -> Result<Weight, DispatchError> {
        let besides = T::Jobs::attest(&attestation, &output)?;
        Self::deposit_event(Event::Attested {
            job: attestation.job,
            trace_root: attestation.trace_root,
        });
        Ok(Self::weight_of_attesting(output.len() as u32).saturating_add(besides))
    }

    /// What a commitment weighs besides its authorisation, which has read the same records.
    pub(crate) fn weight_of_committing() -> Weight {
        T::WeightInfo::commit().saturating_sub(T::WeightInfo::authorize_commit())
    }

    pub(crate) fn do_commit(job: JobId, commitment: Hash) -> DispatchResult {
        T::Jobs::commit(job, commitment)?;
        Self::deposit_event(Event::Committed { job, commitment });
        Ok(())
    }

    /// What a worker that has signed an attestation is to do next; `None` if the job is not assigned so.
    pub fn next_step(attestation: &Attestation, signature: &WorkerSignature) -> Option<NextStep> {
        let job = Self::assigned(attestation.job, attestation.assigned_at).ok()?;
        let Some(replica) = job.replica else {
            return Some(NextStep::Attest);
        };
        let own = commitment(attestation, signature);
        Some(match replica.commitment {
            None => Self::commit_first(&job, own),
            Some(committed) if committed != own => NextStep::Lost,
            Some(_) if replica.may_reveal => NextStep::Reveal {
                until: job.assignment.deadline,
            },
            Some(_) => NextStep::Wait,
        })
    }

    fn commit_first(job: &AssignedJob, commitment: Hash) -> NextStep {
        let assignment_hash = job.assignment.assignment_hash;
        NextStep::Commit {
            worker: job.worker.clone(),
            commitment,
            message: commitment_message(Self::genesis_hash(), assignment_hash, commitment),
        }
    }

    /// What a worker signs to attest; `None` if the job is not assigned so.
    pub fn attestation_message(attestation: &Attestation) -> Option<Vec<u8>> {
        let job = Self::assigned(attestation.job, attestation.assigned_at).ok()?;
        Some(message(
            Self::genesis_hash(),
            job.assignment.assignment_hash,
            attestation,
        ))
    }

    pub(crate) fn now() -> BlockNumber {
        T::BlockNumberProvider::current_block_number()
    }

    fn genesis_hash() -> Hash {
        frame_system::Pallet::<T>::block_hash(
            frame_system::pallet_prelude::BlockNumberFor::<T>::zero(),
        )
    }
}

/// Checks that a replica may be attested, and that its provider has committed to this attestation.
fn check_revealing(
    job: &AssignedJob,
    attestation: &Attestation,
    signature: &WorkerSignature,
) -> Result<(), TransactionValidityError> {
    let Some(replica) = job.replica else {
        return Ok(());
    };
    // The commitment that is lacking may be on its way.
    ensure!(replica.may_reveal, UnknownTransaction::CannotLookup);
    ensure!(
        replica.commitment == Some(commitment(attestation, signature)),
        Rejection::NotCommitted
    );
    Ok(())
}

/// Checks that the length of an output and the reason to stop fit the job.
fn check_length(job: &AssignedJob, stop: StopReason, len: u32) -> Result<(), Rejection> {
    let (fits_length, fits_stop) = match (job.assignment.spec.task, stop) {
        (Task::Completion { max_new_tokens, .. }, StopReason::StopToken) => {
            ((1..=max_new_tokens).contains(&len), true)
        }
        (Task::Completion { max_new_tokens, .. }, StopReason::Length) => {
            (len == max_new_tokens, true)
        }
        (Task::Completion { max_new_tokens, .. }, StopReason::NonFinite) => {
            (len < max_new_tokens, true)
        }
        (Task::Embedding, StopReason::Vector) => (len == job.shape.hidden, true),
        (Task::Embedding, StopReason::NonFinite) => (len == 0, true),
        _ => (true, false),
    };
    ensure!(fits_stop, Rejection::WrongStopReason);
    ensure!(fits_length, Rejection::WrongLength);
    Ok(())
}
