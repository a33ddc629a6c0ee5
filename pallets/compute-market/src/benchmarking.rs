//! Benchmarks of the market's calls and of its queue. Each sets up the worst case that it weighs.

mod setup;

pub use setup::{assign_for, bring};

use crate::{types::*, *};
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
use kagari_primitives::{known_models, AccountId, Balance, BlockNumber, Hardware, Hash, Word, KGR};
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
