//! A runtime of the market, balances and a stub of the judge.

use crate::{
    self as pallet_compute_market,
    judge::{Judge, Reward, Verdict},
    types::EraWork,
};
use codec::Encode;
use frame_support::{
    assert_ok, derive_impl, parameter_types,
    traits::{fungible::Mutate, Hooks},
    weights::WeightMeter,
};
use kagari_primitives::{
    known_models, payload_hash,
    worker_key::{ownership_message, WorkerId, WorkerPair},
    AccountId, Attestation, Balance, BlockNumber, Hardware, JobId, JobSpec, ModelId, Sampling,
    StopReason, Task, Word, Work, KGR,
};
use sp_core::Pair;
use sp_runtime::{
    traits::{BlakeTwo256, IdentityLookup},
    BuildStorage, Permill,
};
use std::cell::RefCell;

type Block = frame_system::mocking::MockBlockU32<Test>;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Market: pallet_compute_market,
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
    pub const MinBond: Balance = 100 * KGR;
    pub const MaxPrice: Balance = 1_000 * KGR;
    pub const FailurePenalty: Permill = Permill::from_percent(10);
    pub const BurnShare: Permill = Permill::from_percent(10);
    pub const ModelDeposit: Balance = 10 * KGR;
    pub const MinDelegation: Balance = KGR;
    pub const BidDeposit: Balance = 10 * KGR;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
}

/// What is prepaid is looked at with the real runtime.
pub struct OnlyLateFees;
impl crate::PrepaidFee for OnlyLateFees {
    fn fee(_: u32) -> Balance {
        0
    }
    fn commit_fee() -> Balance {
        0
    }
    fn late_fee() -> Balance {
        KGR / 1_000
    }
    fn auction_fee(_: u32) -> Balance {
        0
    }
}

thread_local! {
    static VERDICT: RefCell<Verdict> = const { RefCell::new(Verdict::Settle) };
    static ARCHIVED: RefCell<Vec<(AccountId, EraWork)>> = const { RefCell::new(Vec::new()) };
}

/// A judge that says what the test tells it to, and mints a hundredth of the burn.
pub struct StubJudge;
impl Judge for StubJudge {
    fn window() -> BlockNumber {
        WINDOW
    }
    fn verdict(_: JobId) -> Verdict {
        VERDICT.with(|v| *v.borrow())
    }
    fn reward(provider: &AccountId, _: Work, burned: Balance) -> Reward {
        // As with the real one, an emptied account takes in no dust.
        let amount = Balances::mint_into(provider, burned / 100).unwrap_or_default();
        Reward {
            era: System::block_number() / 100,
            amount,
        }
    }
    fn archive(provider: &AccountId, work: EraWork) {
        ARCHIVED.with(|a| a.borrow_mut().push((provider.clone(), work)));
    }
}

/// Sets what the judge says from now on.
pub fn set_verdict(verdict: Verdict) {
    VERDICT.with(|v| *v.borrow_mut() = verdict);
}

/// What the judge was given to keep.
pub fn archived() -> Vec<(AccountId, EraWork)> {
    ARCHIVED.with(|a| a.borrow().clone())
}

impl crate::Config for Test {
    type WeightInfo = ();
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type BlockNumberProvider = System;
    type Judge = StubJudge;
    type MinBond = MinBond;
    type UnbondingPeriod = frame_support::traits::ConstU32<420>;
    type MaxPrice = MaxPrice;
    type MinDeadline = frame_support::traits::ConstU32<2>;
    type WorkPerBlock = frame_support::traits::ConstU64<20_000_000_000>;
    type MaxDeadline = frame_support::traits::ConstU32<100>;
    type FailurePenalty = FailurePenalty;
    type DeclinePeriod = frame_support::traits::ConstU32<50>;
    type BurnShare = BurnShare;
    type ModelDeposit = ModelDeposit;
    type MinDelegation = MinDelegation;
    type BidDeposit = BidDeposit;
    type MaxBidding = frame_support::traits::ConstU32<20>;
    type MaxLease = frame_support::traits::ConstU32<200>;
    type PrepaidFee = OnlyLateFees;
}

pub const REQUESTER: AccountId = AccountId::new([1; 32]);
pub const POOR: AccountId = AccountId::new([2; 32]);
pub const ALICE: AccountId = AccountId::new([10; 32]);
pub const BOB: AccountId = AccountId::new([11; 32]);
pub const CHARLIE: AccountId = AccountId::new([12; 32]);
pub const DAVE: AccountId = AccountId::new([13; 32]);
/// Blocks from an attestation to its verdict in these tests.
pub const WINDOW: BlockNumber = 4;

/// Builds the state of a test, and checks it once the test is through.
pub struct TestExt {
    offers: Vec<(AccountId, Balance, u16)>,
}

impl TestExt {
    pub fn new() -> Self {
        Self { offers: Vec::new() }
    }

    /// Has `who` bond, and offer SmolLM2 at `price` KGR per work unit.
    pub fn offer(mut self, who: AccountId, price: Balance, capacity: u16) -> Self {
        self.offers.push((who, price * KGR, capacity));
        self
    }

    pub fn execute_with<R>(self, test: impl FnOnce() -> R) -> R {
        let mut ext = sp_io::TestExternalities::new(genesis());
        set_verdict(Verdict::Settle);
        ARCHIVED.with(|a| a.borrow_mut().clear());
        ext.execute_with(|| {
            run_to(1);
            for (who, price, capacity) in self.offers {
                assert_ok!(register(&who, 10_000 * KGR));
                assert_ok!(Market::set_offer(signed(&who), llm(), price, capacity));
            }
            let result = test();
            Market::do_try_state().expect("the state is consistent after the test");
            check_issuance();
            result
        })
    }
}

/// No unit was made but those that the judge minted, and none lost but those that were burned.
pub fn check_issuance() {
    assert_eq!(
        issuance_change(),
        minted() as i128 - Burned() as i128,
        "issuance"
    );
}

#[allow(non_snake_case)]
fn Burned() -> Balance {
    crate::Burned::<Test>::get()
}

const ENDOWED: Balance = 1_000_000 * KGR;

fn genesis() -> sp_core::storage::Storage {
    let rich = [REQUESTER, ALICE, BOB, CHARLIE, DAVE].map(|who| (who, ENDOWED));
    let poor = [(POOR, KGR)];
    RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: rich.into_iter().chain(poor).collect(),
            ..Default::default()
        },
        market: crate::GenesisConfig {
            models: known_models::all(),
            ..Default::default()
        },
        ..Default::default()
    }
    .build_storage()
    .unwrap()
}

fn issuance_change() -> i128 {
    Balances::total_issuance() as i128 - (5 * ENDOWED + KGR) as i128
}

/// All that the judge minted: the sum over the events would be lost at each block, so it is what the
/// providers' records say.
fn minted() -> Balance {
    let now: Balance = crate::Providers::<Test>::iter_values()
        .map(|p| p.era_work.reward)
        .sum();
    now + archived().iter().map(|(_, w)| w.reward).sum::<Balance>()
}

pub fn signed(who: &AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who.clone())
}

pub fn llm() -> ModelId {
    known_models::smollm2_135m_instruct().id()
}

pub fn embedder() -> ModelId {
    known_models::all_minilm_l6_v2().id()
}

pub fn pair(who: &AccountId) -> WorkerPair {
    WorkerPair::from_seed_slice(who.as_ref()).unwrap()
}

pub fn worker(who: &AccountId) -> WorkerId {
    pair(who).public()
}

pub fn proof(
    by: &AccountId,
    provider: &AccountId,
) -> kagari_primitives::worker_key::WorkerSignature {
    pair(by).sign(&ownership_message(Market::genesis_hash(), provider))
}

pub fn register(who: &AccountId, bond: Balance) -> sp_runtime::DispatchResult {
    Market::register_provider(
        signed(who),
        bond,
        worker(who),
        proof(who, who),
        Hardware::default(),
    )
}

/// Goes on to block `n`, serving the queue at each.
pub fn run_to(n: BlockNumber) {
    while System::block_number() < n {
        let next = System::block_number() + 1;
        System::reset_events();
        System::initialize(&next, &System::parent_hash(), &Default::default());
        Market::on_poll(next, &mut WeightMeter::new());
    }
}

/// Goes on by a block that carries no transactions, as those of a migration: nothing is polled in it.
pub fn pass_without_transactions() {
    let next = System::block_number() + 1;
    System::reset_events();
    System::initialize(&next, &System::parent_hash(), &Default::default());
}

pub fn completion(max_new_tokens: u32) -> Task {
    Task::Completion {
        max_new_tokens,
        sampling: Sampling::GREEDY,
    }
}

/// A job of ten tokens on SmolLM2 that may cost anything and has ten blocks.
pub fn spec() -> JobSpec {
    JobSpec::new(llm(), completion(10), Balance::MAX, 10)
}

/// Has the present extrinsic end with `words`, as if it had brought them.
pub fn bring(words: &[Word]) {
    let mut extrinsic = b"extrinsic".to_vec();
    extrinsic.extend(kagari_primitives::payload_bytes(words));
    System::note_extrinsic(extrinsic);
    sp_io::storage::set(b":extrinsic_index", &0u32.encode());
}

/// Submits a job in an extrinsic of its own.
pub fn submit(who: &AccountId, spec: JobSpec, input: &[Word]) -> sp_runtime::DispatchResult {
    sp_io::storage::set(b":extrinsic_index", &0u32.encode());
    bring(input);
    submit_brought(who, spec, input)
}

/// Submits a job in the present extrinsic, whatever that ends with.
pub fn submit_brought(
    who: &AccountId,
    spec: JobSpec,
    input: &[Word],
) -> sp_runtime::DispatchResult {
    let submitted = Market::submit_job(signed(who), spec, input.to_vec());
    submitted.map(|_| ()).map_err(|refused| refused.error)
}

/// Submits what must be refused. The extrinsic is noted beforehand, as that is not the call's doing.
#[track_caller]
pub fn refused(spec: JobSpec, input: &[u32], error: crate::Error<Test>) {
    bring(input);
    frame_support::assert_noop!(submit_brought(&REQUESTER, spec, input), error);
}

/// Submits a job by the requester and gives its id.
pub fn submitted(spec: JobSpec) -> JobId {
    let before: Vec<_> = crate::Jobs::<Test>::iter_keys().collect();
    // Another input each time, so that several jobs of one block are told apart.
    assert_ok!(submit(&REQUESTER, spec, &[1, 2, 3, before.len() as u32]));
    crate::Jobs::<Test>::iter_keys()
        .find(|id| !before.contains(id))
        .unwrap()
}

/// Attests a job with an output of `len` words, as the pallet that proves work does.
pub fn attest(job: JobId, len: u32) -> sp_runtime::DispatchResult {
    let output: Vec<Word> = (0..len).collect();
    bring(&output);
    let attestation = Attestation {
        job,
        assigned_at: System::block_number(),
        output_hash: payload_hash(&output),
        stop: StopReason::Length,
        trace_root: Default::default(),
    };
    Market::attest(&attestation, &output).map(|_| ())
}

pub fn free(who: &AccountId) -> Balance {
    Balances::free_balance(who)
}

pub fn provider(who: &AccountId) -> crate::types::Provider {
    crate::Providers::<Test>::get(who).unwrap()
}
