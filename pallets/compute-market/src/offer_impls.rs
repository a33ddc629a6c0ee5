//! Standing offers: made, changed and withdrawn.

use crate::{ticks::Tick, types::*, Config, Error, Event, Models, Pallet};
use frame_support::{ensure, traits::Get};
use kagari_primitives::{AccountId, Balance, ModelId, ProviderStatus};
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_set_offer(
        who: AccountId,
        model: ModelId,
        price: Balance,
        capacity: u16,
    ) -> DispatchResult {
        ensure!(price > 0, Error::<T>::PriceZero);
        ensure!(price <= T::MaxPrice::get(), Error::<T>::PriceTooHigh);
        let tick = Tick::at_least(price).ok_or(Error::<T>::PriceTooHigh)?;
        ensure!(capacity > 0, Error::<T>::CapacityZero);
        ensure!(Models::<T>::contains_key(model), Error::<T>::UnknownModel);
        Self::try_change_provider(&who, |provider| {
            ensure!(
                provider.status == ProviderStatus::Active,
                Error::<T>::IsUnbonding
            );
            ensure!(provider.bond >= T::MinBond::get(), Error::<T>::BondTooSmall);
            put_offer(provider, model, tick, capacity).ok_or(Error::<T>::TooManyOffers)?;
            ensure!(
                provider.most_at_once() <= MAX_ASSIGNED,
                Error::<T>::CapacityTooHigh
            );
            Ok(())
        })?;
        Self::deposit_event(Event::OfferSet {
            provider: who,
            model,
            price: tick.price(),
            capacity,
        });
        Ok(())
    }

    pub(crate) fn do_remove_offer(who: AccountId, model: ModelId) -> DispatchResult {
        Self::try_change_provider(&who, |provider| {
            ensure!(provider.offers(&model), Error::<T>::NoSuchOffer);
            provider.withdraw_offer(&model);
            Ok(())
        })?;
        Self::deposit_event(Event::OfferRemoved {
            provider: who,
            model,
        });
        Ok(())
    }
}

/// Makes or changes an offer; `None` if the provider has no room for one more.
fn put_offer(provider: &mut Provider, model: ModelId, tick: Tick, capacity: u16) -> Option<()> {
    if let Some(offer) = provider.offer_mut(&model) {
        (offer.tick, offer.capacity) = (tick, capacity);
        return Some(());
    }
    let offer = Offer {
        model,
        tick,
        capacity,
        in_use: 0,
        leased: 0,
        places: [None; 2],
    };
    provider.offers.try_push(offer).ok()
}
