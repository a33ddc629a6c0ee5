//! The worker keys of this node, and whom each works for.

use crate::{
    chain::{Chain, ChainError},
    LOG_TARGET,
};
use kagari_primitives::{worker_key::WorkerId, AccountId, Hash};
use std::collections::BTreeMap;

/// What is known of the keys: changes are logged, so that an operator sees what a key is good for.
#[derive(Default)]
pub(super) struct Keys {
    providers: BTreeMap<WorkerId, Option<AccountId>>,
}

impl Keys {
    /// The keys in the keystore that a provider has named.
    pub fn in_use(&mut self, chain: &impl Chain, at: Hash) -> Result<Vec<WorkerId>, ChainError> {
        let mut providers = BTreeMap::new();
        for worker in chain.workers() {
            let provider = chain.provider(at, &worker)?;
            self.log_change(&worker, provider.as_ref());
            providers.insert(worker, provider);
        }
        self.providers = providers;
        let in_use = self
            .providers
            .iter()
            .filter(|(_, provider)| provider.is_some());
        Ok(in_use.map(|(worker, _)| worker.clone()).collect())
    }

    fn log_change(&self, worker: &WorkerId, provider: Option<&AccountId>) {
        let known = self.providers.get(worker);
        if known.is_some_and(|known| known.as_ref() == provider) {
            return;
        }
        match provider {
            Some(provider) => {
                log::info!(target: LOG_TARGET, "Worker key {worker} takes jobs of provider {provider}");
            }
            None => log::info!(
                target: LOG_TARGET,
                "Worker key {worker} takes no jobs: no provider has named it. Name it in \
                 computeMarket.registerProvider or computeMarket.setWorker.",
            ),
        }
    }
}
