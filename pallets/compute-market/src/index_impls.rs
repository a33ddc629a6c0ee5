//! The index of the offers that have room now: for each model and tier the ticks in use, and for each of
//! these the providers, on pages. A match reads a few of them, however many there are.

use crate::{
    ticks::{Tick, TickMap},
    types::*,
    Config, Error, Pages, Pallet, Providers, Ticks, WeightInfo,
};
use alloc::vec::Vec;
use core::marker::PhantomData;
use frame_support::{defensive, traits::Defensive, weights::Weight};
use kagari_primitives::{AccountId, Balance, ProviderStatus, Tier};
use sp_runtime::{traits::BlockNumberProvider, DispatchError};

/// Whether a change of a provider's record moves its offers to its present tier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retier {
    /// It does.
    Now,
    /// Offers stay where they are listed; what a job's life does most often costs no more than it must.
    Later,
}

/// Where an offer stands in the index.
#[derive(Clone, Copy)]
struct Listing {
    segment: Segment,
    tick: Tick,
    at: Place,
}

impl<T: Config> Pallet<T> {
    /// Changes a provider's record, and takes its offers into the index or out of it as they then belong there
    /// or not.
    pub(crate) fn try_change_provider<R>(
        who: &AccountId,
        change: impl FnOnce(&mut Provider) -> Result<R, DispatchError>,
    ) -> Result<R, DispatchError> {
        Self::change_provider(who, Retier::Now, change).map(|(result, _)| result)
    }

    /// The same, and says how many places of the index were taken or left.
    pub(crate) fn change_provider<R>(
        who: &AccountId,
        retier: Retier,
        change: impl FnOnce(&mut Provider) -> Result<R, DispatchError>,
    ) -> Result<(R, Relisted), DispatchError> {
        let now = T::BlockNumberProvider::current_block_number();
        Providers::<T>::try_mutate(who, |record| {
            let provider = record.as_mut().ok_or(Error::<T>::NotProvider)?;
            let before = listings(provider);
            let result = change(provider)?;
            let tier = provider.reputation.tier(now);
            let mut relisted = Relisted::default();
            for listing in before {
                let same_tier = retier == Retier::Later || listing.at.tier == tier;
                if same_tier && belongs(provider, &listing) {
                    continue;
                }
                Self::remove_from_page(&listing, who);
                relisted.left = relisted.left.saturating_add(1);
                set_place(provider, &listing.segment, None);
            }
            relisted.came = Self::list_all(who, provider, tier);
            Ok((result, relisted))
        })
    }

    /// Takes all offers into the index that belong there and are not in it, and says at how many places.
    fn list_all(who: &AccountId, provider: &mut Provider, tier: Tier) -> u32 {
        let mut missing = Vec::new();
        for offer in provider.offers.iter().filter(|o| provider.is_listed(o)) {
            let segments = provider.segments(offer.model);
            let without = segments.into_iter().zip(offer.places);
            let without =
                without.filter_map(|(segment, place)| segment.filter(|_| place.is_none()));
            missing.extend(without.map(|segment| (segment, offer.tick)));
        }
        for (segment, tick) in &missing {
            let place = Self::add_to_page(segment, *tick, tier, who);
            set_place(provider, segment, place);
        }
        missing.len() as u32
    }

    /// Puts a provider after the others of a tier at a price.
    fn add_to_page(segment: &Segment, tick: Tick, tier: Tier, who: &AccountId) -> Option<Place> {
        let first = PageKey {
            tick,
            tier,
            page: 0,
        };
        let len = Pages::<T>::mutate(segment, first, |page| {
            let len = page.len;
            page.len = len.saturating_add(1);
            len
        });
        if len == 0 {
            Self::change_ticks(segment, tier, |map| map.set(tick));
        }
        let page = len / PAGE;
        let added = Pages::<T>::mutate(segment, PageKey { page, ..first }, |page| {
            page.providers.try_push(who.clone())
        });
        if added.is_err() {
            defensive!("the last page has room, or is a new one");
            return None;
        }
        Some(Place { tier, page })
    }

    /// Takes a provider away; the last one takes its place, so that pages stay full.
    fn remove_from_page(listing: &Listing, who: &AccountId) {
        let Listing { segment, tick, at } = *listing;
        let Place { tier, page } = at;
        let key = |page| PageKey { tick, tier, page };
        let last = Pages::<T>::mutate(segment, key(0), |first| {
            first.len = first.len.saturating_sub(1);
            first.len
        });
        let moved = Pages::<T>::mutate_exists(segment, key(last / PAGE), |stored| {
            let end = stored.as_mut()?;
            let moved = end.providers.pop();
            if end.providers.is_empty() {
                *stored = None;
            }
            moved
        });
        if last == 0 {
            Self::change_ticks(&segment, tier, |map| map.clear(tick));
        }
        let Some(moved) = moved.filter(|moved| moved != who) else {
            return;
        };
        Pages::<T>::mutate(segment, key(page), |page| {
            let slot = page.providers.iter_mut().find(|p| *p == who);
            let slot = slot.defensive_proof("an offer is on the page that its place names");
            slot.into_iter().for_each(|slot| *slot = moved.clone());
        });
        if page == last / PAGE {
            return;
        }
        Providers::<T>::mutate(&moved, |provider| {
            if let Some(provider) = provider {
                set_place(provider, &segment, Some(at));
            }
        });
    }

    fn change_ticks(segment: &Segment, tier: Tier, change: impl FnOnce(&mut TickMap)) {
        Ticks::<T>::mutate_exists(segment, |stored| {
            let mut maps = stored.take().unwrap_or_default();
            if let Some(map) = maps.get_mut(tier as usize) {
                change(map);
            }
            *stored = maps.iter().any(|map| !map.is_empty()).then_some(maps);
        });
    }

    /// Whether a provider can take a job of so much value that wants this tier.
    pub(crate) fn can_take(provider: &Provider, value: Balance, min_tier: Tier) -> bool {
        let now = T::BlockNumberProvider::current_block_number();
        provider.status == ProviderStatus::Active
            && provider.headroom() >= value
            && (min_tier == Tier::New || provider.reputation.tier(now) >= min_tier)
    }

    /// The offers in a segment of providers of `min_tier` at least, from the cheapest on; those at one price in an
    /// order by `chance`.
    pub(crate) fn standing(segment: Segment, min_tier: Tier, chance: u64) -> Standing<T> {
        let tiers = Tier::ALL
            .into_iter()
            .zip(Ticks::<T>::get(segment).unwrap_or_default());
        let tiers: Vec<_> = tiers.filter(|(tier, _)| *tier >= min_tier).collect();
        let ticks = tiers
            .iter()
            .fold(TickMap::default(), |all, (_, map)| all.or(map));
        Standing {
            segment,
            tiers,
            ticks,
            chance,
            here: None,
            turned: 0,
            _config: PhantomData,
        }
    }
}

/// How many places of the index were taken, or left.
#[derive(Clone, Copy, Default)]
#[must_use]
pub(crate) struct Relisted {
    came: u32,
    left: u32,
}

impl Relisted {
    /// What that weighs.
    pub fn weight<T: Config>(self) -> Weight {
        // A measured line is not zero at nothing.
        let of = |count: u32, weight: fn(u32) -> Weight| match count {
            0 => Weight::zero(),
            _ => weight(count),
        };
        of(self.came, T::WeightInfo::list_offers)
            .saturating_add(of(self.left, T::WeightInfo::delist_offers))
    }
}

/// All places in the index that a provider's offers have.
fn listings(provider: &Provider) -> Vec<Listing> {
    let places = provider.offers.iter().flat_map(|offer| {
        let segments = provider.segments(offer.model).into_iter();
        segments
            .zip(offer.places)
            .map(|(segment, place)| (segment, place, offer.tick))
    });
    let listing = |(segment, place, tick): (Option<Segment>, Option<Place>, Tick)| {
        let (segment, at) = (segment?, place?);
        Some(Listing { segment, tick, at })
    };
    places.filter_map(listing).collect()
}

/// Whether an offer still belongs where it stands.
fn belongs(provider: &Provider, listing: &Listing) -> bool {
    let Listing { segment, tick, .. } = listing;
    let stands = |offer: &Offer| offer.tick == *tick && provider.is_listed(offer);
    provider.offer(&segment.model).is_some_and(stands)
        && provider.segments(segment.model).contains(&Some(*segment))
}

/// Notes where the offer that is in a segment stands there.
fn set_place(provider: &mut Provider, segment: &Segment, place: Option<Place>) {
    let offer = provider.offer_mut(&segment.model);
    let slot = offer.and_then(|offer| offer.places.get_mut(segment.place()));
    slot.into_iter().for_each(|slot| *slot = place);
}

/// Goes through the offers in a segment, and reads no more of the index than it gives.
pub(crate) struct Standing<T> {
    segment: Segment,
    tiers: Vec<(Tier, TickMap)>,
    /// The prices that are still to come.
    ticks: TickMap,
    chance: u64,
    here: Option<AtOnePrice>,
    /// Pages that were read besides the first one at each price.
    pub turned: u32,
    _config: PhantomData<T>,
}

/// The offers at one price: how many there are in each tier, and how many of them were given.
struct AtOnePrice {
    tick: Tick,
    lists: Vec<(Tier, u32)>,
    given: u32,
}

impl AtOnePrice {
    fn len(&self) -> u32 {
        self.lists
            .iter()
            .fold(0, |sum, (_, len)| sum.saturating_add(*len))
    }

    /// The page and the place on it of number `index` over all lists.
    fn place(&self, index: u32) -> Option<(PageKey, usize)> {
        let mut index = index;
        for (tier, len) in &self.lists {
            if index < *len {
                let (page, slot) = (index / PAGE, index % PAGE);
                let (tick, tier) = (self.tick, *tier);
                return Some((PageKey { tick, tier, page }, slot as usize));
            }
            index = index.saturating_sub(*len);
        }
        None
    }
}

impl<T: Config> Standing<T> {
    fn next_price(&mut self) -> Option<AtOnePrice> {
        let tick = self.ticks.take_lowest()?;
        let tiers = self.tiers.iter().filter(|(_, map)| map.has(tick));
        let lists = tiers.map(|(tier, _)| {
            let first = PageKey {
                tick,
                tier: *tier,
                page: 0,
            };
            (*tier, Pages::<T>::get(self.segment, first).len)
        });
        Some(AtOnePrice {
            tick,
            lists: lists.collect(),
            given: 0,
        })
    }
}

impl<T: Config> Iterator for Standing<T> {
    type Item = (Balance, AccountId);

    fn next(&mut self) -> Option<Self::Item> {
        let mut here = match self.here.take().filter(|here| here.given < here.len()) {
            Some(here) => here,
            None => self.next_price()?,
        };
        let start = self
            .chance
            .checked_rem(here.len().into())
            .unwrap_or_default();
        let index = u64::from(here.given)
            .saturating_add(start)
            .checked_rem(here.len().into())?;
        let (key, slot) = here.place(index as u32)?;
        self.turned = self.turned.saturating_add((key.page > 0).into());
        let who = Pages::<T>::get(self.segment, key)
            .providers
            .get(slot)
            .cloned()?;
        here.given = here.given.saturating_add(1);
        let price = here.tick.price();
        self.here = Some(here);
        Some((price, who))
    }
}
