//! Events as the tests read them.

use codec::Decode;
use kagari_primitives::{AccountId, Balance, EraIndex, JobId, Work};
use subxt::{
    config::substrate::SubstrateConfig, events::Phase, ext::scale_value::Composite, Metadata,
};

/// One event of a block.
#[derive(Clone)]
pub struct Event {
    /// The pallet.
    pub pallet: String,
    /// The event.
    pub name: String,
    /// Index of the extrinsic that it came from; `None` for what happens as blocks pass.
    pub extrinsic: Option<u32>,
    /// Its fields, encoded.
    pub fields: Vec<u8>,
    text: String,
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} {}", self.pallet, self.name, self.text)
    }
}

impl Event {
    /// Takes over what subxt decoded.
    pub fn new(event: &subxt::events::Event<'_, SubstrateConfig>) -> Self {
        let fields = event.decode_fields_unchecked_as::<Composite<()>>();
        Self {
            pallet: event.pallet_name().into(),
            name: event.event_name().into(),
            extrinsic: match event.phase() {
                Phase::ApplyExtrinsic(index) => Some(index),
                _ => None,
            },
            fields: event.field_bytes().to_vec(),
            text: fields.map(|f| format!("{f:?}")).unwrap_or_default(),
        }
    }

    /// Whether it is this event.
    pub fn is(&self, pallet: &str, name: &str) -> bool {
        self.pallet == pallet && self.name == name
    }

    /// Whether it is this event of the market, about this job.
    pub fn is_of_job(&self, name: &str, job: JobId) -> bool {
        self.is("ComputeMarket", name) && self.fields.starts_with(job.as_bytes())
    }

    /// Its first fields.
    pub fn decode<T: Decode>(&self) -> T {
        T::decode(&mut &*self.fields).unwrap_or_else(|e| panic!("{self:?}: {e}"))
    }

    /// The name of the error that stands in its first field: `Pallet::Error` for one of a pallet.
    pub fn dispatch_error(&self, metadata: &Metadata) -> String {
        error_name(&self.fields, metadata)
    }
}

/// The name of an encoded dispatch error.
pub fn error_name(encoded: &[u8], metadata: &Metadata) -> String {
    /// Place of `DispatchError::Module` among the variants.
    const MODULE: u8 = 3;
    let [kind, pallet, error, ..] = *encoded else {
        panic!("no dispatch error: {encoded:?}")
    };
    if kind != MODULE {
        return format!("{:?}", sp_runtime::DispatchError::decode(&mut &*encoded));
    }
    let pallet = metadata
        .pallet_by_error_index(pallet)
        .expect("the metadata names all pallets");
    let variant = pallet
        .error_variant_by_index(error)
        .expect("the metadata names all errors");
    assert!(
        !variant.docs.is_empty(),
        "{}::{} has no explanation",
        pallet.name(),
        variant.name
    );
    format!("{}::{}", pallet.name(), variant.name)
}

/// The event `JobSettled`.
#[derive(Debug, Decode)]
pub struct JobSettled {
    /// The job.
    pub job: JobId,
    /// Who did it.
    pub provider: AccountId,
    /// Who paid.
    pub requester: AccountId,
    /// The work in multiply-accumulates.
    pub work: Work,
    /// Paid by the requester in all.
    pub paid: Balance,
    /// The part of it that was burned.
    pub burned: Balance,
    /// The rest of the escrow, given back.
    pub refunded: Balance,
    /// Era of the reward.
    pub era: EraIndex,
    /// Minted for the provider.
    pub reward: Balance,
}
