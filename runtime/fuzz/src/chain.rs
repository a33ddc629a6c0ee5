//! The chain on which the calls are made, and what must hold of it. Blocks are executed as they are in earnest, but for
//! what nobody looks at here: signatures of extrinsics, the inherent that sets the time, roots and headers.

use super::{
    accounts::ENDOWED,
    calls::Transaction,
    common::{extension, genesis, header, time_of},
};
use codec::Encode;
use frame_support::{
    dispatch::{DispatchClass, DispatchResultWithPostInfo, GetDispatchInfo},
    storage::with_transaction_unchecked,
    traits::{OnFinalize, OnIdle, OnPoll},
    weights::{Weight, WeightMeter},
};
use kagari_primitives::{AccountId, Balance, BlockNumber, Hash, Signature};
use kagari_runtime::{
    AllPalletsWithSystem, Balances, ComputeMarket, Executive, ProofOfWorkDone, Runtime,
    RuntimeCall, RuntimeEvent, RuntimeOrigin, System, Timestamp, TxExtension, UncheckedExtrinsic,
};
use pallet_compute_market::{Burned, Judged, Polled, Queue, Served};
use pallet_proof_of_work_done::Emitted;
use sp_core::storage::Storage;
use sp_io::TestExternalities;
use sp_runtime::{
    traits::{DispatchTransaction, Dispatchable, TransactionExtension},
    BuildStorage, TransactionOutcome,
};
use std::sync::LazyLock;

/// Version of the extensions of transactions; there is no other.
const EXTENSION_VERSION: u8 = 0;

static GENESIS: LazyLock<Storage> = LazyLock::new(|| {
    let mut config = genesis();
    config.balances.balances.extend(ENDOWED);
    config.build_storage().expect("the preset can be built")
});

/// The state of genesis.
pub fn genesis_state() -> TestExternalities {
    TestExternalities::new(GENESIS.clone())
}

/// A chain whose present block is open for transactions.
pub struct Chain {
    /// Issued at genesis.
    issued: Balance,
    /// Burned since then by others than the market, or not counted by it: fees, what requesters prepay, and dust.
    burned: Balance,
    /// Blocks that were executed.
    pub blocks: u32,
}

impl Chain {
    /// The chain on the state of genesis, which is to be the present one.
    pub fn begin() -> Self {
        let mut chain = Self {
            issued: Balances::total_issuance(),
            burned: 0,
            blocks: 0,
        };
        chain.open(Weight::MAX);
        chain
    }

    /// Ends the present block and opens the next. The hooks before and after take `idle` and `poll` at most.
    pub fn go_on(&mut self, idle: Weight, poll: Weight) {
        self.close(idle);
        self.open(poll);
    }

    /// Goes on by so many blocks. Those are passed over at which nothing is due: they would change nothing.
    pub fn leap(&mut self, blocks: BlockNumber) {
        let until = System::block_number() + blocks;
        while System::block_number() < until {
            self.close(Weight::MAX);
            let next = next_due().map_or(until, |due| due.min(until));
            if next > System::block_number() + 1 {
                pass_over(next - 1);
            }
            self.open(Weight::MAX);
        }
    }

    /// Goes on after so many blocks that carry no transactions and do not poll, as those of a migration.
    pub fn pause(&mut self, blocks: BlockNumber) {
        self.close(Weight::MAX);
        System::set_block_number(System::block_number() + blocks);
        self.open(Weight::MAX);
    }

    fn open(&mut self, poll: Weight) {
        self.blocks += 1;
        let number = System::block_number() + 1;
        Executive::initialize_block(&header(number, parent_of(number)));
        Timestamp::set_timestamp(time_of(number));
        let limit = weight_left(poll);
        let mut meter = WeightMeter::with_limit(limit);
        <AllPalletsWithSystem as OnPoll<BlockNumber>>::on_poll(number, &mut meter);
        let used = meter.consumed();
        assert!(
            used.all_lte(limit),
            "polling weighs {used}, and has {limit}"
        );
        System::register_extra_weight_unchecked(used, DispatchClass::Mandatory);
    }

    fn close(&mut self, idle: Weight) {
        System::note_finished_extrinsics();
        let (number, limit) = (System::block_number(), weight_left(idle));
        let used = <AllPalletsWithSystem as OnIdle<BlockNumber>>::on_idle(number, limit);
        assert!(used.all_lte(limit), "idling weighs {used}, and has {limit}");
        <AllPalletsWithSystem as OnFinalize<BlockNumber>>::on_finalize(number);
        self.check();
    }

    /// What must hold after every block. Issuance has changed by what was minted and burned, and by nothing else.
    fn check(&mut self) {
        let events = System::read_events_no_consensus();
        self.burned += events.map(|event| burned_by(&event.event)).sum::<Balance>();
        let now = System::block_number();
        ComputeMarket::do_try_state()
            .unwrap_or_else(|error| panic!("the market after block {now}: {error:?}"));
        ProofOfWorkDone::do_try_state()
            .unwrap_or_else(|error| panic!("the proof of work after block {now}: {error:?}"));
        assert_eq!(
            Balances::total_issuance() + self.burned + Burned::<Runtime>::get(),
            self.issued + Emitted::<Runtime>::get(),
            "issued and burned, and minted, after block {now}"
        );
    }

    /// Applies a transaction as a block does, and says whether it is valid and its call was good. One that is not valid
    /// leaves no trace.
    pub fn apply(&mut self, (who, call): Transaction) -> bool {
        let nonce = match &who {
            Some(who) => System::account_nonce(who),
            None => 0,
        };
        let extension = extension(nonce);
        let encoded = encode(who.clone(), call.clone(), extension.clone());
        let applied = with_transaction_unchecked(|| {
            let len = encoded.len();
            System::note_extrinsic(encoded);
            match dispatch(who, &call, extension, len) {
                Some(applied) => TransactionOutcome::Commit(Some(applied)),
                None => TransactionOutcome::Rollback(None),
            }
        });
        let Some((good, fee)) = applied else {
            return false;
        };
        self.burned += fee;
        good
    }
}

/// Dispatches a call with all that its transaction's extensions do before and after it. Gives whether it was good, and
/// the fee that was burned; `None` if the transaction is not valid.
fn dispatch(
    who: Option<AccountId>,
    call: &RuntimeCall,
    extension: TxExtension,
    len: usize,
) -> Option<(bool, Balance)> {
    let mut info = call.get_dispatch_info();
    info.extension_weight = extension.weight(call);
    let authorised = who.is_none();
    let origin = who.map_or_else(RuntimeOrigin::none, RuntimeOrigin::signed);
    let mut issued = 0;
    let weighed = |origin| {
        let result = dispatch_weighed(call, origin);
        issued = Balances::total_issuance();
        result
    };
    let result = extension.test_run(origin, call, &info, len, EXTENSION_VERSION, weighed);
    let result = result.ok()?;
    System::note_applied_extrinsic(&result, info);
    assert!(
        result.is_ok() || !authorised,
        "what was authorised fails: {result:?}, {call:?}"
    );
    // After the call, only its fee is burned. The event that tells the fee tells less of an account that is gone, to
    // which nothing of it can be given back.
    Some((result.is_ok(), issued - Balances::total_issuance()))
}

/// Dispatches a call, which must weigh no more than it is charged for beforehand.
fn dispatch_weighed(call: &RuntimeCall, origin: RuntimeOrigin) -> DispatchResultWithPostInfo {
    let charged = call.get_dispatch_info().call_weight;
    let result = call.clone().dispatch(origin);
    let info = match &result {
        Ok(info) => info,
        Err(refused) => &refused.post_info,
    };
    let weight = info.actual_weight.unwrap_or(charged);
    assert!(
        weight.all_lte(charged),
        "weighs {weight}, and is charged {charged}: {call:?}"
    );
    result
}

/// A transaction's bytes, which end with those of its call. Its signature is none.
fn encode(who: Option<AccountId>, call: RuntimeCall, extension: TxExtension) -> Vec<u8> {
    let extrinsic = match who {
        Some(who) => {
            let signature = Signature::Sr25519(Default::default());
            UncheckedExtrinsic::new_signed(call, who.into(), signature, extension)
        }
        None => UncheckedExtrinsic::new_transaction(call, extension),
    };
    extrinsic.encode()
}

/// What was burned, as far as an event tells it and the market does not count it.
fn burned_by(event: &RuntimeEvent) -> Balance {
    use pallet_balances::Event::DustLost;
    use pallet_compute_market::Event::{AuctionOpened, JobSubmitted};
    match event {
        RuntimeEvent::ComputeMarket(
            JobSubmitted { prepaid, .. } | AuctionOpened { prepaid, .. },
        ) => *prepaid,
        RuntimeEvent::Balances(DustLost { amount, .. }) => *amount,
        _ => 0,
    }
}

/// What the present block leaves to a hook, which is given `most` at most.
fn weight_left(most: Weight) -> Weight {
    System::remaining_block_weight().remaining().min(most)
}

fn parent_of(number: BlockNumber) -> Hash {
    Hash::from_low_u64_be(u64::from(number) - 1)
}

/// The next block at which the queue has something to serve, or to pass.
fn next_due() -> Option<BlockNumber> {
    let next = System::block_number() + 1;
    let due = |(block, since): (BlockNumber, BlockNumber)| match since == block {
        // Attested there, and judged after the window.
        true => block + ProofOfWorkDone::window(),
        false => block,
    };
    let all = Queue::<Runtime>::iter_keys().map(due);
    all.map(|due| due.max(next)).min()
}

/// Notes what the blocks up to `last` would have noted, at which nothing is due.
fn pass_over(last: BlockNumber) {
    System::set_block_number(last);
    Polled::<Runtime>::mutate(|clock| clock.block = last);
    Served::<Runtime>::put(last + 1);
    Judged::<Runtime>::put((last + 1).saturating_sub(ProofOfWorkDone::window()));
}
