//! The chain's calls, as the command makes them. They are encoded by the names and types in the
//! node's metadata, so a runtime that has moved on refuses them instead of misreading them.

use kagari_primitives::{
    Hardware, HardwareClass, JobId, JobSpec, ModelId, Region, Sampling, Task, Tier, Word,
};
use subxt::{
    dynamic,
    ext::scale_encode::{EncodeAsFields, EncodeAsType},
    transactions::DynamicPayload,
};

const MARKET: &str = "ComputeMarket";

/// [`JobSpec`], for the encoder.
#[derive(Clone, Debug, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
struct SpecArgument {
    model: [u8; 32],
    task: TaskArgument,
    max_price: u128,
    deadline: u32,
    min_tier: TierArgument,
    class: ClassArgument,
    region: Option<RegionArgument>,
    replicas: u8,
}

/// [`Tier`], for the encoder.
#[derive(Clone, Debug, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
enum TierArgument {
    New,
    Proven,
    Established,
    Outstanding,
}

/// [`HardwareClass`], for the encoder.
#[derive(Clone, Debug, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
enum ClassArgument {
    Exact,
    Approximate,
}

/// [`Region`], for the encoder.
#[derive(Clone, Debug, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
enum RegionArgument {
    Africa,
    Asia,
    Europe,
    LatinAmerica,
    NorthernAmerica,
    Oceania,
}

/// [`Task`], for the encoder.
#[derive(Clone, Debug, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
enum TaskArgument {
    Completion {
        max_new_tokens: u32,
        sampling: SamplingArgument,
    },
    Embedding,
}

/// [`Sampling`], for the encoder.
#[derive(Clone, Debug, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
struct SamplingArgument {
    temperature: u32,
    top_p: u32,
    seed: u64,
}

/// [`Hardware`], for the encoder.
#[derive(Clone, Debug, EncodeAsType)]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
struct HardwareArgument {
    description: Vec<u8>,
    cores: u16,
    memory: u32,
    class: ClassArgument,
    region: Option<RegionArgument>,
}

impl From<&JobSpec> for SpecArgument {
    fn from(spec: &JobSpec) -> Self {
        Self {
            model: spec.model.0,
            task: spec.task.into(),
            max_price: spec.max_price,
            deadline: spec.deadline,
            min_tier: spec.min_tier.into(),
            class: spec.class.into(),
            region: spec.region.map(RegionArgument::from),
            replicas: spec.replicas,
        }
    }
}

impl From<HardwareClass> for ClassArgument {
    fn from(class: HardwareClass) -> Self {
        match class {
            HardwareClass::Exact => Self::Exact,
            HardwareClass::Approximate => Self::Approximate,
        }
    }
}

impl From<Region> for RegionArgument {
    fn from(region: Region) -> Self {
        match region {
            Region::Africa => Self::Africa,
            Region::Asia => Self::Asia,
            Region::Europe => Self::Europe,
            Region::LatinAmerica => Self::LatinAmerica,
            Region::NorthernAmerica => Self::NorthernAmerica,
            Region::Oceania => Self::Oceania,
        }
    }
}

impl From<Tier> for TierArgument {
    fn from(tier: Tier) -> Self {
        match tier {
            Tier::New => Self::New,
            Tier::Proven => Self::Proven,
            Tier::Established => Self::Established,
            Tier::Outstanding => Self::Outstanding,
        }
    }
}

impl From<Task> for TaskArgument {
    fn from(task: Task) -> Self {
        match task {
            Task::Completion {
                max_new_tokens,
                sampling,
            } => Self::Completion {
                max_new_tokens,
                sampling: sampling.into(),
            },
            Task::Embedding => Self::Embedding,
        }
    }
}

impl From<Sampling> for SamplingArgument {
    fn from(sampling: Sampling) -> Self {
        let Sampling {
            temperature,
            top_p,
            seed,
        } = sampling;
        Self {
            temperature,
            top_p,
            seed,
        }
    }
}

impl From<&Hardware> for HardwareArgument {
    fn from(hardware: &Hardware) -> Self {
        Self {
            description: hardware.description.to_vec(),
            cores: hardware.cores,
            memory: hardware.memory,
            class: hardware.class.into(),
            region: hardware.region.map(RegionArgument::from),
        }
    }
}

fn market<Arguments: EncodeAsFields>(
    call: &str,
    arguments: Arguments,
) -> DynamicPayload<Arguments> {
    dynamic::tx(MARKET, call, arguments)
}

/// `submit_job`: the input stands last, where the chain looks for a payload.
pub fn submit_job(spec: &JobSpec, input: Vec<Word>) -> DynamicPayload<impl EncodeAsFields> {
    market("submit_job", (SpecArgument::from(spec), input))
}

/// `register_provider`.
pub fn register_provider(
    bond: u128,
    worker: [u8; 32],
    proof: [u8; 64],
    hardware: &Hardware,
) -> DynamicPayload<impl EncodeAsFields> {
    market(
        "register_provider",
        (bond, worker, proof, HardwareArgument::from(hardware)),
    )
}

/// `set_offer`.
pub fn set_offer(
    model: ModelId,
    price: u128,
    capacity: u16,
) -> DynamicPayload<impl EncodeAsFields> {
    market("set_offer", (model.0, price, capacity))
}

/// `remove_offer`.
pub fn remove_offer(model: ModelId) -> DynamicPayload<impl EncodeAsFields> {
    market("remove_offer", (model.0,))
}

/// `decline_job`.
pub fn decline_job(job: JobId) -> DynamicPayload<impl EncodeAsFields> {
    market("decline_job", (job.0,))
}

/// `cancel_job`.
pub fn cancel_job(job: JobId) -> DynamicPayload<impl EncodeAsFields> {
    market("cancel_job", (job.0,))
}

/// `unbond`.
pub fn unbond() -> DynamicPayload<impl EncodeAsFields> {
    market("unbond", ())
}

/// `withdraw_bond`.
pub fn withdraw_bond() -> DynamicPayload<impl EncodeAsFields> {
    market("withdraw_bond", ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use kagari_primitives::{
        worker_key::{WorkerId, WorkerSignature},
        Hash, MAX_INPUT,
    };
    use proptest::prelude::*;
    use scale_info::{MetaType, PortableRegistry, Registry, TypeInfo};
    use sp_core::ConstU32;
    use sp_runtime::BoundedVec;

    /// What `value` encodes to where the metadata says that a `Type` is wanted.
    fn encoded_as<Type: TypeInfo + 'static>(value: impl EncodeAsType) -> Vec<u8> {
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<Type>()).id;
        let types = PortableRegistry::from(registry);
        value.encode_as_type(id, &types).expect("encodes")
    }

    fn sampling() -> impl Strategy<Value = Sampling> {
        (any::<u32>(), any::<u32>(), any::<u64>()).prop_map(|(temperature, top_p, seed)| Sampling {
            temperature,
            top_p,
            seed,
        })
    }

    fn task() -> impl Strategy<Value = Task> {
        prop_oneof![
            Just(Task::Embedding),
            (any::<u32>(), sampling()).prop_map(|(max_new_tokens, sampling)| Task::Completion {
                max_new_tokens,
                sampling
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_specification_is_encoded_as_the_chain_decodes_it(
            model: [u8; 32], task in task(), max_price: u128, deadline: u32, replicas: u8
        ) {
            let model = Hash::from(model);
            let (class, region) = (HardwareClass::Exact, Some(Region::Oceania));
            let min_tier = Tier::New;
            let spec = JobSpec { model, task, max_price, deadline, min_tier, class, region, replicas };
            prop_assert_eq!(encoded_as::<JobSpec>(SpecArgument::from(&spec)), spec.encode());
        }

        #[test]
        fn an_input_is_encoded_as_the_chain_decodes_it(input: Vec<Word>) {
            type Input = BoundedVec<Word, ConstU32<MAX_INPUT>>;
            prop_assert_eq!(encoded_as::<Input>(input.clone()), input.encode());
        }

        #[test]
        fn hardware_is_encoded_as_the_chain_decodes_it(
            description in "\\PC{0,30}", cores: u16, memory: u32
        ) {
            let description = description.into_bytes().try_into().expect("is short");
            let (class, region) = (HardwareClass::Approximate, Some(Region::Africa));
            let hardware = Hardware { description, cores, memory, class, region };
            let argument = HardwareArgument::from(&hardware);
            prop_assert_eq!(encoded_as::<Hardware>(argument), hardware.encode());
        }
    }

    #[test]
    fn keys_and_signatures_are_encoded_as_the_chain_decodes_them() {
        assert_eq!(encoded_as::<WorkerId>([7u8; 32]), [7; 32]);
        assert_eq!(encoded_as::<WorkerSignature>([9u8; 64]), [9; 64]);
        assert_eq!(encoded_as::<ModelId>([5u8; 32]), [5; 32]);
    }

    #[test]
    fn a_specification_that_the_chain_reads_differently_is_refused() {
        #[derive(TypeInfo)]
        #[allow(dead_code)]
        struct Later {
            model: Hash,
            task: Task,
            max_price: u128,
            deadline: u32,
            urgency: u32,
        }
        let mut registry = Registry::new();
        let id = registry.register_type(&MetaType::new::<Later>()).id;
        let spec = JobSpec::new(Hash::zero(), Task::Embedding, 1, 1);
        let types = PortableRegistry::from(registry);
        assert!(SpecArgument::from(&spec)
            .encode_as_type(id, &types)
            .is_err());
    }
}
