//! Benchmarks of the market's calls and of its queue. Each sets up the worst case that it weighs.

mod setup;

pub use setup::{assign_for, assign_replica_for, bring};

use crate::{lease_types::*, types::*, *};
use alloc::{vec, vec::Vec};
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
    known_models, AccountId, Balance, BlockNumber, Hardware, Hash, JobSpec, Word, KGR,
};
use sp_runtime::{traits::BlockNumberProvider, SaturatedConversion};

use setup::*;

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
        add_movers::<T>();
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
        Shapes::<T>::remove(manifest.id());
        #[extrinsic_call]
        _(RawOrigin::Signed(who), manifest);
    }

    #[benchmark]
    fn set_offer() {
        let model = llm::<T>();
        let who = crowd::<T>(model, 2).remove(0);
        add_movers::<T>();
        surround::<T>(&who);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), model, 1, 1);
    }

    #[benchmark]
    fn remove_offer() {
        let model = llm::<T>();
        let who = crowd::<T>(model, 2).remove(0);
        add_movers::<T>();
        surround::<T>(&who);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), model);
    }

    /// A match that examines `e` offers, of which the last two can take the job.
    #[benchmark(pov_mode = Measured)]
    fn examine_offers(e: Linear<2, 8>) {
        let model = llm::<T>();
        crowd::<T>(model, e);
        let spec = spec::<T>(model, OUTPUT);
        let examined;
        #[block]
        {
            let shape = Pallet::<T>::shape_of(&spec).unwrap_or_else(|_| panic!("it is registered"));
            let found = Pallet::<T>::first_match(&spec, &shape, 1, 0);
            examined = found.map_or(0, |found| found.cleared.examined);
        }
        assert_eq!(examined, e);
    }

    #[benchmark(pov_mode = Measured)]
    fn turn_page() {
        let who = crowded_out::<T>(1);
        let offer = Providers::<T>::get(&who).and_then(|p| p.offers.first().cloned());
        let offer = offer.expect("it offers; qed");
        let key = PageKey {
            tick: offer.tick,
            tier: Default::default(),
            page: 1,
        };
        let page;
        #[block]
        {
            page = Pages::<T>::get(all_regions(offer.model), key);
        }
        assert!(!page.providers.is_empty());
    }

    /// With an input of `i` words and a match that examines two offers.
    #[benchmark(pov_mode = Measured)]
    fn submit_job(i: Linear<1, 8_000>) {
        let model = llm::<T>();
        crowd::<T>(model, 2);
        // Its account is read and written for the fee before.
        let who: AccountId = whitelisted_caller();
        T::Currency::set_balance(&who, RICHES);
        let input: Vec<Word> = (0..i).collect();
        bring::<T>(&input);
        know_the_block::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(who), spec::<T>(model, OUTPUT), input);
        assert_eq!(Jobs::<T>::iter().count(), 1);
    }

    /// With an input of `i` words, `n` replicas, and a match that examines as many offers as it can.
    #[benchmark(pov_mode = Measured)]
    fn submit_replicas(i: Linear<1, 8_000>, n: Linear<3, 5>) {
        let model = llm::<T>();
        crowd_with::<T>(model, MAX_EXAMINED as u32, n + 1);
        // Its account is read and written for the fee before.
        let who: AccountId = whitelisted_caller();
        T::Currency::set_balance(&who, RICHES);
        let input: Vec<Word> = (0..i).collect();
        bring::<T>(&input);
        know_the_block::<T>();
        let spec = JobSpec {
            replicas: n as u8,
            ..spec::<T>(model, OUTPUT)
        };
        #[extrinsic_call]
        submit_job(RawOrigin::Signed(who), spec, input);
        assert_eq!(Jobs::<T>::iter().count(), n as usize);
    }

    /// The last replica of a gang that is not committed to looks for another provider, and leaves the gang.
    #[benchmark(pov_mode = Measured)]
    fn leave_gang() {
        let mut jobs = replicas::<T>();
        let last = jobs.pop().expect("there are replicas; qed");
        let job = Jobs::<T>::take(last).expect("it is open; qed");
        let providers;
        #[block]
        {
            providers = Pallet::<T>::providers_in_gang(&job);
            Pallet::<T>::leave_gang(last, &job);
        }
        assert_eq!(providers, None, "the others have committed");
        let may_reveal = |job| {
            Jobs::<T>::get(job)
                .and_then(|j| j.replica)
                .map(|r| r.may_reveal)
        };
        assert!(jobs.iter().all(|job| may_reveal(job) == Some(true)));
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
        know_the_block::<T>();
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
        know_the_block::<T>();
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
    fn delegate() {
        let (who, _) = delegated::<T>();
        let delegator = rich::<T>("delegator", 1);
        let amount = T::MinDelegation::get();
        #[extrinsic_call]
        _(RawOrigin::Signed(delegator.clone()), who.clone(), amount);
        assert!(Delegations::<T>::contains_key(who, delegator));
    }

    #[benchmark]
    fn undelegate() {
        let (who, delegator) = delegated::<T>();
        let amount = T::MinDelegation::get();
        #[extrinsic_call]
        _(RawOrigin::Signed(delegator.clone()), who.clone(), amount);
        assert!(Delegations::<T>::get(who, delegator).leaving > 0);
    }

    /// The last delegator of a provider that has its bond back.
    #[benchmark]
    fn withdraw_delegation() {
        let (who, delegator) = delegated::<T>();
        Pallet::<T>::do_unbond(who.clone()).expect("the provider is active; qed");
        go_on::<T>(T::UnbondingPeriod::get());
        Pallet::<T>::do_withdraw_bond(who.clone()).expect("its period is over; qed");
        let stranger = rich::<T>("stranger", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(stranger), who.clone(), delegator);
        assert!(!Providers::<T>::contains_key(who));
    }

    #[benchmark]
    fn open_auction() {
        let terms = terms::<T>(llm::<T>(), MAX_MACHINES);
        let who = rich::<T>("requester", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), terms);
        assert_eq!(Auctions::<T>::iter().count(), 1);
    }

    #[benchmark]
    fn cancel_auction() {
        let (id, _) = auction::<T>(MAX_MACHINES, 0);
        let who = Auctions::<T>::get(id)
            .map(|auction| auction.requester)
            .expect("it is open; qed");
        #[extrinsic_call]
        _(RawOrigin::Signed(who), id);
        assert!(!Auctions::<T>::contains_key(id));
    }

    #[benchmark]
    fn commit_bid() {
        let (id, _) = auction::<T>(1, MAX_BIDS - 1);
        let who = provider::<T>(MAX_BIDS, 1, &[llm::<T>()]);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), id, Hash::zero());
        let bids = Auctions::<T>::get(id).map(|auction| auction.bids.len());
        assert_eq!(bids, Some(MAX_BIDS as usize));
    }

    #[benchmark]
    fn reveal_bid() {
        let (id, mut bidders) = auction::<T>(1, MAX_BIDS);
        go_on::<T>(2);
        let who = bidders.pop().expect("there are bidders; qed");
        #[extrinsic_call]
        _(RawOrigin::Signed(who), id, BID, SALT);
    }

    /// All of `b` bids are good, and each bidder offers as much as it can.
    #[benchmark(pov_mode = Measured)]
    fn clear_auction(b: Linear<8, 16>, m: Linear<1, 8>) {
        let (id, bidders) = auction::<T>(m, b);
        go_on::<T>(2);
        for who in bidders {
            Pallet::<T>::do_reveal_bid(who, id, BID, SALT).expect("it has bid; qed");
        }
        go_on::<T>(1);
        #[block]
        {
            let auction = Auctions::<T>::get(id).expect("it is open; qed");
            Pallet::<T>::clear_auction(id, auction);
        }
        let machines = Leases::<T>::get(id).map(|lease| lease.machines.len() as u32);
        assert_eq!(machines, Some(m));
    }

    #[benchmark(pov_mode = Measured)]
    fn end_lease(m: Linear<1, 8>) {
        let (id, _) = leased::<T>(m);
        #[block]
        {
            let lease = Leases::<T>::get(id).expect("it runs; qed");
            Pallet::<T>::end_lease(id, lease);
        }
        assert!(!Leases::<T>::contains_key(id));
    }

    #[benchmark(pov_mode = Measured)]
    fn submit_leased_job(i: Linear<1, 8_000>) {
        let (id, machines) = leased::<T>(MAX_MACHINES);
        let lease = Leases::<T>::get(id).expect("it runs; qed");
        let machine = machines[0].clone();
        let mut spec = spec::<T>(lease.terms.model, OUTPUT);
        spec.deadline = T::MaxDeadline::get();
        let input: Vec<Word> = (0..i).collect();
        bring::<T>(&input);
        know_the_block::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(lease.requester), id, machine, spec, input);
        assert_eq!(Jobs::<T>::iter().count(), 1);
    }

    /// What sharing a reward adds to a settlement, which has the provider's record and its account at hand.
    #[benchmark(pov_mode = Measured)]
    fn share_reward() {
        let (who, _) = delegated::<T>();
        let mut provider = Providers::<T>::get(&who).expect("it is bonded; qed");
        was_written(frame_system::Account::<T>::hashed_key_for(&who));
        #[block]
        {
            Pallet::<T>::share_reward(&who, &mut provider, KGR);
        }
        assert!(provider.delegated.stake > T::MinDelegation::get() * 2);
    }

    /// With what every block does once: the list of its attestations is begun.
    #[benchmark]
    fn serve_queue_base() {
        Served::<T>::put(BlockNumber::MAX);
        Judged::<T>::put(BlockNumber::MAX);
        let now = T::BlockNumberProvider::current_block_number();
        #[block]
        {
            Pallet::<T>::note_poll(now);
            Pallet::<T>::enqueue(Hash::zero(), now);
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
