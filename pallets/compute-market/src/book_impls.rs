//! Offers, and the books that list those with room.

use crate::{types::*, Book, Config, Error, Event, Models, OfferCount, Pallet, Providers};
use frame_support::{defensive, ensure, traits::Get};
use kagari_primitives::{AccountId, Balance, ModelId, ProviderStatus};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_set_offer(
        who: AccountId,
        model: ModelId,
        price: Balance,
        capacity: u16,
    ) -> DispatchResult {
        ensure!(price > 0, Error::<T>::PriceZero);
        ensure!(price <= T::MaxPrice::get(), Error::<T>::PriceTooHigh);
        ensure!(capacity > 0, Error::<T>::CapacityZero);
        ensure!(Models::<T>::contains_key(model), Error::<T>::UnknownModel);
        Self::try_change_provider(&who, |provider| {
            ensure!(
                provider.status == ProviderStatus::Active,
                Error::<T>::IsUnbonding
            );
            if !provider.offers(&model) {
                Self::count_offer(&model)?;
            }
            Self::relist(&who, provider, &model, |provider| {
                put_offer(provider, model, price, capacity).ok_or(Error::<T>::TooManyOffers)
            })?;
            ensure!(
                provider.places() <= MAX_ASSIGNED,
                Error::<T>::CapacityTooHigh
            );
            Ok(())
        })?;
        Self::deposit_event(Event::OfferSet {
            provider: who,
            model,
            price,
            capacity,
        });
        Ok(())
    }

    pub(crate) fn do_remove_offer(who: AccountId, model: ModelId) -> DispatchResult {
        Self::try_change_provider(&who, |provider| {
            ensure!(provider.offers(&model), Error::<T>::NoSuchOffer);
            Self::withdraw_offer(&who, provider, &model);
            Ok(())
        })?;
        Self::deposit_event(Event::OfferRemoved {
            provider: who,
            model,
        });
        Ok(())
    }

    /// Changes a provider's record; its books are the caller's business.
    pub(crate) fn try_change_provider<R>(
        who: &AccountId,
        change: impl FnOnce(&mut Provider) -> Result<R, DispatchError>,
    ) -> Result<R, DispatchError> {
        Providers::<T>::try_mutate(who, |record| {
            change(record.as_mut().ok_or(Error::<T>::NotProvider)?)
        })
    }

    /// Withdraws an offer that stands. One in use stays, without room, until its jobs are done.
    pub(crate) fn withdraw_offer(who: &AccountId, provider: &mut Provider, model: &ModelId) {
        Self::relist(who, provider, model, |provider| {
            if let Some(offer) = provider.offer_mut(model) {
                offer.capacity = 0;
            }
            provider.drop_idle_offers();
        });
        OfferCount::<T>::mutate_exists(model, |count| {
            *count = count.and_then(|n| n.checked_sub(1)).filter(|n| *n > 0);
        });
    }

    /// Counts one more offer for a model, if its book has a line left.
    fn count_offer(model: &ModelId) -> DispatchResult {
        OfferCount::<T>::try_mutate(model, |count| {
            ensure!(*count < MAX_LISTINGS, Error::<T>::BookFull);
            *count = count.saturating_add(1);
            Ok(())
        })
    }

    /// Makes `change` to a provider and takes its offer for `model` into the book or out of it, as it
    /// then has room or not.
    pub(crate) fn relist<R>(
        who: &AccountId,
        provider: &mut Provider,
        model: &ModelId,
        change: impl FnOnce(&mut Provider) -> R,
    ) -> R {
        let before = listing(who, provider, model);
        let result = change(provider);
        let after = listing(who, provider, model);
        if before != after {
            Self::move_listing(model, before, after);
        }
        result
    }

    fn move_listing(model: &ModelId, before: Option<Listing>, after: Option<Listing>) {
        Book::<T>::mutate_exists(model, |stored| {
            let mut book = stored.take().unwrap_or_default();
            if let Some(Ok(at)) = before.map(|listing| book.binary_search(&listing)) {
                book.remove(at);
            }
            if let Some(listing) = after {
                let at = book.binary_search(&listing).unwrap_or_else(|at| at);
                if book.try_insert(at, listing).is_err() {
                    defensive!("a book has a line for every offer that stands");
                }
            }
            *stored = (!book.is_empty()).then_some(book);
        })
    }
}

/// Makes or changes an offer; `None` if the provider has no room for one more.
fn put_offer(provider: &mut Provider, model: ModelId, price: Balance, capacity: u16) -> Option<()> {
    if let Some(offer) = provider.offer_mut(&model) {
        (offer.price, offer.capacity) = (price, capacity);
        return Some(());
    }
    let offer = Offer {
        model,
        price,
        capacity,
        in_use: 0,
    };
    provider.offers.try_push(offer).ok()
}

/// The line that a provider's offer for a model has in the book, if it has one.
pub(crate) fn listing(who: &AccountId, provider: &Provider, model: &ModelId) -> Option<Listing> {
    let offer = provider
        .offer(model)
        .filter(|_| provider.is_listed(model))?;
    Some(Listing {
        price: offer.price,
        provider: who.clone(),
    })
}
