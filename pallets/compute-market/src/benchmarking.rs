//! Benchmarks of the market's calls and of its queue. Each sets up the worst case that it weighs.

use crate::{judge::Judge, types::*, *};
use alloc::{format, vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{
        fungible::{Inspect, Mutate},
        Get,
    },
    weights::WeightMeter,
};
use frame_system::RawOrigin;
use kagari_primitives::{
    known_models,
    worker_key::{ownership_message, WorkerId, WorkerSignature},
    AccountId, Assignment, Attestation, Balance, BlockNumber, Hardware, Hash, JobId, JobSpec,
    Manifest, ModelId, Sampling, StopReason, Task, Word, KGR,
};
use sp_runtime::{traits::BlockNumberProvider, RuntimeAppPublic, SaturatedConversion};

/// What each account of a benchmark has.
const RICHES: Balance = 1_000_000 * KGR;
/// What a job of a benchmark puts out.
const OUTPUT: u32 = 8;

fn rich<T: Config>(name: &'static str, index: u32) -> AccountId
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let who: AccountId = account(name, index, 0);
    T::Currency::set_balance(&who, RICHES);
    who
}

/// A new worker key of the keystore, and its word that it works for `who`.
fn worker_of<T: Config>(who: &AccountId) -> (WorkerId, WorkerSignature) {
    let worker = WorkerId::generate_pair(None);
    let message = ownership_message(Pallet::<T>::genesis_hash(), who);
    let proof = worker
        .sign(&message)
        .expect("the key has just been made; qed");
    (worker, proof)
}

fn llm<T: Config>() -> ModelId {
    let manifest = known_models::smollm2_135m_instruct();
    let id = manifest.id();
    Models::<T>::insert(
        id,
        Model {
            manifest,
            registrar: None,
        },
    );
    id
}

/// Models under other names, each as large as a manifest gets.
fn other_model<T: Config>(index: u32) -> ModelId {
    let manifest = Manifest {
        name: format!("model-{index}")
            .into_bytes()
            .try_into()
            .unwrap_or_default(),
        ..known_models::smollm2_135m_instruct()
    };
    let id = manifest.id();
    Models::<T>::insert(
        id,
        Model {
            manifest,
            registrar: None,
        },
    );
    id
}

/// A bonded provider that offers `models`.
fn provider<T: Config>(index: u32, price: Balance, models: &[ModelId]) -> AccountId
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let who = rich::<T>("provider", index);
    let (worker, proof) = worker_of::<T>(&who);
    let bond = T::MinBond::get() * 10;
    Pallet::<T>::do_register_provider(who.clone(), bond, worker, proof, Hardware::default())
        .expect("the account is rich; qed");
    for model in models {
        Pallet::<T>::do_set_offer(who.clone(), *model, price, 4)
            .expect("the model is registered; qed");
    }
    who
}

fn spec(model: ModelId, max_new_tokens: u32) -> JobSpec {
    let sampling = Sampling::GREEDY;
    let task = Task::Completion {
        max_new_tokens,
        sampling,
    };
    JobSpec {
        model,
        task,
        max_price: Balance::MAX,
        deadline: 30,
    }
}

/// Has the present extrinsic end with `words`.
fn bring<T: Config>(words: &[Word]) {
    frame_support::storage::unhashed::put(
        sp_core::storage::well_known_keys::EXTRINSIC_INDEX,
        &0u32,
    );
    frame_system::Pallet::<T>::note_extrinsic(kagari_primitives::payload_bytes(words));
}

/// As many offers as a match examines, of which only the last two can take a job.
fn crowded_book<T: Config>(model: ModelId) -> Vec<AccountId>
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let others: Vec<_> = (0..MAX_OFFERS - 1).map(other_model::<T>).collect();
    let models: Vec<_> = others.into_iter().chain([model]).collect();
    let all = 0..MAX_EXAMINED as u32;
    let who: Vec<_> = all
        .map(|i| provider::<T>(i, Balance::from(i + 1) * 1_000_000, &models))
        .collect();
    for busy in who.iter().take(MAX_EXAMINED - 2) {
        Providers::<T>::mutate(busy, |p| {
            if let Some(p) = p {
                p.exposure = p.bond;
            }
        });
    }
    models.iter().for_each(fill_book::<T>);
    who
}

/// Fills a book up with dearer offers, of which nobody asks more.
fn fill_book<T: Config>(model: &ModelId) {
    Book::<T>::mutate(model, |book| {
        for i in book.len() as u32..MAX_LISTINGS {
            let listing = Listing {
                price: Balance::MAX - Balance::from(MAX_LISTINGS - i),
                provider: account("listed", i, 0),
            };
            book.try_push(listing).expect("there is a line left; qed");
        }
    });
    OfferCount::<T>::insert(model, MAX_LISTINGS);
}

/// A job that is assigned, and its provider's worker key.
fn assigned<T: Config>(model: ModelId) -> JobId
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let who = rich::<T>("requester", 0);
    let input = vec![1, 2, 3];
    bring::<T>(&input);
    Pallet::<T>::do_submit_job(who, spec(model, 8_000), input).expect("there are offers; qed");
    Jobs::<T>::iter_keys()
        .next()
        .expect("a job has just been submitted; qed")
}

fn attestation(job: JobId, output: &[Word]) -> Attestation {
    Attestation {
        job,
        assigned_at: 1,
        output_hash: kagari_primitives::payload_hash(output),
        stop: StopReason::Length,
        trace_root: Hash::zero(),
    }
}

/// Has the block at which the only job is due come, and the queue served up to it.
fn let_it_be_due<T: Config>(job: JobId) {
    let due = Jobs::<T>::get(job).expect("the job is open; qed").due;
    frame_system::Pallet::<T>::set_block_number(due.block.saturated_into());
    Served::<T>::put(Due {
        block: due.block,
        index: 0,
    });
}

/// Puts an assigned job for `worker` into the state, for the benchmarks of the other pallet.
pub fn assign_for<T: Config>(worker: WorkerId) -> Assignment
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let model = llm::<T>();
    let who = provider::<T>(0, 1, &[model]);
    let job = assigned::<T>(model);
    Providers::<T>::mutate(&who, |p| {
        if let Some(p) = p {
            p.worker = worker;
        }
    });
    Pallet::<T>::assignment(job)
        .expect("the job is assigned; qed")
        .0
}

#[benchmarks(where T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>)]
mod benches {
    use super::*;

    #[benchmark]
    fn register_provider() {
        let who = rich::<T>("provider", 0);
        let (worker, proof) = worker_of::<T>(&who);
        let origin = RawOrigin::Signed(who.clone());
        let hardware = Hardware {
            description: vec![b'x'; 128].try_into().unwrap_or_default(),
            ..Default::default()
        };
        #[extrinsic_call]
        _(origin, T::MinBond::get(), worker, proof, hardware);
        assert!(Providers::<T>::contains_key(who));
    }

    #[benchmark]
    fn set_worker() {
        let who = provider::<T>(0, 1, &[llm::<T>()]);
        let (worker, proof) = worker_of::<T>(&who);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), worker.clone(), proof);
        assert!(Workers::<T>::contains_key(worker));
    }

    #[benchmark]
    fn set_hardware() {
        let who = provider::<T>(0, 1, &[llm::<T>()]);
        #[extrinsic_call]
        _(
            RawOrigin::Signed(who),
            Hardware {
                cores: 9,
                ..Default::default()
            },
        );
    }

    #[benchmark]
    fn bond_extra() {
        let who = provider::<T>(0, 1, &[llm::<T>()]);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), KGR);
        assert_eq!(Pallet::<T>::bonded(&who), T::MinBond::get() * 10 + KGR);
    }

    #[benchmark]
    fn unbond() {
        let who = crowded_book::<T>(llm::<T>())
            .pop()
            .unwrap_or_else(|| account("none", 0, 0));
        #[extrinsic_call]
        _(RawOrigin::Signed(who));
    }

    #[benchmark]
    fn withdraw_bond() {
        let who = provider::<T>(0, 1, &[llm::<T>()]);
        Pallet::<T>::do_unbond(who.clone()).expect("the provider is active; qed");
        let later: BlockNumber =
            T::BlockNumberProvider::current_block_number() + T::UnbondingPeriod::get();
        frame_system::Pallet::<T>::set_block_number(later.saturated_into());
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));
        assert!(!Providers::<T>::contains_key(who));
    }

    #[benchmark]
    fn register_model() {
        let who = rich::<T>("registrar", 0);
        let manifest = known_models::smollm2_135m_instruct();
        Models::<T>::remove(manifest.id());
        #[extrinsic_call]
        _(RawOrigin::Signed(who), manifest);
    }

    #[benchmark]
    fn set_offer() {
        let model = llm::<T>();
        let who = crowded_book::<T>(model)
            .pop()
            .unwrap_or_else(|| account("none", 0, 0));
        #[extrinsic_call]
        _(RawOrigin::Signed(who), model, 1, 1);
    }

    #[benchmark]
    fn remove_offer() {
        let model = llm::<T>();
        let who = crowded_book::<T>(model)
            .pop()
            .unwrap_or_else(|| account("none", 0, 0));
        #[extrinsic_call]
        _(RawOrigin::Signed(who), model);
    }

    #[benchmark]
    fn submit_job(i: Linear<1, 8_000>) {
        let model = llm::<T>();
        crowded_book::<T>(model);
        let who = rich::<T>("requester", 0);
        let input: Vec<Word> = (0..i).collect();
        bring::<T>(&input);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), spec(model, OUTPUT), input);
        assert_eq!(Jobs::<T>::iter().count(), 1);
    }

    #[benchmark]
    fn attest(o: Linear<1, 8_000>) {
        let model = llm::<T>();
        crowded_book::<T>(model);
        let job = assigned::<T>(model);
        let output: Vec<Word> = (0..o).collect();
        bring::<T>(&output);
        let attestation = attestation(job, &output);
        #[block]
        {
            Pallet::<T>::attest(&attestation, &output, 9).expect("the job is assigned; qed");
        }
        assert!(matches!(
            Jobs::<T>::get(job).map(|j| j.stage),
            Some(Stage::Attested(_))
        ));
    }

    #[benchmark]
    fn settle_job() {
        let model = llm::<T>();
        crowded_book::<T>(model);
        let job = assigned::<T>(model);
        let output = vec![7; OUTPUT as usize];
        bring::<T>(&output);
        Pallet::<T>::attest(&attestation(job, &output), &output, 9).expect("it is assigned; qed");
        // The work of an era that is over has to be archived too.
        let provider = Jobs::<T>::get(job)
            .map(|j| j.provider)
            .expect("it is open; qed");
        T::Judge::reward(&provider, 1, 0);
        Providers::<T>::mutate(&provider, |p| {
            if let Some(p) = p {
                p.era_work = EraWork {
                    era: u32::MAX,
                    work: 1,
                    reward: 1,
                };
            }
        });
        let_it_be_due::<T>(job);
        #[block]
        {
            Pallet::<T>::serve_queue(&mut WeightMeter::new());
        }
        assert!(!Pallet::<T>::is_open(job));
    }

    #[benchmark]
    fn time_out_job() {
        let model = llm::<T>();
        // A third offer that can take the job over.
        provider::<T>(99, 1_000_000, &[model]);
        crowded_book::<T>(model);
        let job = assigned::<T>(model);
        let_it_be_due::<T>(job);
        #[block]
        {
            Pallet::<T>::serve_queue(&mut WeightMeter::new());
        }
        assert!(Jobs::<T>::get(job).is_none_or(|j| j.attempts == 2));
    }

    #[benchmark]
    fn serve_queue_base() {
        Served::<T>::put(Due {
            block: BlockNumber::MAX,
            index: 0,
        });
        #[block]
        {
            Pallet::<T>::serve_queue(&mut WeightMeter::new());
        }
    }

    #[benchmark]
    fn serve_queue_block() {
        let now = T::BlockNumberProvider::current_block_number();
        Served::<T>::put(Due {
            block: now,
            index: 0,
        });
        QueueLen::<T>::insert(now, 1);
        #[block]
        {
            Pallet::<T>::serve_queue(&mut WeightMeter::new());
        }
    }
}
