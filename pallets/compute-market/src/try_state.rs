//! What must hold of the market's storage after every block; run after every unit test.

use crate::{
    types::*, Auctions, Config, Delegations, Gangs, HoldReason, Jobs, Judged, Leases, Models,
    Pages, Pallet, Providers, Queue, Served, Shapes, Ticks, Workers,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
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
        Self::check_delegations()?;
        Self::check_deposits()?;
        Self::check_leases()?;
        Self::check_gangs()?;
        Self::check_escrows()?;
        Self::check_exposures()?;
        Self::check_workers()?;
        Self::check_offers()?;
        Self::check_index()?;
        Self::check_assigned()?;
        Self::check_queue()?;
        Self::check_models()
    }

    /// What is held as a bond, with what is delegated, is what the record says.
    fn check_bonds() -> Check {
        for (who, provider) in Providers::<T>::iter() {
            ensure!(
                Self::bonded(&who) == provider.stake(),
                "bond and delegations differ from what is held"
            );
        }
        Ok(())
    }

    /// The shares of what is delegated to a provider are those of its delegators.
    fn check_delegations() -> Check {
        let mut shares = BTreeMap::<AccountId, (Balance, Balance)>::new();
        for (who, _, delegation) in Delegations::<T>::iter() {
            ensure!(delegation.shares > 0, "an empty delegation is kept");
            let sum = shares.entry(who).or_default();
            sum.0 = sum.0.saturating_add(delegation.shares);
            sum.1 = sum.1.saturating_add(delegation.leaving);
        }
        for (who, provider) in Providers::<T>::iter() {
            let expected = shares.remove(&who).unwrap_or_default();
            let delegated = provider.delegated;
            ensure!(
                (delegated.shares, delegated.leaving) == expected,
                "shares differ from those of the delegators"
            );
            ensure!(
                delegated.shares > 0 || delegated.stake == 0,
                "what is delegated belongs to nobody"
            );
        }
        ensure!(shares.is_empty(), "something is delegated to a stranger");
        Ok(())
    }

    /// What is held as deposits of bids is what the open auctions say.
    fn check_deposits() -> Check {
        let mut deposits = BTreeMap::<AccountId, Balance>::new();
        for bid in Auctions::<T>::iter_values().flat_map(|auction| auction.bids) {
            let sum = deposits.entry(bid.provider).or_default();
            *sum = sum.saturating_add(bid.deposit);
        }
        for (who, _) in frame_system::Account::<T>::iter() {
            let held = T::Currency::balance_on_hold(&HoldReason::Bid.into(), &who);
            let expected = deposits.remove(&who).unwrap_or_default();
            ensure!(
                held == expected,
                "a bid's deposit differs from what is held"
            );
        }
        ensure!(deposits.is_empty(), "a bidder has no account");
        Ok(())
    }

    /// Machines that are leased, or bid with, take up room of their providers' offers, and no lease is without one. A
    /// job on a lease is at a machine of it.
    fn check_leases() -> Check {
        let mut leased = BTreeMap::<(AccountId, ModelId), u16>::new();
        for lease in Leases::<T>::iter_values() {
            ensure!(!lease.machines.is_empty(), "an empty lease is kept");
            for machine in lease.machines {
                let sum = leased
                    .entry((machine.provider, lease.terms.model))
                    .or_default();
                *sum = sum.saturating_add(1);
            }
        }
        for auction in Auctions::<T>::iter_values() {
            for bid in auction.bids {
                let sum = leased
                    .entry((bid.provider, auction.terms.model))
                    .or_default();
                *sum = sum.saturating_add(1);
            }
        }
        for (who, provider) in Providers::<T>::iter() {
            for offer in &provider.offers {
                let expected = leased
                    .remove(&(who.clone(), offer.model))
                    .unwrap_or_default();
                ensure!(
                    offer.leased == expected,
                    "an offer's leases are not its own"
                );
            }
        }
        ensure!(leased.is_empty(), "a machine is leased without an offer");
        for job in Jobs::<T>::iter_values().filter(|job| job.stage == Stage::Assigned) {
            let Some(lease) = job.lease else { continue };
            let lease = Leases::<T>::get(lease).ok_or("a job's lease is over")?;
            let at = lease.machines.iter().any(|m| m.provider == job.provider);
            ensure!(at, "a leased job is at no machine of its lease");
        }
        Ok(())
    }

    /// Gangs and jobs agree: a gang's jobs are open and name it, each with another provider, and the counts are right.
    fn check_gangs() -> Check {
        let mut members = 0usize;
        for (id, gang) in Gangs::<T>::iter() {
            ensure!(!gang.jobs.is_empty(), "an empty gang is kept");
            members = members.saturating_add(gang.jobs.len());
            let (mut uncommitted, mut unrevealed) = (0u8, 0u8);
            let mut providers = BTreeSet::new();
            for job in &gang.jobs {
                let job = Jobs::<T>::get(job).ok_or("a gang has a job that is not open")?;
                let replica = job.replica.as_ref().ok_or("a gang's job is no replica")?;
                ensure!(replica.gang == id, "a gang's job names another");
                ensure!(
                    replica.may_reveal == (gang.uncommitted == 0),
                    "a replica may reveal before all have committed, or may not after"
                );
                let is_assigned = job.stage == Stage::Assigned;
                ensure!(
                    !(is_assigned && replica.may_reveal) || job.due > gang.reveal_until,
                    "a replica is due before the reveals end"
                );
                uncommitted = uncommitted.saturating_add((!job.has_committed()).into());
                unrevealed = unrevealed.saturating_add(is_assigned.into());
                ensure!(
                    providers.insert(job.provider),
                    "a provider has two replicas of a gang"
                );
            }
            ensure!(
                (gang.uncommitted, gang.unrevealed) == (uncommitted, unrevealed),
                "the counts of a gang are wrong"
            );
        }
        let replicas = Jobs::<T>::iter_values().filter(|job| job.replica.is_some());
        ensure!(replicas.count() == members, "a replica is in no gang");
        Ok(())
    }

    /// What is held as escrow on an account is the sum over its open jobs, auctions and leases.
    fn check_escrows() -> Check {
        let mut escrows = BTreeMap::<AccountId, Balance>::new();
        let jobs = Jobs::<T>::iter_values().map(|job| (job.requester, job.escrow));
        let auctions = Auctions::<T>::iter_values().map(|a| (a.requester, a.escrow));
        let leases =
            Leases::<T>::iter_values().map(|lease| (lease.requester.clone(), lease.escrow()));
        for (who, escrow) in jobs.chain(auctions).chain(leases) {
            let sum = escrows.entry(who).or_default();
            *sum = sum.saturating_add(escrow);
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

    /// A provider's exposure is the sum over its open jobs, bids and leases, and what is held for it covers it.
    fn check_exposures() -> Check {
        let mut exposures = BTreeMap::<AccountId, Balance>::new();
        let jobs = Jobs::<T>::iter_values().map(|job| (job.provider, job.exposure));
        let machines = Leases::<T>::iter_values().flat_map(|lease| lease.machines);
        let leases = machines.map(|machine| (machine.provider, machine.exposure));
        let bids = Auctions::<T>::iter_values().flat_map(|auction| {
            let most = auction.most();
            auction
                .bids
                .into_iter()
                .map(move |bid| (bid.provider, most))
        });
        for (who, exposure) in jobs.chain(leases).chain(bids) {
            let sum = exposures.entry(who).or_default();
            *sum = sum.saturating_add(exposure);
        }
        for (who, provider) in Providers::<T>::iter() {
            let expected = exposures.remove(&who).unwrap_or_default();
            ensure!(
                provider.exposure == expected,
                "exposure differs from the open jobs"
            );
            ensure!(
                provider.exposure <= provider.stake(),
                "exposure exceeds what is bonded and delegated"
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
                provider.most_at_once() <= MAX_ASSIGNED,
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

    /// The index lists just the offers that belong there, each on the page that its place names, and pages
    /// are full but for the last of a list.
    fn check_index() -> Check {
        let mut listed = 0usize;
        let mut ticks = BTreeMap::<Segment, TickMaps>::new();
        for (segment, key, page) in Pages::<T>::iter() {
            let first = Pages::<T>::get(segment, PageKey { page: 0, ..key });
            let before = key.page.saturating_mul(PAGE);
            let here = first.len.saturating_sub(before).min(PAGE);
            ensure!(
                here > 0 && page.providers.len() as u32 == here,
                "a page has a gap"
            );
            ensure!(key.page == 0 || page.len == 0, "a later page has a length");
            let place = Some(Place {
                tier: key.tier,
                page: key.page,
            });
            for who in &page.providers {
                let provider = Providers::<T>::get(who).ok_or("a stranger is listed")?;
                let offer = provider.offer(&segment.model).ok_or("no offer is listed")?;
                ensure!(
                    offer.tick == key.tick && offer.places.get(segment.place()) == Some(&place),
                    "an offer does not know its place"
                );
                let segments = provider.segments(segment.model);
                ensure!(
                    segments.contains(&Some(segment)),
                    "an offer is in a wrong segment"
                );
                listed = listed.saturating_add(1);
            }
            if let Some(map) = ticks.entry(segment).or_default().get_mut(key.tier as usize) {
                map.set(key.tick);
            }
        }
        let stored: BTreeMap<_, _> = Ticks::<T>::iter().collect();
        ensure!(stored == ticks, "the ticks in use are noted wrong");
        let mut placed = 0usize;
        for provider in Providers::<T>::iter_values() {
            for offer in &provider.offers {
                let segments = provider.segments(offer.model);
                for (segment, place) in segments.into_iter().zip(offer.places) {
                    let belongs = segment.is_some() && provider.is_listed(offer);
                    ensure!(
                        place.is_some() == belongs,
                        "an offer is listed that should not be, or is not"
                    );
                    placed = placed.saturating_add(place.is_some().into());
                }
            }
        }
        ensure!(placed == listed, "an offer is listed twice");
        Ok(())
    }

    /// The list of assigned jobs in a provider's record agrees with the jobs.
    fn check_assigned() -> Check {
        let mut listed = 0usize;
        for (who, provider) in Providers::<T>::iter() {
            let mut in_use = BTreeMap::<ModelId, u16>::new();
            let jobs: Vec<_> = Self::assigned_to(&who, &provider).collect();
            ensure!(
                jobs.len() == provider.assigned.len(),
                "an assigned job is unknown, another's, or attested"
            );
            listed = listed.saturating_add(jobs.len());
            for (_, job) in jobs.iter().filter(|(_, job)| job.lease.is_none()) {
                let used = in_use.entry(job.spec.model).or_default();
                *used = used.saturating_add(1);
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

    /// Every open job has a place in the queue where it is due, and all places are yet to be served.
    fn check_queue() -> Check {
        let (served, judged) = (Served::<T>::get(), Judged::<T>::get());
        let mut due = alloc::collections::BTreeSet::new();
        for (block, since, ids) in Queue::<T>::iter() {
            let from = if since == block { judged } else { served };
            ensure!(block >= from, "a place is where the queue has been served");
            ensure!(!ids.is_empty(), "an empty list is kept");
            due.extend(ids.into_iter().map(|id| (id, block)));
        }
        for (id, job) in Jobs::<T>::iter() {
            ensure!(
                due.contains(&(id, job.due)),
                "an open job is not in the queue where it is due"
            );
        }
        for (id, auction) in Auctions::<T>::iter() {
            let queued = due.contains(&(id, auction.due()));
            ensure!(queued, "an open auction is not in the queue");
        }
        for (id, lease) in Leases::<T>::iter() {
            let queued = due.contains(&(id, lease.due));
            ensure!(queued, "a lease is not in the queue");
        }
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
            ensure!(
                Shapes::<T>::get(id) == Some(model.manifest.shape),
                "a model's shape is not its manifest's"
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
