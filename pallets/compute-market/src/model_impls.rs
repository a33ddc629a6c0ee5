//! Models: registration, and whether a job fits its model.

use crate::{types::*, Config, Error, Event, HoldReason, Models, Pallet, Shapes};
use frame_support::{
    ensure,
    traits::{fungible::hold::Mutate as _, Get},
};
use kagari_primitives::{
    job::is_replica_count, AccountId, Architecture, BlockNumber, HardwareClass, JobSpec, Manifest,
    ModelId, ModelShape, Task, Word, Work, MAX_INPUT, MAX_OUTPUT,
};
use sp_runtime::{DispatchResult, SaturatedConversion};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_register_model(who: AccountId, manifest: Manifest) -> DispatchResult {
        ensure!(manifest.has_valid_name(), Error::<T>::InvalidModelName);
        ensure!(manifest.shape.is_sane(), Error::<T>::InvalidModelShape);
        let id = manifest.id();
        ensure!(!Models::<T>::contains_key(id), Error::<T>::ModelExists);
        T::Currency::hold(
            &HoldReason::ModelDeposit.into(),
            &who,
            T::ModelDeposit::get(),
        )?;
        let registrar = Some(who.clone());
        Self::put_model(
            id,
            Model {
                manifest,
                registrar,
            },
        );
        Self::deposit_event(Event::ModelRegistered {
            model: id,
            registrar: who,
        });
        Ok(())
    }

    /// Keeps a model, and apart from it what every job reads of it.
    pub(crate) fn put_model(id: ModelId, model: Model) {
        Shapes::<T>::insert(id, model.manifest.shape);
        Models::<T>::insert(id, model);
    }

    /// Checks a job against its model's shape and the chain's limits.
    pub(crate) fn check_job(spec: &JobSpec, shape: &ModelShape, input: &[Word]) -> DispatchResult {
        Self::check_spec(spec, shape, input.len() as u32)?;
        ensure!(
            input.iter().all(|id| *id < shape.vocab),
            Error::<T>::UnknownToken
        );
        Ok(())
    }

    /// Checks all that can be checked of a job without its input.
    pub(crate) fn check_spec(
        spec: &JobSpec,
        shape: &ModelShape,
        input_len: u32,
    ) -> Result<(), Error<T>> {
        ensure!(input_len > 0, Error::<T>::EmptyInput);
        ensure!(input_len <= MAX_INPUT, Error::<T>::InputTooLong);
        ensure!(is_replica_count(spec.replicas), Error::<T>::WrongReplicas);
        ensure!(
            spec.replicas <= 1 || spec.class == HardwareClass::Exact,
            Error::<T>::InexactReplicas
        );
        let output = Self::check_task(&spec.task, shape.architecture)?;
        let positions = input_len.saturating_add(output);
        ensure!(positions <= shape.context, Error::<T>::InputTooLong);
        let work = spec.task.most_work(shape, input_len);
        let bounds = Self::shortest_deadline(work)..=T::MaxDeadline::get();
        ensure!(
            bounds.contains(&spec.deadline),
            Error::<T>::DeadlineOutOfBounds
        );
        Ok(())
    }

    /// The shortest deadline of a job that can be so much work.
    pub fn shortest_deadline(work: Work) -> BlockNumber {
        let blocks = work.checked_div(T::WorkPerBlock::get()).unwrap_or_default();
        let blocks = T::MinDeadline::get().saturating_add(blocks.saturated_into());
        blocks.min(T::MaxDeadline::get())
    }

    /// Checks a task by itself, and gives the positions that its output may take up.
    fn check_task(task: &Task, architecture: Architecture) -> Result<u32, Error<T>> {
        match (task, architecture) {
            (
                Task::Completion {
                    max_new_tokens,
                    sampling,
                },
                Architecture::Llama,
            ) => {
                let within = (1..=MAX_OUTPUT).contains(max_new_tokens);
                ensure!(within, Error::<T>::InvalidOutputLength);
                ensure!(sampling.is_valid(), Error::<T>::InvalidSampling);
                Ok(*max_new_tokens)
            }
            (Task::Embedding, Architecture::Bert) => Ok(0),
            _ => Err(Error::<T>::TaskUnsupported),
        }
    }
}
