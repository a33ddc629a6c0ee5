//! A runtime of this pallet and balances, with a stub of the market's jobs.

use crate::{
    self as pallet_proof_of_work_done,
    jobs::{AssignedJob, Jobs, Replica},
};
use frame_support::{derive_impl, parameter_types};
use kagari_primitives::{
    attestation::{commitment_message, message},
    known_models, payload_hash,
    worker_key::{WorkerPair, WorkerSignature},
    AccountId, Assignment, Attestation, Balance, BlockNumber, Hash, JobId, JobSpec, Sampling,
    StopReason, Task, Word, KGR,
};
use sp_core::{Pair, H256};
use sp_runtime::{
    traits::{BlakeTwo256, IdentityLookup, Zero},
    transaction_validity::{TransactionSource, TransactionValidityError, ValidTransaction},
    BuildStorage,
};
use std::cell::RefCell;

type Block = frame_system::mocking::MockBlockU32<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Proof: pallet_proof_of_work_done,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountId = AccountId;
    type Lookup = IdentityLookup<AccountId>;
    type Hashing = BlakeTwo256;
    type AccountData = pallet_balances::AccountData<Balance>;
}

parameter_types! {
    pub const ExistentialDeposit: Balance = KGR / 100;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
}

thread_local! {
    static ASSIGNED: RefCell<Vec<AssignedJob>> = const { RefCell::new(Vec::new()) };
    static ATTESTED: RefCell<Vec<JobId>> = const { RefCell::new(Vec::new()) };
}

/// Jobs as the test puts them there.
pub struct StubJobs;
impl Jobs for StubJobs {
    fn assigned(job: JobId) -> Option<AssignedJob> {
        ASSIGNED.with(|a| a.borrow().iter().find(|j| j.assignment.job == job).cloned())
    }
    fn is_open(job: JobId) -> bool {
        Self::assigned(job).is_some() || attested().contains(&job)
    }
    fn commit(job: JobId, commitment: Hash) -> sp_runtime::DispatchResult {
        change_replica(job, |replica| replica.commitment = Some(commitment));
        Ok(())
    }
    fn attest(
        attestation: &Attestation,
        _: &[Word],
    ) -> Result<frame_support::weights::Weight, sp_runtime::DispatchError> {
        ASSIGNED.with(|a| {
            a.borrow_mut()
                .retain(|j| j.assignment.job != attestation.job)
        });
        ATTESTED.with(|a| a.borrow_mut().push(attestation.job));
        Ok(Default::default())
    }
    #[cfg(feature = "runtime-benchmarks")]
    fn assign_for_benchmark(_: kagari_primitives::worker_key::WorkerId) -> Assignment {
        panic!("the stub of the unit tests is not benchmarked")
    }
    #[cfg(feature = "runtime-benchmarks")]
    fn assign_replica_for_benchmark(_: kagari_primitives::worker_key::WorkerId) -> Assignment {
        panic!("the stub of the unit tests is not benchmarked")
    }
    #[cfg(feature = "runtime-benchmarks")]
    fn bring_for_benchmark(_: &[Word]) {
        panic!("the stub of the unit tests is not benchmarked")
    }
}

impl crate::Config for Test {
    type WeightInfo = ();
    type Currency = Balances;
    type BlockNumberProvider = System;
    type Jobs = StubJobs;
    type EraLength = frame_support::traits::ConstU32<100>;
    type HistoryDepth = frame_support::traits::ConstU32<3>;
    type RelistingWeight = ();
}

pub const PROVIDER: AccountId = AccountId::new([10; 32]);
pub const OTHER: AccountId = AccountId::new([11; 32]);
pub const WINDOW: BlockNumber = 4;
pub const ASSIGNED_AT: BlockNumber = 10;
pub const DEADLINE: BlockNumber = 20;

/// Runs a test at block 11, with `job(1)` assigned at block 10, and checks the state afterwards.
pub fn execute<R>(test: impl FnOnce() -> R) -> R {
    ASSIGNED.with(|a| *a.borrow_mut() = vec![job(1, completion(4))]);
    ATTESTED.with(|a| a.borrow_mut().clear());
    let storage = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: vec![(PROVIDER, KGR), (OTHER, KGR)],
            ..Default::default()
        },
        proof: crate::GenesisConfig {
            window: WINDOW,
            ..Default::default()
        },
        ..Default::default()
    };
    sp_io::TestExternalities::new(storage.build_storage().unwrap()).execute_with(|| {
        System::set_block_number(ASSIGNED_AT + 1);
        let result = test();
        Proof::do_try_state().expect("the state is consistent after the test");
        let issued = Balances::total_issuance() - 2 * KGR;
        assert_eq!(
            issued,
            crate::Emitted::<Test>::get(),
            "issuance changes by emission only"
        );
        result
    })
}

pub fn completion(max_new_tokens: u32) -> Task {
    Task::Completion {
        max_new_tokens,
        sampling: Sampling::GREEDY,
    }
}

/// Adds an assigned job.
pub fn assign(job: AssignedJob) {
    ASSIGNED.with(|a| a.borrow_mut().push(job));
}

/// Has an assigned job be a replica that nobody has committed to.
pub fn make_replica(job: JobId) {
    ASSIGNED.with(|a| {
        let mut jobs = a.borrow_mut();
        let job = jobs.iter_mut().find(|j| j.assignment.job == job).unwrap();
        job.replica = Some(Replica {
            commitment: None,
            may_reveal: false,
        });
    });
}

/// Changes what there is of a replica.
pub fn change_replica(job: JobId, change: impl FnOnce(&mut Replica)) {
    ASSIGNED.with(|a| {
        let mut jobs = a.borrow_mut();
        let job = jobs.iter_mut().find(|j| j.assignment.job == job).unwrap();
        change(job.replica.as_mut().unwrap());
    });
}

/// Forgets all jobs, as a node does that is on another fork or behind.
pub fn forget_jobs() {
    ASSIGNED.with(|a| a.borrow_mut().clear());
}

/// The jobs that were attested.
pub fn attested() -> Vec<JobId> {
    ATTESTED.with(|a| a.borrow().clone())
}

pub fn id(job: u64) -> JobId {
    H256::from_low_u64_be(job)
}

/// An assigned job whose id and assignment are made from `number`.
pub fn job(number: u64, task: Task) -> AssignedJob {
    let manifest = match task {
        Task::Completion { .. } => known_models::smollm2_135m_instruct(),
        Task::Embedding => known_models::all_minilm_l6_v2(),
    };
    let spec = JobSpec::new(manifest.id(), task, 1, 10);
    AssignedJob {
        assignment: Assignment {
            job: id(number),
            replica_of: None,
            spec,
            input_hash: Hash::zero(),
            input_len: 1,
            input_block: ASSIGNED_AT,
            input_extrinsic: 1,
            assignment_hash: H256::from_low_u64_be(1_000 + number),
            assigned_at: ASSIGNED_AT,
            deadline: DEADLINE,
        },
        shape: manifest.shape,
        worker: pair(&PROVIDER).public(),
        replica: None,
    }
}

pub fn pair(who: &AccountId) -> WorkerPair {
    WorkerPair::from_seed_slice(who.as_ref()).unwrap()
}

/// An attestation of `job(1)` with all that goes with it, to be spoiled and signed.
#[derive(Clone)]
pub struct Draft {
    pub attestation: Attestation,
    pub output: Vec<Word>,
    pub genesis: Hash,
    pub assignment_hash: Hash,
    pub signer: AccountId,
}

impl Draft {
    pub fn new(output: &[Word]) -> Self {
        Self {
            attestation: Attestation {
                job: id(1),
                assigned_at: ASSIGNED_AT,
                output_hash: payload_hash(output),
                stop: StopReason::Length,
                trace_root: H256::repeat_byte(7),
            },
            output: output.to_vec(),
            genesis: System::block_hash(BlockNumber::zero()),
            assignment_hash: H256::from_low_u64_be(1_001),
            signer: PROVIDER,
        }
    }

    pub fn with(mut self, spoil: impl FnOnce(&mut Self)) -> Self {
        spoil(&mut self);
        self
    }

    pub fn signature(&self) -> WorkerSignature {
        let message = message(self.genesis, self.assignment_hash, &self.attestation);
        pair(&self.signer).sign(&message)
    }

    /// What the pool is told of it.
    pub fn authorize(&self) -> Result<ValidTransaction, TransactionValidityError> {
        let source = TransactionSource::External;
        Proof::authorize_attest(source, &self.attestation, &self.signature(), &self.output)
            .map(|(valid, _)| valid)
    }
}

/// A commitment of `job(1)` with all that goes with it, to be spoiled and signed.
#[derive(Clone)]
pub struct CommitDraft {
    pub job: JobId,
    pub assigned_at: BlockNumber,
    pub commitment: Hash,
    pub assignment_hash: Hash,
    pub signer: AccountId,
}

impl CommitDraft {
    pub fn new(commitment: Hash) -> Self {
        Self {
            job: id(1),
            assigned_at: ASSIGNED_AT,
            commitment,
            assignment_hash: H256::from_low_u64_be(1_001),
            signer: PROVIDER,
        }
    }

    pub fn with(mut self, spoil: impl FnOnce(&mut Self)) -> Self {
        spoil(&mut self);
        self
    }

    pub fn signature(&self) -> WorkerSignature {
        let genesis = System::block_hash(BlockNumber::zero());
        let message = commitment_message(genesis, self.assignment_hash, self.commitment);
        pair(&self.signer).sign(&message)
    }

    /// What the pool is told of it.
    pub fn authorize(&self) -> Result<ValidTransaction, TransactionValidityError> {
        let (source, signature) = (TransactionSource::External, self.signature());
        Proof::authorize_commit(
            source,
            &self.job,
            &self.assigned_at,
            &self.commitment,
            &signature,
        )
        .map(|(valid, _)| valid)
    }
}
