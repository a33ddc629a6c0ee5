//! The states that the benchmarks begin in.

use crate::{judge::Judge, types::*, *};
use alloc::{format, vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::traits::{
    fungible::{Inspect, Mutate},
    Get,
};
use kagari_primitives::{
    known_models,
    lease::bid_commitment,
    worker_key::{ownership_message, WorkerId, WorkerSignature},
    AccountId, Assignment, Attestation, AuctionId, AuctionTerms, Balance, BlockNumber, Hardware,
    Hash, JobId, JobSpec, LeaseId, Manifest, ModelId, Sampling, StopReason, Task, Word, KGR,
    MAX_REPLICAS,
};
use sp_runtime::{traits::BlockNumberProvider, RuntimeAppPublic, SaturatedConversion};

/// What each account of a benchmark has.
pub(super) const RICHES: Balance = 1_000_000 * KGR;
/// What a job of a benchmark puts out.
pub(super) const OUTPUT: u32 = 8;

pub(super) fn rich<T: Config>(name: &'static str, index: u32) -> AccountId
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let who: AccountId = account(name, index, 0);
    T::Currency::set_balance(&who, RICHES);
    who
}

/// A new worker key of the keystore, and its word that it works for `who`.
pub(super) fn worker_of<T: Config>(who: &AccountId) -> (WorkerId, WorkerSignature) {
    let worker = WorkerId::generate_pair(None);
    let message = ownership_message(Pallet::<T>::genesis_hash(), who);
    let proof = worker
        .sign(&message)
        .expect("the key has just been made; qed");
    (worker, proof)
}

pub(super) fn llm<T: Config>() -> ModelId {
    let manifest = known_models::smollm2_135m_instruct();
    let id = manifest.id();
    Pallet::<T>::put_model(
        id,
        Model {
            manifest,
            registrar: None,
        },
    );
    id
}

/// Models under other names, each as large as a manifest gets.
pub(super) fn other_model<T: Config>(index: u32) -> ModelId {
    let manifest = Manifest {
        name: format!("model-{index}")
            .into_bytes()
            .try_into()
            .unwrap_or_default(),
        ..known_models::smollm2_135m_instruct()
    };
    let id = manifest.id();
    Pallet::<T>::put_model(
        id,
        Model {
            manifest,
            registrar: None,
        },
    );
    id
}

/// A bonded provider that offers `models`.
pub(super) fn provider<T: Config>(index: u32, price: Balance, models: &[ModelId]) -> AccountId
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

pub(super) fn spec<T: Config>(model: ModelId, max_new_tokens: u32) -> JobSpec {
    let sampling = Sampling::GREEDY;
    let task = Task::Completion {
        max_new_tokens,
        sampling,
    };
    JobSpec::new(model, task, Balance::MAX, T::MaxDeadline::get())
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

/// So many offers for `model`, which a match examines one after the other, each at a price of its own. Only the last
/// two can take a job.
pub(super) fn crowd<T: Config>(model: ModelId, examined: u32) -> Vec<AccountId>
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    crowd_with::<T>(model, examined, 2)
}

/// The same, but the last so many can take a job.
pub(super) fn crowd_with<T: Config>(model: ModelId, examined: u32, free: u32) -> Vec<AccountId>
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let others: Vec<_> = (0..MAX_OFFERS - 1).map(other_model::<T>).collect();
    let models: Vec<_> = others.into_iter().chain([model]).collect();
    let who: Vec<_> = (0..examined)
        .map(|i| provider::<T>(i, Balance::from(i + 1) * 1_000_000, &models))
        .collect();
    for busy in who.iter().take((examined - free) as usize) {
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
pub(super) fn surround<T: Config>(who: &AccountId) {
    let offers = Providers::<T>::get(who)
        .map(|p| p.offers)
        .unwrap_or_default();
    for (number, offer) in (0..).zip(offers) {
        let [Some(place), _] = offer.places else {
            continue;
        };
        let segment = all_regions(offer.model);
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
        Pages::<T>::insert(segment, key(0), page);
        let last = Page {
            len: 0,
            providers: vec![stranger(PAGE), mover(number)]
                .try_into()
                .unwrap_or_default(),
        };
        Pages::<T>::insert(segment, key(1), last);
    }
}

/// A provider with so many offers, each of which stands on a full page.
pub(super) fn crowded_out<T: Config>(offers: u32) -> AccountId
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let models: Vec<_> = (0..offers).map(other_model::<T>).collect();
    let who = provider::<T>(0, 1_000_000, &models);
    add_movers::<T>();
    surround::<T>(&who);
    who
}

/// The segment of the index for machines wherever they stand.
pub(super) fn all_regions(model: ModelId) -> Segment {
    Segment {
        model,
        class: Default::default(),
        region: None,
    }
}

/// How many places in the index a provider's offers have.
pub(super) fn listed<T: Config>(who: &AccountId) -> u32 {
    let offers = Providers::<T>::get(who)
        .map(|p| p.offers)
        .unwrap_or_default();
    let places = offers.iter().flat_map(|offer| offer.places);
    places.flatten().count() as u32
}

/// Who is last on the pages around a provider's offer of this number, and is moved when that leaves.
pub(super) fn mover(number: u32) -> AccountId {
    account("mover", number, 1)
}

/// Gives those who are moved records of the size that a provider's gets.
pub(super) fn add_movers<T: Config>()
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let model = Providers::<T>::iter_values().next();
    let Some(mut record) = model else { return };
    for offer in record.offers.iter_mut() {
        if let [Some(place), _] = &mut offer.places {
            place.page = 1;
        }
    }
    for number in 0..MAX_OFFERS {
        Providers::<T>::insert(mover(number), record.clone());
    }
}

/// Has a key not count that the block has written before.
pub(super) fn was_written(key: Vec<u8>) {
    frame_benchmarking::benchmarking::add_to_whitelist(key.into());
}

/// Every block begins by writing its parent's hash, and that it could carry transactions.
pub(super) fn know_the_block<T: Config>() {
    was_written(frame_support::storage::storage_prefix(b"System", b"ParentHash").to_vec());
    was_written(Polled::<T>::hashed_key().to_vec());
}

/// A job that is assigned, and its provider's worker key.
pub(super) fn assigned<T: Config>(model: ModelId) -> JobId
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

pub(super) fn attestation(job: JobId, output: &[Word]) -> Attestation {
    Attestation {
        job,
        assigned_at: 1,
        output_hash: kagari_primitives::payload_hash(output),
        stop: StopReason::Length,
        trace_root: Hash::zero(),
    }
}

pub(super) fn provider_of<T: Config>(job: JobId) -> AccountId {
    let job = Jobs::<T>::get(job);
    job.map(|job| job.provider).expect("the job is open; qed")
}

/// So many jobs that are attested and due at one block, each with its own requester and provider.
pub(super) fn attested<T: Config>(count: u32) -> Vec<JobId>
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
pub(super) fn let_it_be_due<T: Config>(job: JobId) {
    let job = Jobs::<T>::get(job).expect("the job is open; qed");
    let now = match job.stage {
        Stage::Assigned => job.due,
        Stage::Attested(_) => job.due + T::Judge::window(),
    };
    frame_system::Pallet::<T>::set_block_number(now.saturated_into());
    Served::<T>::put(now);
    Judged::<T>::put(job.due);
}

/// A provider that others have delegated to, and one of them.
pub(super) fn delegated<T: Config>() -> (AccountId, AccountId)
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let who = provider::<T>(0, 1, &[llm::<T>()]);
    let delegator = rich::<T>("delegator", 0);
    Pallet::<T>::do_set_commission(who.clone(), Default::default()).expect("it is bonded; qed");
    Pallet::<T>::do_delegate(delegator.clone(), who.clone(), T::MinDelegation::get() * 2)
        .expect("the delegator is rich; qed");
    (who, delegator)
}

/// What a bid in a benchmark asks per block.
pub(super) const BID: Balance = 1_000;
/// The salt of all bids.
pub(super) const SALT: [u8; 32] = [7; 32];

pub(super) fn terms<T: Config>(model: ModelId, machines: u32) -> AuctionTerms {
    AuctionTerms {
        model,
        machines: machines as u16,
        blocks: T::MaxLease::get(),
        max_price: BID * 2,
        commit_period: 1,
        reveal_period: 1,
        min_tier: Default::default(),
        class: Default::default(),
        region: None,
    }
}

/// An auction for so many machines with so many bids, in whose last block for commitments it is; with its bidders.
pub(super) fn auction<T: Config>(machines: u32, bids: u32) -> (AuctionId, Vec<AccountId>)
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let others: Vec<_> = (0..MAX_OFFERS - 1).map(other_model::<T>).collect();
    let model = llm::<T>();
    let models: Vec<_> = others.into_iter().chain([model]).collect();
    let requester = rich::<T>("requester", 0);
    Pallet::<T>::do_open_auction(requester, terms::<T>(model, machines))
        .expect("the terms are good; qed");
    let id = Auctions::<T>::iter_keys()
        .next()
        .expect("an auction is open; qed");
    let bidders: Vec<_> = (0..bids)
        .map(|i| {
            let who = provider::<T>(i, 1_000_000, &models);
            let commitment = bid_commitment(id, &who, BID, SALT);
            Pallet::<T>::do_commit_bid(who.clone(), id, commitment)
                .expect("the provider offers the model; qed");
            who
        })
        .collect();
    (id, bidders)
}

/// Goes on by so many blocks.
pub(super) fn go_on<T: Config>(blocks: BlockNumber) {
    let next = T::BlockNumberProvider::current_block_number() + blocks;
    frame_system::Pallet::<T>::set_block_number(next.saturated_into());
}

/// A lease of so many machines that has just begun.
pub(super) fn leased<T: Config>(machines: u32) -> (LeaseId, Vec<AccountId>)
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let (id, bidders) = auction::<T>(machines, machines);
    go_on::<T>(2);
    for who in &bidders {
        Pallet::<T>::do_reveal_bid(who.clone(), id, BID, SALT).expect("it has bid; qed");
    }
    go_on::<T>(1);
    let auction = Auctions::<T>::get(id).expect("it is open; qed");
    Pallet::<T>::clear_auction(id, auction);
    (id, bidders)
}

/// Puts an assigned job for `worker` into the state, for the benchmarks of the other pallet.
pub fn assign_for<T: Config>(worker: WorkerId) -> Assignment
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let model = llm::<T>();
    let who = provider::<T>(0, 1, &[model]);
    let job = assigned::<T>(model);
    // The attestations of one block stand in one list, which the weight of a block's beginning pays for.
    know_the_block::<T>();
    let now = T::BlockNumberProvider::current_block_number();
    was_written(Queue::<T>::hashed_key_for(now, now));
    Providers::<T>::mutate(&who, |p| {
        if let Some(p) = p {
            p.worker = worker;
        }
    });
    Pallet::<T>::assignment(job)
        .expect("the job is assigned; qed")
        .0
}

/// As many replicas as there can be of a job, all of which but the last are committed to.
pub(super) fn replicas<T: Config>() -> Vec<JobId>
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let model = llm::<T>();
    let count = u32::from(MAX_REPLICAS);
    crowd_with::<T>(model, count, count);
    let who = rich::<T>("requester", 0);
    let input = vec![1, 2, 3];
    bring::<T>(&input);
    let spec = JobSpec {
        replicas: MAX_REPLICAS,
        ..spec::<T>(model, OUTPUT)
    };
    Pallet::<T>::do_submit_job(who, spec, input).expect("there are offers; qed");
    let gang = Gangs::<T>::iter_values()
        .next()
        .expect("it has just been submitted; qed");
    for job in gang.jobs.iter().skip(1) {
        Pallet::<T>::commit(*job, Hash::repeat_byte(1)).expect("it is assigned; qed");
    }
    gang.jobs.into_iter().rev().collect()
}

/// Puts a replica for `worker` into the state that is the last of its gang to be committed to, for the benchmarks of
/// the other pallet.
pub fn assign_replica_for<T: Config>(worker: WorkerId) -> Assignment
where
    T::Currency: Mutate<AccountId> + Inspect<AccountId, Balance = Balance>,
{
    let job = replicas::<T>().pop().expect("there are replicas; qed");
    Providers::<T>::mutate(provider_of::<T>(job), |p| {
        if let Some(p) = p {
            p.worker = worker;
        }
    });
    Pallet::<T>::assignment(job)
        .expect("the job is assigned; qed")
        .0
}
