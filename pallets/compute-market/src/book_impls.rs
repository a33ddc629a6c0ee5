//! Offers, and the books that list those with room.

use crate::{types::*, Book, Config, Error, Event, Models, Pallet, Providers};
use frame_support::{ensure, traits::Get};
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
            Self::relist(&who, provider, &model, |provider| {
                match provider.offer_mut(&model) {
                    Some(offer) => {
                        *offer = Offer {
                            model,
                            price,
                            capacity,
                            in_use: offer.in_use,
                        };
                        Ok(())
                    }
                    None => provider
                        .offers
                        .try_push(Offer {
                            model,
                            price,
                            capacity,
                            in_use: 0,
                        })
                        .map_err(|_| Error::<T>::TooManyOffers.into()),
                }
            })
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
            let stands = provider.offer(&model).is_some_and(|o| !o.is_withdrawn());
            ensure!(stands, Error::<T>::NoSuchOffer);
            Self::relist(&who, provider, &model, |provider| {
                provider.withdraw_offers(|o| o.model == model);
                Ok(())
            })
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

    /// Makes `change` to a provider and takes its offer for `model` into the book or out of it, as it
    /// then has room or not.
    pub(crate) fn relist(
        who: &AccountId,
        provider: &mut Provider,
        model: &ModelId,
        change: impl FnOnce(&mut Provider) -> DispatchResult,
    ) -> DispatchResult {
        let before = listing(who, provider, model);
        change(provider)?;
        Self::move_listing(model, before, listing(who, provider, model))
    }

    /// Like [`Self::relist`] for a change that can make room, or take it, in all offers at once.
    pub(crate) fn relist_all(
        who: &AccountId,
        provider: &mut Provider,
        change: impl FnOnce(&mut Provider) -> DispatchResult,
    ) -> DispatchResult {
        let models = provider.offers.iter().map(|o| o.model);
        let before: alloc::vec::Vec<_> = models.map(|m| (m, listing(who, provider, &m))).collect();
        change(provider)?;
        for (model, before) in before {
            Self::move_listing(&model, before, listing(who, provider, &model))?;
        }
        Ok(())
    }

    fn move_listing(
        model: &ModelId,
        before: Option<Listing>,
        after: Option<Listing>,
    ) -> DispatchResult {
        if before == after {
            return Ok(());
        }
        Book::<T>::try_mutate_exists(model, |stored| {
            let mut book = stored.take().unwrap_or_default();
            if let Some(Ok(at)) = before.map(|listing| book.binary_search(&listing)) {
                book.remove(at);
            }
            if let Some(listing) = after {
                let at = book.binary_search(&listing).unwrap_or_else(|at| at);
                book.try_insert(at, listing)
                    .map_err(|_| Error::<T>::BookFull)?;
            }
            *stored = (!book.is_empty()).then_some(book);
            Ok(())
        })
    }
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
