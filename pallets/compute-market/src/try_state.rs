//! What must hold of the market's storage after every block; run after every unit test.

use crate::{
    types::*, Book, Config, HoldReason, Jobs, Models, OfferCount, Pallet, Providers, Queue,
    QueueLen, Served, Workers,
};
use alloc::collections::BTreeMap;
use frame_support::{
    ensure,
    traits::{fungible::hold::Inspect as _, Get},
};
use kagari_primitives::{AccountId, Balance, ModelId, ProviderStatus};
use sp_runtime::TryRuntimeError;

type Check = Result<(), TryRuntimeError>;

impl<T: Config> Pallet<T> {
    /// All checks, one after the other.
    pub fn do_try_state() -> Check {
        Self::check_bonds()?;
        Self::check_escrows()?;
        Self::check_exposures()?;
        Self::check_workers()?;
        Self::check_offers()?;
        Self::check_offer_counts()?;
        Self::check_books()?;
        Self::check_assigned()?;
        Self::check_queue()?;
        Self::check_models()
    }

    /// What is held as a bond is what the record says.
    fn check_bonds() -> Check {
        for (who, provider) in Providers::<T>::iter() {
            ensure!(
                Self::bonded(&who) == provider.bond,
                "bond differs from what is held"
            );
        }
        Ok(())
    }

    /// What is held as escrow on an account is the sum over its open jobs.
    fn check_escrows() -> Check {
        let mut escrows = BTreeMap::<AccountId, Balance>::new();
        for job in Jobs::<T>::iter_values() {
            let sum = escrows.entry(job.requester).or_default();
            *sum = sum.saturating_add(job.escrow);
        }
        for (who, escrow) in &escrows {
            ensure!(
                Self::escrowed(who) == *escrow,
                "escrow differs from what is held"
            );
        }
        for (who, _) in frame_system::Account::<T>::iter() {
            let expected = escrows.get(&who).copied().unwrap_or_default();
            ensure!(
                Self::escrowed(&who) == expected,
                "escrow is held for no open job"
            );
            let is_provider = Providers::<T>::contains_key(&who);
            ensure!(
                is_provider || Self::bonded(&who) == 0,
                "bond is held for no provider"
            );
        }
        Ok(())
    }

    /// A provider's exposure is the sum over its open jobs, and its bond covers it.
    fn check_exposures() -> Check {
        let mut exposures = BTreeMap::<AccountId, Balance>::new();
        for job in Jobs::<T>::iter_values() {
            let sum = exposures.entry(job.provider).or_default();
            *sum = sum.saturating_add(job.exposure);
        }
        for (who, provider) in Providers::<T>::iter() {
            let expected = exposures.remove(&who).unwrap_or_default();
            ensure!(
                provider.exposure == expected,
                "exposure differs from the open jobs"
            );
            ensure!(
                provider.exposure <= provider.bond,
                "exposure exceeds the bond"
            );
        }
        ensure!(exposures.is_empty(), "an open job has no provider");
        Ok(())
    }

    /// Worker keys and providers point at each other.
    fn check_workers() -> Check {
        for (worker, who) in Workers::<T>::iter() {
            let named = Providers::<T>::get(&who).is_some_and(|p| p.worker == worker);
            ensure!(named, "a worker key's provider does not name it");
        }
        let counts = (Workers::<T>::iter().count(), Providers::<T>::iter().count());
        ensure!(
            counts.0 == counts.1,
            "a provider's worker key is not in the index"
        );
        Ok(())
    }

    /// Offers are of registered models, one a model, and none stands while unbonding.
    fn check_offers() -> Check {
        for provider in Providers::<T>::iter_values() {
            let active = provider.status == ProviderStatus::Active;
            let stands = provider.offers.iter().any(|o| !o.is_withdrawn());
            ensure!(active || !stands, "an unbonding provider offers");
            ensure!(
                provider.places() <= MAX_ASSIGNED,
                "a provider offers more than it can work on"
            );
            for (at, offer) in provider.offers.iter().enumerate() {
                ensure!(
                    Models::<T>::contains_key(offer.model),
                    "an offer's model is unknown"
                );
                let again = provider.offers.iter().skip(at.saturating_add(1));
                let twice = again.into_iter().any(|o| o.model == offer.model);
                ensure!(!twice, "two offers for one model");
            }
        }
        Ok(())
    }

    /// The offers that stand for a model are counted right, and its book has a line for each.
    fn check_offer_counts() -> Check {
        let mut standing = BTreeMap::<ModelId, u32>::new();
        for provider in Providers::<T>::iter_values() {
            for offer in provider.offers.iter().filter(|o| !o.is_withdrawn()) {
                let count = standing.entry(offer.model).or_default();
                *count = count.saturating_add(1);
            }
        }
        ensure!(
            standing.values().all(|count| *count <= MAX_LISTINGS),
            "more offers stand than a book has lines"
        );
        let counted: BTreeMap<_, _> = OfferCount::<T>::iter().collect();
        ensure!(counted == standing, "the offers are counted wrong");
        Ok(())
    }

    /// A book lists, in order, just the offers with room.
    fn check_books() -> Check {
        let mut expected = BTreeMap::<ModelId, alloc::vec::Vec<Listing>>::new();
        for (who, provider) in Providers::<T>::iter() {
            for offer in &provider.offers {
                let line = crate::book_impls::listing(&who, &provider, &offer.model);
                expected.entry(offer.model).or_default().extend(line);
            }
        }
        for (model, book) in Book::<T>::iter() {
            let mut lines = expected.remove(&model).unwrap_or_default();
            lines.sort();
            ensure!(!book.is_empty(), "an empty book is kept");
            ensure!(
                book.into_inner() == lines,
                "a book differs from the offers with room"
            );
        }
        ensure!(
            expected.values().all(|lines| lines.is_empty()),
            "an offer with room is not listed"
        );
        Ok(())
    }

    /// The list of assigned jobs in a provider's record agrees with the jobs.
    fn check_assigned() -> Check {
        let mut listed = 0usize;
        for (who, provider) in Providers::<T>::iter() {
            let mut in_use = BTreeMap::<ModelId, u16>::new();
            for id in &provider.assigned {
                let job = Jobs::<T>::get(id).ok_or("an assigned job is unknown")?;
                ensure!(job.provider == who, "an assigned job is another's");
                ensure!(
                    job.stage == Stage::Assigned,
                    "an attested job is listed as assigned"
                );
                let used = in_use.entry(job.spec.model).or_default();
                *used = used.saturating_add(1);
                listed = listed.saturating_add(1);
            }
            for offer in &provider.offers {
                let used = in_use.remove(&offer.model).unwrap_or_default();
                ensure!(offer.in_use == used, "an offer's use is not its jobs");
            }
            ensure!(in_use.is_empty(), "a job is assigned without an offer");
        }
        let assigned = Jobs::<T>::iter_values()
            .filter(|j| j.stage == Stage::Assigned)
            .count();
        ensure!(
            assigned == listed,
            "an assigned job is not in its provider's record"
        );
        Ok(())
    }

    /// Every open job has one place in the queue, and every place a job, and all are yet to be served.
    fn check_queue() -> Check {
        let served = Served::<T>::get();
        for (block, index, id) in Queue::<T>::iter() {
            let passed = (block, index) < (served.block, served.index);
            ensure!(!passed, "a job is where the queue has been served");
            let job = Jobs::<T>::get(id).ok_or("a job in the queue is not open")?;
            ensure!(
                job.due == Due { block, index },
                "a job's place in the queue differs"
            );
            ensure!(
                index < QueueLen::<T>::get(block),
                "a place is beyond its block's length"
            );
        }
        let counts = (Queue::<T>::iter().count(), Jobs::<T>::iter().count());
        ensure!(counts.0 == counts.1, "an open job is not in the queue");
        Ok(())
    }

    /// A model's id is its manifest's hash, and what is held as deposits is one for each model.
    fn check_models() -> Check {
        let mut deposits = BTreeMap::<AccountId, Balance>::new();
        for (id, model) in Models::<T>::iter() {
            ensure!(
                model.manifest.id() == id,
                "a model's id is not its manifest's hash"
            );
            if let Some(registrar) = model.registrar {
                let sum = deposits.entry(registrar).or_default();
                *sum = sum.saturating_add(T::ModelDeposit::get());
            }
        }
        for (who, _) in frame_system::Account::<T>::iter() {
            let held = T::Currency::balance_on_hold(&HoldReason::ModelDeposit.into(), &who);
            let expected = deposits.remove(&who).unwrap_or_default();
            ensure!(held == expected, "model deposits differ from what is held");
        }
        ensure!(deposits.is_empty(), "a model's registrar has no account");
        Ok(())
    }
}
