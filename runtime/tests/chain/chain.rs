//! A chain of blocks in memory, from the genesis of the development preset.

use crate::common::{extension, genesis, header, time_of};
use codec::{Decode, Encode};
use frame_support::{storage::with_transaction_unchecked, traits::fungible::Inspect};
use frame_system::offchain::CreateAuthorizedTransaction;
use kagari_primitives::{
    known_models, payload_hash,
    worker_key::{ownership_message, WorkerPair, WorkerSignature},
    Attestation, Balance, BlockNumber, Hardware, Hash, JobId, JobSpec, NextStep, Sampling,
    StopReason, Task, Word, KGR,
};
use kagari_runtime::{
    Balances, ComputeMarket, Executive, ProofOfWorkDone, Runtime, RuntimeCall, RuntimeEvent,
    SignedPayload, System, UncheckedExtrinsic,
};
use sp_core::Pair;
use sp_keyring::Sr25519Keyring;
use sp_runtime::{
    transaction_validity::{TransactionSource, TransactionValidity, TransactionValidityError},
    ApplyExtrinsicResult, BuildStorage, DispatchResult, TransactionOutcome,
};

/// A chain whose present block is open for extrinsics.
pub struct Chain {
    number: BlockNumber,
    /// Told apart by it, two chains with the same blocks are forks of each other.
    salt: u8,
}

impl Chain {
    pub fn new() -> Self {
        Self { number: 0, salt: 0 }
    }

    pub fn forked() -> Self {
        Self { number: 0, salt: 1 }
    }

    /// Runs a test on the chain and checks the pallets' state afterwards.
    pub fn run(mut self, test: impl FnOnce(&mut Self)) {
        let mut ext = sp_io::TestExternalities::new(genesis().build_storage().unwrap());
        ext.execute_with(|| {
            self.go_on(1);
            let before = (self.issuance(), self.fees());
            test(&mut self);
            ComputeMarket::do_try_state().unwrap();
            ProofOfWorkDone::do_try_state().unwrap();
            self.check_issuance(before);
        });
    }

    /// Opens the block that is so many blocks ahead.
    pub fn go_on(&mut self, blocks: BlockNumber) {
        for _ in 0..blocks {
            if self.number > 0 {
                Executive::finalize_block();
            }
            self.number += 1;
            let parent = match self.number {
                1 => Hash::zero(),
                n => Hash::from_low_u64_be(u64::from(n) << 8 | u64::from(self.salt)),
            };
            Executive::initialize_block(&header(self.number, parent));
            self.set_time();
        }
    }

    fn set_time(&self) {
        let now = time_of(self.number);
        let call = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now });
        Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(call))
            .unwrap()
            .unwrap();
        Executive::inherents_applied();
    }

    /// Issuance has changed by what was minted and burned, and by nothing else.
    fn check_issuance(&self, (issued, fees): (Balance, Balance)) {
        let minted = pallet_proof_of_work_done::Emitted::<Runtime>::get();
        let burned = pallet_compute_market::Burned::<Runtime>::get() + self.fees() - fees;
        assert_eq!(self.issuance() + burned, issued + minted);
    }

    pub fn issuance(&self) -> Balance {
        Balances::total_issuance()
    }

    pub fn total(&self, who: Sr25519Keyring) -> Balance {
        Balances::total_balance(&who.to_account_id())
    }

    /// All fees that were paid; they are burned.
    pub fn fees(&self) -> Balance {
        FEES.with(|fees| *fees.borrow())
    }

    /// Has `who` bond and offer SmolLM2.
    pub fn bond(&mut self, who: Sr25519Keyring, price: Balance) {
        let account = who.to_account_id();
        let message = ownership_message(ComputeMarket::genesis_hash(), &account);
        let register = pallet_compute_market::Call::register_provider {
            bond: 1_000 * KGR,
            worker: worker(who).public(),
            proof: worker(who).sign(&message),
            hardware: Hardware::default(),
        };
        self.sign_and_apply(who, register.into()).unwrap();
        let model = known_models::smollm2_135m_instruct().id();
        let offer = pallet_compute_market::Call::set_offer {
            model,
            price,
            capacity: 2,
        };
        self.sign_and_apply(who, offer.into()).unwrap();
    }

    /// A job of four tokens.
    pub fn job_call(&self) -> pallet_compute_market::Call<Runtime> {
        self.replicated_call(1)
    }

    /// The same, computed by so many providers.
    fn replicated_call(&self, replicas: u8) -> pallet_compute_market::Call<Runtime> {
        let spec = JobSpec {
            replicas,
            ..JobSpec::new(
                known_models::smollm2_135m_instruct().id(),
                Task::Completion {
                    max_new_tokens: 4,
                    sampling: Sampling::GREEDY,
                },
                100 * KGR,
                30,
            )
        };
        pallet_compute_market::Call::submit_job {
            spec,
            input: vec![5, 6, 7],
        }
    }

    pub fn submit(&mut self, who: Sr25519Keyring) -> JobId {
        self.sign_and_apply(who, self.job_call().into()).unwrap();
        let job = System::events()
            .into_iter()
            .rev()
            .find_map(|record| match record.event {
                RuntimeEvent::ComputeMarket(pallet_compute_market::Event::JobSubmitted {
                    job,
                    ..
                }) => Some(job),
                _ => None,
            });
        job.unwrap()
    }

    /// Submits a job that so many providers are to compute, and gives the job of each.
    pub fn submit_replicas(&mut self, who: Sr25519Keyring, replicas: u8) -> Vec<JobId> {
        let call = self.replicated_call(replicas);
        self.sign_and_apply(who, call.into()).unwrap();
        let gang = pallet_compute_market::Gangs::<Runtime>::iter_values().next();
        gang.unwrap().jobs.to_vec()
    }

    /// The extrinsic with which the worker of `by` attests a job, for the assignment as it stands.
    pub fn attestation(
        &self,
        job: JobId,
        by: Sr25519Keyring,
        output: &[Word],
    ) -> UncheckedExtrinsic {
        self.signed_attestation(job, by, output).extrinsic()
    }

    /// The extrinsic with which the worker of `by` commits to an attestation that it has signed.
    pub fn commitment(&self, signed: &Signed, by: Sr25519Keyring) -> UncheckedExtrinsic {
        let next = ProofOfWorkDone::next_step(&signed.attestation, &signed.signature);
        let Some(NextStep::Commit {
            commitment,
            message,
            ..
        }) = next
        else {
            panic!("the job is a replica that lacks a commitment: {next:?}");
        };
        let call = pallet_proof_of_work_done::Call::commit {
            job: signed.attestation.job,
            assigned_at: signed.attestation.assigned_at,
            commitment,
            signature: worker(by).sign(&message),
        };
        authorized(call.into())
    }

    /// An attestation that the worker of `by` has signed, for the assignment as it stands.
    pub fn signed_attestation(&self, job: JobId, by: Sr25519Keyring, output: &[Word]) -> Signed {
        let attestation = Attestation {
            job,
            assigned_at: ComputeMarket::job(job).map_or(self.number, |job| job.assigned_at),
            output_hash: payload_hash(output),
            stop: StopReason::Length,
            trace_root: Hash::repeat_byte(9),
        };
        let message = ProofOfWorkDone::attestation_message(&attestation).unwrap();
        Signed {
            attestation,
            signature: worker(by).sign(&message),
            output: output.to_vec(),
        }
    }

    /// Applies an extrinsic that must dispatch well if it is valid.
    pub fn apply(&mut self, extrinsic: UncheckedExtrinsic) -> Result<(), TransactionValidityError> {
        apply(extrinsic).map(|dispatched| dispatched.unwrap())
    }

    pub fn validate(&self, extrinsic: UncheckedExtrinsic) -> TransactionValidity {
        // It opens the next block, which is not to stay.
        with_transaction_unchecked(|| {
            let source = TransactionSource::External;
            let at = System::parent_hash();
            let validity = Executive::validate_transaction(source, extrinsic, at);
            TransactionOutcome::Rollback(validity)
        })
    }

    pub fn sign_and_apply(&mut self, who: Sr25519Keyring, call: RuntimeCall) -> DispatchResult {
        apply(sign(who, call)).expect("the extrinsic is valid")
    }
}

/// An attestation with its signature and output.
pub struct Signed {
    attestation: Attestation,
    signature: WorkerSignature,
    output: Vec<Word>,
}

impl Signed {
    /// The extrinsic that carries it.
    pub fn extrinsic(&self) -> UncheckedExtrinsic {
        let call = pallet_proof_of_work_done::Call::attest {
            attestation: self.attestation,
            signature: self.signature.clone(),
            output: self.output.clone(),
        };
        authorized(call.into())
    }
}

fn authorized(call: RuntimeCall) -> UncheckedExtrinsic {
    <Runtime as CreateAuthorizedTransaction<RuntimeCall>>::create_authorized_transaction(call)
}

thread_local! {
    static FEES: std::cell::RefCell<Balance> = const { std::cell::RefCell::new(0) };
}

/// Applies an extrinsic and counts its fee. Encoded and decoded on the way, as it would come in.
fn apply(extrinsic: UncheckedExtrinsic) -> ApplyExtrinsicResult {
    let extrinsic = UncheckedExtrinsic::decode(&mut &extrinsic.encode()[..]).unwrap();
    let seen = System::events().len();
    let result = Executive::apply_extrinsic(extrinsic);
    for record in System::events().into_iter().skip(seen) {
        FEES.with(|fees| *fees.borrow_mut() += fee_of(record.event));
    }
    result
}

fn fee_of(event: RuntimeEvent) -> Balance {
    use pallet_compute_market::Event::{AuctionOpened, JobSubmitted};
    use pallet_transaction_payment::Event::TransactionFeePaid;
    match event {
        RuntimeEvent::TransactionPayment(TransactionFeePaid {
            actual_fee, tip, ..
        }) => actual_fee + tip,
        RuntimeEvent::ComputeMarket(
            JobSubmitted { prepaid, .. } | AuctionOpened { prepaid, .. },
        ) => prepaid,
        _ => 0,
    }
}

fn worker(of: Sr25519Keyring) -> WorkerPair {
    WorkerPair::from_string(&format!("//{of}//worker"), None).unwrap()
}

fn sign(who: Sr25519Keyring, call: RuntimeCall) -> UncheckedExtrinsic {
    let account = who.to_account_id();
    let nonce = System::account_nonce(&account);
    let payload = SignedPayload::new(call, extension(nonce)).unwrap();
    let signature = payload.using_encoded(|bytes| who.sign(bytes));
    let (call, extension, _) = payload.deconstruct();
    UncheckedExtrinsic::new_signed(call, account.into(), signature.into(), extension)
}
