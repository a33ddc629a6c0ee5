//! The calls that the tests send, encoded.

use super::chain::Chain;
use codec::{Compact, Encode, Output};
use kagari_primitives::{
    worker_key::{WorkerId, WorkerSignature},
    AccountId, Attestation, Balance, Hardware, JobSpec, Manifest, ModelId, Word,
};

/// A call, encoded: the indices of pallet and call, then its arguments.
#[derive(Clone, Debug)]
pub struct Call(pub Vec<u8>);

/// Inside another call, a call stands as it is.
impl Encode for Call {
    fn encode_to<T: Output + ?Sized>(&self, dest: &mut T) {
        dest.write(&self.0);
    }
}

/// An account as a target of a call.
pub type Address = sp_runtime::MultiAddress<AccountId, ()>;

impl Chain {
    /// A call of this name; `args` are all its arguments in order.
    pub fn call(&self, pallet: &str, name: &str, args: impl Encode) -> Call {
        let pallet = self
            .metadata()
            .pallet_by_name(pallet)
            .expect("the pallet is there");
        let variant = pallet
            .call_variant_by_name(name)
            .expect("the call is there");
        let mut bytes = vec![pallet.call_index(), variant.index];
        args.encode_to(&mut bytes);
        Call(bytes)
    }

    fn market(&self, name: &str, args: impl Encode) -> Call {
        self.call("ComputeMarket", name, args)
    }

    /// Sends a job.
    pub fn submit_job(&self, spec: &JobSpec, input: &[Word]) -> Call {
        self.market("submit_job", (spec, input))
    }

    /// Bonds a provider.
    pub fn register_provider(
        &self,
        bond: Balance,
        worker: &WorkerId,
        proof: &WorkerSignature,
    ) -> Call {
        let description = b"a machine under test"
            .to_vec()
            .try_into()
            .expect("it is short");
        let hardware = Hardware {
            description,
            cores: 2,
            memory: 1_024,
            ..Default::default()
        };
        self.market(
            "register_provider",
            (Compact(bond), worker, proof, hardware),
        )
    }

    /// Makes an offer.
    pub fn set_offer(&self, model: ModelId, price: Balance, capacity: u16) -> Call {
        self.market("set_offer", (model, Compact(price), capacity))
    }

    /// Withdraws an offer.
    pub fn remove_offer(&self, model: ModelId) -> Call {
        self.market("remove_offer", model)
    }

    /// Starts unbonding.
    pub fn unbond(&self) -> Call {
        self.market("unbond", ())
    }

    /// Takes the bond back.
    pub fn withdraw_bond(&self) -> Call {
        self.market("withdraw_bond", ())
    }

    /// Registers a model.
    pub fn register_model(&self, manifest: &Manifest) -> Call {
        self.market("register_model", manifest)
    }

    /// Attests, as a call.
    pub fn attest(
        &self,
        attestation: &Attestation,
        signature: &WorkerSignature,
        output: &[Word],
    ) -> Call {
        self.call(
            "ProofOfWorkDone",
            "attest",
            (attestation, signature, output),
        )
    }

    /// Gives tokens.
    pub fn transfer(&self, to: &AccountId, amount: Balance) -> Call {
        let to = Address::Id(to.clone());
        self.call("Balances", "transfer_allow_death", (to, Compact(amount)))
    }

    /// A remark, which does nothing.
    pub fn remark(&self, bytes: &[u8]) -> Call {
        self.call("System", "remark", bytes)
    }

    /// Several calls in one; the first that fails undoes all.
    pub fn batch_all(&self, calls: &[Call]) -> Call {
        self.call("Utility", "batch_all", calls)
    }

    /// Several calls in one; goes on after one that fails.
    pub fn force_batch(&self, calls: &[Call]) -> Call {
        self.call("Utility", "force_batch", calls)
    }
}
