//! What of a provider's record is to be the same after its jobs as before them. The tests of the whole runtime build
//! this file into themselves.

use super::types::{Offers, Provider};

/// A provider without its counters, without its bond, which penalties are taken from, and without its places in the
/// index: a reputation moves offers among the tiers.
pub fn lasting(provider: Provider) -> Provider {
    Provider {
        bond: 0,
        settled: 0,
        failed: 0,
        era_work: Default::default(),
        reputation: Default::default(),
        free_decline: 0,
        offers: without_places(provider.offers.clone()),
        ..provider
    }
}

fn without_places(mut offers: Offers) -> Offers {
    offers.iter_mut().for_each(|offer| offer.places = [None; 2]);
    offers
}
