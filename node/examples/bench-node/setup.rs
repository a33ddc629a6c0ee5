//! Funds the accounts and bonds the providers.

use crate::{
    accounts::{Provider, Requester},
    chain::{Blocks, Chain},
    extrinsics::Extrinsics,
    rows::words_of,
};
use anyhow::{bail, Result};
use kagari_primitives::{Balance, Hardware, KGR};
use kagari_runtime::{AccountId, RuntimeCall, RuntimeEvent};
use sp_core::Bytes;
use sp_keyring::Sr25519Keyring;
use std::sync::Arc;

/// What Alice gives each requester: enough for thousands of jobs.
const FUNDS: Balance = 100 * KGR;
/// A provider's bond, a thousand times what its open jobs come to.
const BOND: Balance = 1_000 * KGR;
/// What a provider gets for fees.
const CHANGE: Balance = 10 * KGR;
/// What Alice can give away of what the development preset gives her.
const PURSE: Balance = 900_000 * KGR;
/// The lowest price per work unit.
const PRICE: Balance = KGR / 1_000;
/// Prices that are offered, a twentieth apart.
const PRICES: u32 = 4;
/// Jobs at once: the most that a provider may take.
const CAPACITY: u16 = pallet_compute_market::types::MAX_ASSIGNED as u16;
/// Transfers that go together.
const BATCH: usize = 100;
/// Blocks in which the set-up must be done.
const PATIENCE: u32 = 60;
/// What to do where the set-up fails.
const REMEDY: &str = "run this on a fresh development chain, once";

/// Whether Alice has enough for so many accounts.
pub fn is_affordable(requesters: u32, providers: u32) -> bool {
    let (requesters, providers) = (Balance::from(requesters), Balance::from(providers));
    requesters * FUNDS + providers * (BOND + CHANGE) <= PURSE
}

/// Has Alice fund all accounts, and waits until that is done.
pub async fn fund(
    chain: &Chain,
    blocks: &mut Blocks,
    extrinsics: &Extrinsics,
    requesters: &[Arc<Requester>],
    providers: &[Arc<Provider>],
) -> Result<()> {
    let alice = Sr25519Keyring::Alice;
    let first = chain.nonce(&alice.to_account_id()).await?;
    let requesters = requesters.iter().map(|r| transfer(&r.account, FUNDS));
    let providers = providers
        .iter()
        .map(|p| transfer(&p.account, BOND + CHANGE));
    let transfers: Vec<RuntimeCall> = requesters.chain(providers).collect();
    let batches = transfers.chunks(BATCH).map(|calls| batch(calls.to_vec()));
    let pair = alice.pair();
    let signed = batches
        .zip(first..)
        .map(|(call, nonce)| extrinsics.signed(&pair, nonce, call));
    carry_out(chain, blocks, signed.collect()).await
}

/// Has all providers bond and offer, and waits until that is done.
pub async fn bond(
    chain: &Chain,
    blocks: &mut Blocks,
    extrinsics: &Extrinsics,
    providers: &[Arc<Provider>],
) -> Result<()> {
    let mut signed = Vec::new();
    for provider in providers {
        let register = pallet_compute_market::Call::register_provider {
            bond: BOND,
            worker: sp_core::Pair::public(&provider.worker),
            proof: extrinsics.ownership_proof(provider),
            hardware: Hardware::default(),
        };
        let offer = pallet_compute_market::Call::set_offer {
            model: extrinsics.model(),
            price: PRICE + PRICE / 20 * Balance::from(provider.number % PRICES),
            capacity: CAPACITY,
        };
        let call = batch(vec![
            RuntimeCall::ComputeMarket(register),
            RuntimeCall::ComputeMarket(offer),
        ]);
        let nonce = chain.nonce(&provider.account).await?;
        signed.push(extrinsics.signed(&provider.pair, nonce, call));
    }
    carry_out(chain, blocks, signed).await
}

fn transfer(to: &AccountId, value: Balance) -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: to.clone().into(),
        value,
    })
}

fn batch(calls: Vec<RuntimeCall>) -> RuntimeCall {
    RuntimeCall::Utility(pallet_utility::Call::batch_all { calls })
}

/// Sends signed extrinsics and waits until all of them stand in the chain and none has failed.
async fn carry_out(chain: &Chain, blocks: &mut Blocks, extrinsics: Vec<Bytes>) -> Result<()> {
    for extrinsic in &extrinsics {
        if let Err(refusal) = chain.submit(extrinsic).await? {
            bail!("the set-up is refused ({}): {REMEDY}", refusal.reason);
        }
    }
    let mut missing = extrinsics.len();
    for _ in 0..PATIENCE {
        for event in blocks.next().await?.events {
            match event {
                RuntimeEvent::TransactionPayment(
                    pallet_transaction_payment::Event::TransactionFeePaid { .. },
                ) => missing = missing.saturating_sub(1),
                RuntimeEvent::System(frame_system::Event::ExtrinsicFailed {
                    dispatch_error,
                    ..
                }) => bail!("the set-up fails ({}): {REMEDY}", words_of(dispatch_error)),
                _ => {}
            }
        }
        if missing == 0 {
            return Ok(());
        }
    }
    bail!("{missing} extrinsics of the set-up are in no block after {PATIENCE} blocks: look at the node's log")
}
