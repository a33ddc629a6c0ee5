//! Calls of providers, on their bonds, keys, machines and offers; and models, which anyone registers.

use super::{signed, Driver, MarketCall, Transaction, ACCOUNTS, WORKERS};
use kagari_primitives::{
    known_models,
    worker_key::{ownership_message, WorkerId, WorkerPair, WorkerSignature},
    AccountId, Balance, Hardware, ProviderStatus, KGR,
};
use kagari_runtime::{configs::MinBond, ComputeMarket, Runtime};
use pallet_compute_market::Providers;
use sp_core::Pair;
use sp_runtime::Permill;

/// Accounts that are providers from the start.
const FIRST: usize = 6;

impl Driver {
    /// Has some accounts bond, and offer the models of genesis.
    pub fn begin(&mut self) {
        let first = ACCOUNTS.iter().zip(WORKERS.iter()).take(FIRST);
        for (price, (who, key)) in (1..).zip(first) {
            let register = MarketCall::register_provider {
                bond: 1_000 * KGR,
                worker: key.public(),
                proof: proof(key, who),
                hardware: Hardware::default(),
            };
            let offers = known_models::all();
            let offers = offers.iter().map(|model| MarketCall::set_offer {
                model: model.id(),
                price: price * KGR / 10,
                capacity: 4,
            });
            for call in [register].into_iter().chain(offers) {
                let good = self.chain.apply((Some(who.clone()), call.into()));
                assert!(good, "a rich account can bond and offer");
            }
        }
    }

    pub(super) fn registration(&mut self) -> Option<Transaction> {
        let who = self.account();
        let (worker, proof) = self.key_for(&who);
        let least = match self.one_in(16) {
            true => 0,
            false => MinBond::get(),
        };
        let call = MarketCall::register_provider {
            bond: least + self.amount(),
            worker,
            proof,
            hardware: self.machine(),
        };
        signed(who, call)
    }

    pub(super) fn worker(&mut self) -> Option<Transaction> {
        let who = self.provider()?;
        let (worker, proof) = self.key_for(&who);
        signed(who, MarketCall::set_worker { worker, proof })
    }

    /// A worker key, which another may have already, and its word that it works for `who`, or, at times, for another.
    fn key_for(&mut self, who: &AccountId) -> (WorkerId, WorkerSignature) {
        let key = &WORKERS[self.below(WORKERS.len() as u64) as usize];
        let of = self.mostly(who.clone());
        (key.public(), proof(key, &of))
    }

    pub(super) fn hardware(&mut self) -> Option<Transaction> {
        let (who, hardware) = (self.provider()?, self.machine());
        signed(who, MarketCall::set_hardware { hardware })
    }

    fn machine(&mut self) -> Hardware {
        let description = match self.one_in(16) {
            // No text.
            true => vec![0xff],
            false => b"a machine".to_vec(),
        };
        Hardware {
            description: description.try_into().unwrap_or_default(),
            class: self.class(),
            region: self.region(),
            ..Default::default()
        }
    }

    pub(super) fn more_bond(&mut self) -> Option<Transaction> {
        let (who, amount) = (self.provider()?, self.amount());
        signed(who, MarketCall::bond_extra { amount })
    }

    pub(super) fn unbonding(&mut self) -> Option<Transaction> {
        signed(self.provider()?, MarketCall::unbond {})
    }

    pub(super) fn bond_withdrawal(&mut self) -> Option<Transaction> {
        let any = self.one_in(8);
        let unbonding: Vec<_> = Providers::<Runtime>::iter()
            .filter(|(_, provider)| any || provider.status != ProviderStatus::Active)
            .map(|(who, _)| who)
            .collect();
        signed(self.one_of(&unbonding)?, MarketCall::withdraw_bond {})
    }

    pub(super) fn model_registration(&mut self) -> Option<Transaction> {
        let (number, small) = (self.below(8), self.below(64) as u32);
        let mut manifest = match number % 2 {
            0 => known_models::smollm2_135m_instruct(),
            _ => known_models::all_minilm_l6_v2(),
        };
        let name = format!("model-{number}").into_bytes();
        manifest.name = name.try_into().unwrap_or_default();
        // Of no width it is refused.
        manifest.shape.hidden = small;
        signed(self.account(), MarketCall::register_model { manifest })
    }

    pub(super) fn offer(&mut self) -> Option<Transaction> {
        let (who, model) = (self.provider()?, self.model());
        let price = match self.one_in(10) {
            true => self.amount(),
            false => Balance::from(1 + self.below(200)) * KGR / 100,
        };
        let capacity = self.below(9) as u16;
        let call = MarketCall::set_offer {
            model,
            price,
            capacity,
        };
        signed(who, call)
    }

    pub(super) fn offer_removal(&mut self) -> Option<Transaction> {
        let (who, model) = (self.provider()?, self.model());
        signed(who, MarketCall::remove_offer { model })
    }

    pub(super) fn relisting(&mut self) -> Option<Transaction> {
        let (who, provider) = (self.account(), self.provider()?);
        signed(who, MarketCall::relist_offers { provider })
    }

    pub(super) fn commission(&mut self) -> Option<Transaction> {
        let who = self.provider()?;
        let commission = Permill::from_percent(self.below(101) as u32);
        signed(who, MarketCall::set_commission { commission })
    }
}

/// A worker key's word that it works for an account.
fn proof(key: &WorkerPair, who: &AccountId) -> WorkerSignature {
    key.sign(&ownership_message(ComputeMarket::genesis_hash(), who))
}
