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

fn spec<T: Config>(model: ModelId, max_new_tokens: u32) -> JobSpec {
    let sampling = Sampling::GREEDY;
    let task = Task::Completion {
        max_new_tokens,
        sampling,
    };
    JobSpec {
        model,
        task,
        max_price: Balance::MAX,
        deadline: T::MaxDeadline::get(),
        min_tier: Default::default(),
    }
}

/// Has the present extrinsic end with `words`.
pub fn bring<T: Config>(words: &[Word]) {
    frame_support::storage::unhashed::put(
        sp_core::storage::well_known_keys::EXTRINSIC_INDEX,
        &0u32,
    );
    frame_system::Pallet::<T>::note_extrinsic(kagari_primitives::payload_bytes(words));
    was_written(crate::payload_impls::ExtrinsicData::<T>::hashed_key_for(
        0u32,
    ));
}

/// So many offers for `model`, which a match examines one after the other, each at a price of its own and at
/// the end of two full pages. Only the last two can take a job.
fn crowd<T: Config>(model: ModelId, examined: u32) -> Vec<AccountId>
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let others: Vec<_> = (0..MAX_OFFERS - 1).map(other_model::<T>).collect();
    let models: Vec<_> = others.into_iter().chain([model]).collect();
    let who: Vec<_> = (0..examined)
        .map(|i| provider::<T>(i, Balance::from(i + 1) * 1_000_000, &models))
        .collect();
    for busy in who.iter().take(examined as usize - 2) {
        Providers::<T>::mutate(busy, |p| {
            if let Some(p) = p {
                p.exposure = p.bond;
            }
        });
    }
    who
}

/// Lists a provider's offers after so many others at the same prices that each list has a second page, and
/// has others follow, so that one of them has to be moved if it leaves.
fn surround<T: Config>(who: &AccountId) {
    let offers = Providers::<T>::get(who)
        .map(|p| p.offers)
        .unwrap_or_default();
    for offer in offers {
        let Some(place) = offer.place else { continue };
        let key = |page| PageKey {
            tick: offer.tick,
            tier: place.tier,
            page,
        };
        let stranger = |i: u32| account("stranger", i, 1);
        let first: Vec<_> = (1..PAGE).map(stranger).chain([who.clone()]).collect();
        let page = Page {
            len: PAGE + 2,
            providers: first.try_into().unwrap_or_default(),
        };
        Pages::<T>::insert(offer.model, key(0), page);
        let last = Page {
            len: 0,
            providers: vec![stranger(PAGE), mover()].try_into().unwrap_or_default(),
        };
        Pages::<T>::insert(offer.model, key(1), last);
    }
}

/// A provider with so many offers, each of which stands on a full page.
fn crowded_out<T: Config>(offers: u32) -> AccountId
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let models: Vec<_> = (0..offers).map(other_model::<T>).collect();
    let who = provider::<T>(0, 1_000_000, &models);
    add_mover::<T>();
    surround::<T>(&who);
    who
}

/// How many offers of a provider stand in the index.
fn listed<T: Config>(who: &AccountId) -> u32 {
    let offers = Providers::<T>::get(who)
        .map(|p| p.offers)
        .unwrap_or_default();
    offers.iter().filter(|offer| offer.place.is_some()).count() as u32
}

/// Who is last on every page, and is moved when another leaves.
fn mover() -> AccountId {
    account("mover", 0, 1)
}

/// Lets the models' other offers have a record of the size that a provider's gets.
fn add_mover<T: Config>()
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let who = mover();
    let model = Providers::<T>::iter_values().next();
    let Some(mut record) = model else { return };
    for offer in record.offers.iter_mut() {
        if let Some(place) = offer.place.as_mut() {
            place.page = 1;
        }
    }
    Providers::<T>::insert(who, record);
}

/// Has a key not count that the block has written before.
fn was_written(key: Vec<u8>) {
    frame_benchmarking::benchmarking::add_to_whitelist(key.into());
}

/// Every block begins by writing its parent's hash.
fn know_the_parent() {
    was_written(frame_support::storage::storage_prefix(b"System", b"ParentHash").to_vec());
}

/// A job that is assigned, and its provider's worker key.
fn assigned<T: Config>(model: ModelId) -> JobId
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let who = rich::<T>("requester", 0);
    let input = vec![1, 2, 3];
    bring::<T>(&input);
    Pallet::<T>::do_submit_job(who, spec::<T>(model, 8_000), input).expect("there are offers; qed");
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

fn provider_of<T: Config>(job: JobId) -> AccountId {
    let job = Jobs::<T>::get(job);
    job.map(|job| job.provider).expect("the job is open; qed")
}

/// So many jobs that are attested and due at one block, each with its own requester and provider.
fn attested<T: Config>(count: u32) -> Vec<JobId>
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let model = llm::<T>();
    let output = vec![7; OUTPUT as usize];
    let attested = (0..count).map(|i| {
        // The one that is left without room is the winner of the last.
        provider::<T>(i, 1_000_000, &[model]);
        let who = rich::<T>("requester", i);
        let input = vec![1, 2, 3];
        bring::<T>(&input);
        Pallet::<T>::do_submit_job(who.clone(), spec::<T>(model, OUTPUT), input)
            .expect("there is an offer; qed");
        let job = Jobs::<T>::iter().find(|(_, job)| job.requester == who);
        let (job, record) = job.expect("it has just been submitted; qed");
        bring::<T>(&output);
        Pallet::<T>::attest(&attestation(job, &output), &output).expect("it is assigned; qed");
        Pallet::<T>::do_remove_offer(record.provider, model).expect("it offers; qed");
        job
    });
    attested.collect()
}

/// Has the block at which a job is due come, and the queue served up to it.
fn let_it_be_due<T: Config>(job: JobId) {
    let job = Jobs::<T>::get(job).expect("the job is open; qed");
    let now = match job.stage {
        Stage::Assigned => job.due,
        Stage::Attested(_) => job.due + T::Judge::window(),
    };
    frame_system::Pallet::<T>::set_block_number(now.saturated_into());
    Served::<T>::put(now);
    Judged::<T>::put(job.due);
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
        let who = crowd::<T>(llm::<T>(), 2).remove(0);
        add_mover::<T>();
        surround::<T>(&who);
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
        let who = crowd::<T>(model, 2).remove(0);
        add_mover::<T>();
        surround::<T>(&who);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), model, 1, 1);
    }

    #[benchmark]
    fn remove_offer() {
        let model = llm::<T>();
        let who = crowd::<T>(model, 2).remove(0);
        add_mover::<T>();
        surround::<T>(&who);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), model);
    }

    /// With an input of `i` words and a match that examines `e` offers.
    #[benchmark(pov_mode = Measured)]
    fn submit_job(i: Linear<1, 8_000>, e: Linear<2, 8>) {
        let model = llm::<T>();
        crowd::<T>(model, e);
        // Its account is read and written for the fee before.
        let who: AccountId = whitelisted_caller();
        T::Currency::set_balance(&who, RICHES);
        let input: Vec<Word> = (0..i).collect();
        bring::<T>(&input);
        know_the_parent();
        #[extrinsic_call]
        _(RawOrigin::Signed(who), spec::<T>(model, OUTPUT), input);
        assert_eq!(Jobs::<T>::iter().count(), 1);
    }

    /// A list of `n` jobs that are attested and due, of which each has its own requester and provider.
    #[benchmark(pov_mode = Measured)]
    fn settle_jobs(n: Linear<1, 100>) {
        let jobs = attested::<T>(n);
        let first = jobs.first().copied().expect("there is a job; qed");
        let_it_be_due::<T>(first);
        #[block]
        {
            Pallet::<T>::serve_queue(&mut WeightMeter::new());
        }
        assert!(!Pallet::<T>::is_open(first));
        assert_eq!(Jobs::<T>::iter().count(), 0);
    }

    /// `k` offers of a provider, each of which comes onto a second page.
    #[benchmark(pov_mode = Measured)]
    fn list_offers(k: Linear<1, 16>) {
        let who = crowded_out::<T>(k);
        Pallet::<T>::try_change_provider(&who, |p| {
            p.exposure = p.bond;
            Ok(())
        })
        .expect("it is a provider; qed");
        #[block]
        {
            Pallet::<T>::try_change_provider(&who, |p| {
                p.exposure = 0;
                Ok(())
            })
            .expect("it is a provider; qed");
        }
        assert_eq!(listed::<T>(&who), k);
    }

    /// `k` offers of a provider, each of which leaves a full page, so that another has to be moved there.
    #[benchmark(pov_mode = Measured)]
    fn delist_offers(k: Linear<1, 16>) {
        let who = crowded_out::<T>(k);
        #[block]
        {
            Pallet::<T>::try_change_provider(&who, |p| {
                p.exposure = p.bond;
                Ok(())
            })
            .expect("it is a provider; qed");
        }
        assert_eq!(listed::<T>(&who), 0);
    }

    #[benchmark(pov_mode = Measured)]
    fn archive_era_work() {
        let who = provider::<T>(0, 1, &[llm::<T>()]);
        let work = EraWork {
            era: 1,
            work: 1,
            burned: 1,
            reward: 1,
        };
        #[block]
        {
            Pallet::<T>::archive_era_work(&who, &work);
        }
    }

    #[benchmark(pov_mode = Measured)]
    fn time_out_job() {
        let model = llm::<T>();
        crowd::<T>(model, MAX_EXAMINED as u32);
        let job = assigned::<T>(model);
        know_the_parent();
        let_it_be_due::<T>(job);
        #[block]
        {
            Pallet::<T>::serve_queue(&mut WeightMeter::new());
        }
        assert_eq!(Jobs::<T>::get(job).map(|j| j.failers.len()), Some(1));
    }

    #[benchmark(pov_mode = Measured)]
    fn decline_job() {
        let model = llm::<T>();
        crowd::<T>(model, MAX_EXAMINED as u32);
        let job = assigned::<T>(model);
        let who = provider_of::<T>(job);
        Providers::<T>::mutate(&who, |p| {
            if let Some(p) = p {
                p.free_decline = BlockNumber::MAX;
            }
        });
        know_the_parent();
        #[extrinsic_call]
        _(RawOrigin::Signed(who), job);
        assert_eq!(Jobs::<T>::get(job).map(|j| j.failers.len()), Some(1));
    }

    #[benchmark(pov_mode = Measured)]
    fn cancel_job() {
        let model = llm::<T>();
        crowd::<T>(model, 2);
        let job = assigned::<T>(model);
        let who = Jobs::<T>::get(job)
            .map(|j| j.requester)
            .expect("it is open; qed");
        #[extrinsic_call]
        _(RawOrigin::Signed(who), job);
        assert!(!Pallet::<T>::is_open(job));
    }

    #[benchmark]
    fn serve_queue_base() {
        Served::<T>::put(BlockNumber::MAX);
        Judged::<T>::put(BlockNumber::MAX);
        #[block]
        {
            Pallet::<T>::serve_queue(&mut WeightMeter::new());
        }
    }

    /// A block at which nothing is due.
    #[benchmark]
    fn serve_queue_list() {
        let now = T::BlockNumberProvider::current_block_number();
        Served::<T>::put(now);
        Judged::<T>::put(now);
        #[block]
        {
            Pallet::<T>::serve_queue(&mut WeightMeter::new());
        }
    }

    /// A list of one place whose job is no more.
    #[benchmark(pov_mode = Measured)]
    fn serve_queue_passed() {
        let due = T::BlockNumberProvider::current_block_number() + 1;
        Pallet::<T>::enqueue(Hash::repeat_byte(7), due);
        frame_system::Pallet::<T>::set_block_number(due.saturated_into());
        Served::<T>::put(due);
        Judged::<T>::put(due);
        #[block]
        {
            Pallet::<T>::serve_queue(&mut WeightMeter::new());
        }
        assert_eq!(Queue::<T>::iter().count(), 0);
    }
}
