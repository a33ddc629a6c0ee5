//! Models, offers and providers as JSON.

use super::{
    json::{Address, Amount, Decimal},
    quote::work_units,
};
use kagari_primitives::{
    model::ModelFile, Architecture, BlockNumber, EraIndex, EraReward, JobId, Manifest, ModelId,
    ModelShape, OfferInfo, ProviderInfo, ProviderStatus, Tier, Work,
};
use serde::Serialize;
use sp_core::{ByteArray, Bytes};

/// A model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelView {
    /// Its id.
    pub model: ModelId,
    /// Its name.
    pub name: String,
    /// What it is asked for: `completion` or `embedding`.
    pub task: &'static str,
    /// Whether it takes conversations.
    pub chat: bool,
    /// Whether this node has its files, and so turns text into token ids.
    pub local: bool,
    /// Version of the kernel specification that its results follow; 0: none yet.
    pub kernel_version: u32,
    /// Its shape.
    pub shape: ModelShape,
    /// Its weights.
    pub weights: ModelFile,
}

impl ModelView {
    /// A model, of which this node has the files or not.
    pub fn new(model: ModelId, manifest: &Manifest, local: bool) -> Self {
        Self {
            model,
            name: manifest.name_text(),
            task: match manifest.shape.architecture {
                Architecture::Llama => "completion",
                Architecture::Bert => "embedding",
            },
            chat: manifest.chat_template.is_some(),
            local,
            kernel_version: manifest.kernel_version,
            shape: manifest.shape,
            weights: manifest.weights,
        }
    }
}

/// A standing offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferView {
    /// Who offers.
    pub provider: Address,
    /// The model.
    pub model: ModelId,
    /// Price per work unit.
    pub price: Amount,
    /// Jobs at once.
    pub capacity: u16,
    /// Jobs that are being worked on.
    pub in_use: u16,
}

impl From<OfferInfo> for OfferView {
    fn from(offer: OfferInfo) -> Self {
        let OfferInfo {
            provider,
            model,
            price,
            capacity,
            in_use,
        } = offer;
        Self {
            provider: Address(provider),
            model,
            price: Decimal(price),
            capacity,
            in_use,
        }
    }
}

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderView {
    /// Its account.
    pub provider: Address,
    /// The key that signs its attestations.
    pub worker: Bytes,
    /// Its own bond.
    pub bond: Amount,
    /// What others have delegated to it.
    pub delegated: Amount,
    /// The share of a reward that it keeps before it shares with its delegators, in parts of a million; null while
    /// nobody may delegate to it.
    pub commission: Option<u32>,
    /// What its open jobs and leases are worth; never above what is bonded and delegated.
    pub exposure: Amount,
    /// Whether it takes jobs.
    #[serde(flatten)]
    pub status: StatusView,
    /// Its machine.
    pub hardware: HardwareView,
    /// Its standing offers.
    pub offers: Vec<OfferView>,
    /// Jobs that it has yet to attest.
    pub assigned: Vec<JobId>,
    /// Jobs that it was paid for.
    pub settled: u32,
    /// Jobs that it did not do in time.
    pub failed: u32,
    /// What its reputation is worth.
    pub tier: Tier,
}

/// What a provider earned in an era.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EraRewardView {
    /// The era.
    pub era: EraIndex,
    /// What the era mints per work unit for all roles together, within each job's cap.
    pub rate: Amount,
    /// Work of the provider's settled jobs, in multiply-accumulates.
    pub work: Decimal<Work>,
    /// The same in work units.
    pub work_units: String,
    /// What the payments for them burned.
    pub burned: Amount,
    /// Most that all roles together can be given for them.
    pub cap: Amount,
    /// What the provider is given of each KGR.
    pub provider_share: Amount,
    /// What was minted for the provider.
    pub reward: Amount,
}

impl From<EraReward> for EraRewardView {
    fn from(reward: EraReward) -> Self {
        Self {
            era: reward.era,
            rate: Decimal(reward.rate),
            work: Decimal(reward.work),
            work_units: work_units(reward.work),
            burned: Decimal(reward.burned),
            cap: Decimal(reward.cap),
            provider_share: Decimal(reward.provider_share),
            reward: Decimal(reward.reward),
        }
    }
}

/// Whether a provider takes jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(
    tag = "status",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum StatusView {
    /// Its offers stand.
    Active,
    /// Its offers are withdrawn.
    Unbonding {
        /// Block from which on the bond can be taken back.
        until: BlockNumber,
    },
}

/// A machine in its provider's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HardwareView {
    /// Processor and accelerators.
    pub description: String,
    /// Processor cores.
    pub cores: u16,
    /// Memory in MiB.
    pub memory: u32,
}

impl From<ProviderInfo> for ProviderView {
    fn from(info: ProviderInfo) -> Self {
        Self {
            provider: Address(info.provider),
            worker: Bytes(info.worker.to_raw_vec()),
            bond: Decimal(info.bond),
            delegated: Decimal(info.delegated),
            commission: info.commission,
            exposure: Decimal(info.exposure),
            status: match info.status {
                ProviderStatus::Active => StatusView::Active,
                ProviderStatus::Unbonding(until) => StatusView::Unbonding { until },
            },
            hardware: HardwareView {
                description: String::from_utf8_lossy(&info.hardware.description).into_owned(),
                cores: info.hardware.cores,
                memory: info.hardware.memory,
            },
            offers: info.offers.into_iter().map(OfferView::from).collect(),
            assigned: info.assigned,
            settled: info.settled,
            failed: info.failed,
            tier: info.tier,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kagari_primitives::{known_models, AccountId, Hardware};
    use kagari_primitives::{HardwareClass, Region};
    use serde_json::{json, to_value};
    use sp_core::crypto::UncheckedFrom;

    fn provider(status: ProviderStatus) -> ProviderInfo {
        let account = AccountId::new([2; 32]);
        let offer = OfferInfo {
            provider: account.clone(),
            model: ModelId::repeat_byte(5),
            price: 1_000_000_000_000_000_000,
            capacity: 2,
            in_use: 1,
        };
        let description = b"8 cores".to_vec().try_into().unwrap_or_default();
        ProviderInfo {
            provider: account,
            worker: sp_core::sr25519::Public::unchecked_from([7; 32]).into(),
            bond: 10,
            delegated: 5,
            commission: Some(250_000),
            exposure: 4,
            status,
            hardware: Hardware {
                description,
                cores: 8,
                memory: 16_384,
                class: HardwareClass::Exact,
                region: Some(Region::LatinAmerica),
            },
            offers: vec![offer],
            assigned: vec![JobId::repeat_byte(1)],
            settled: 3,
            failed: 1,
            tier: Tier::Proven,
        }
    }

    #[test]
    fn a_provider_in_full() {
        let account = "5C7LYpP2ZH3tpKbvVvwiVe54AapxErdPBbvkYhe6y9ZBkqWt";
        let expected = json!({
            "provider": account,
            "worker": format!("0x{}", "07".repeat(32)),
            "bond": "10",
            "delegated": "5",
            "commission": 250000,
            "exposure": "4",
            "status": "active",
            "hardware": { "description": "8 cores", "cores": 8, "memory": 16384 },
            "offers": [{
                "provider": account,
                "model": format!("0x{}", "05".repeat(32)),
                "price": "1000000000000000000",
                "capacity": 2,
                "inUse": 1,
            }],
            "assigned": [format!("0x{}", "01".repeat(32))],
            "settled": 3,
            "failed": 1,
            "tier": "proven",
        });
        let view = ProviderView::from(provider(ProviderStatus::Active));
        assert_eq!(to_value(view).ok(), Some(expected));
    }

    #[test]
    fn a_provider_that_unbonds_says_until_when() {
        let view = ProviderView::from(provider(ProviderStatus::Unbonding(99)));
        let json = to_value(view).unwrap_or_default();
        assert_eq!(
            (&json["status"], &json["until"]),
            (&json!("unbonding"), &json!(99))
        );
    }

    #[test]
    fn models_say_what_they_are_for() {
        let view = |manifest: Manifest| ModelView::new(manifest.id(), &manifest, true);
        let chat = view(known_models::smollm2_135m_instruct());
        assert_eq!((chat.task, chat.chat), ("completion", true));
        let embedding = view(known_models::all_minilm_l6_v2());
        assert_eq!((embedding.task, embedding.chat), ("embedding", false));
    }
}
