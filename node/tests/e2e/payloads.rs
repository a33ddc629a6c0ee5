//! A job sent inside another call is served like any other, or refused. Either way, an honest job with
//! the same input is not harmed.

use crate::common::{
    account::account_of,
    call::{Address, Call},
    chain::Chain,
    compute_rpc::{embedder, words, Prepared},
    in_turn,
    job::Sent,
    node::{Node, NodeConfig},
    submit::InBlock,
};
use codec::Encode;
use kagari_primitives::{AccountId, Word, KGR};
use subxt_signer::sr25519::{dev, Keypair};

const TEXT: &str = "Many small flames, one light.";

/// A market with one provider that works, and a job that is embedded quickly.
struct Market {
    chain: Chain,
    prepared: Prepared,
    _node: Node,
}

impl Market {
    async fn new() -> Self {
        let node = Node::start("validator", NodeConfig::validator().with_worker()).await;
        let chain = Chain::connect(&node.url()).await;
        chain.bond_node(&dev::bob(), &[embedder().id()], 8).await;
        let prepared = chain.prepare_embedding(TEXT).await;
        Self {
            chain,
            prepared,
            _node: node,
        }
    }

    fn job(&self) -> Call {
        self.job_with(&self.prepared.input)
    }

    fn job_with(&self, input: &[Word]) -> Call {
        self.chain.submit_job(&self.prepared.spec, input)
    }

    /// Waits for the end of a job and checks that it was done on the right input; gives the output.
    async fn assert_served(&self, what: &str, sent: Sent, input: &[Word]) -> Vec<Word> {
        let end = self.chain.wait_for_end(sent.job).await;
        println!("{what}: {}", end["state"]);
        assert_eq!(end["state"], "settled", "{what}: {end:#}");
        assert_eq!(
            words(&end["input"]["words"]),
            input,
            "{what}: the input is another"
        );
        words(&end["output"]["words"])
    }

    /// An honest job with the same input, after whatever was tried with it.
    async fn assert_unharmed(&self) -> Vec<Word> {
        let sent = self.chain.send(&dev::eve(), &self.prepared).await;
        self.assert_served("an honest job", sent, &self.prepared.input)
            .await
    }
}

#[test]
fn a_job_inside_another_call_is_served_or_refused_and_harms_nobody() {
    in_turn(async {
        let market = Market::new().await;
        a_job_that_is_not_last_in_its_extrinsic_is_refused(&market).await;
        a_job_that_is_last_in_its_extrinsic_is_served(&market).await;
        a_job_of_several_signatories_or_of_the_scheduler_is_refused(&market).await;
        jobs_that_share_an_extrinsic_are_each_served_or_refused(&market).await;
    });
}

async fn a_job_that_is_not_last_in_its_extrinsic_is_refused(market: &Market) {
    let (chain, dave) = (&market.chain, dev::dave());
    let junk = chain.remark(b"these bytes are not the input");

    let first = chain.batch_all(&[market.job(), junk.clone()]);
    chain
        .assert_refused(&dave, &[(first, "ComputeMarket::NotTrailing")])
        .await;

    let done = chain
        .submit_good(&dave, &chain.force_batch(&[market.job(), junk]))
        .await;
    let failed = done.events.iter().find(|e| e.is("Utility", "ItemFailed"));
    let error = failed
        .expect("an item failed")
        .dispatch_error(chain.metadata());
    assert_eq!(error, "ComputeMarket::NotTrailing");
    chain.assert_only_fees_paid(&dave, &[done]).await;

    let longer = [&market.prepared.input[..], &[7]].concat();
    let behind = chain.batch_all(&[market.job(), market.job_with(&longer)]);
    chain
        .assert_refused(&dave, &[(behind, "ComputeMarket::NotTrailing")])
        .await;

    market.assert_unharmed().await;
}

async fn a_job_that_is_last_in_its_extrinsic_is_served(market: &Market) {
    let (chain, dave, input) = (&market.chain, dev::dave(), &market.prepared.input);
    let batch = chain.batch_all(&[chain.remark(b"first"), market.job()]);
    let batch = chain.submit_good(&dave, &batch).await;
    let batched = Sent::of(&batch).expect("it is accepted");

    let proxied = send_by_proxy(market, &dave, &dev::eve()).await;
    let (joint, multisig) = send_by_multisig_of_one(market, &dave).await;

    let mut outputs = Vec::new();
    for (what, sent) in [
        ("batch", batched),
        ("proxy", proxied),
        ("multisig", multisig),
    ] {
        outputs.push(market.assert_served(what, sent, input).await);
    }
    outputs.push(market.assert_unharmed().await);
    outputs.dedup();
    assert_eq!(outputs.len(), 1, "the same input has the same embedding");
    let head = chain.head().await.hash;
    assert_eq!(
        chain.account(&joint, head).await.reserved,
        0,
        "its escrow is over"
    );
}

async fn send_by_proxy(market: &Market, owner: &Keypair, delegate: &Keypair) -> Sent {
    let chain = &market.chain;
    let (owner_id, delegate_id) = (account_of(owner), Address::Id(account_of(delegate)));
    const ANY: u8 = 0;
    let add = chain.call("Proxy", "add_proxy", (delegate_id, ANY, 0u32));
    chain.submit_good(owner, &add).await;
    let args = (Address::Id(owner_id.clone()), None::<u8>, market.job());
    let done = chain
        .submit_good(delegate, &chain.call("Proxy", "proxy", args))
        .await;
    assert_eq!(requester_of(&done), owner_id);
    Sent::of(&done).expect("it is accepted")
}

async fn send_by_multisig_of_one(market: &Market, signer: &Keypair) -> (AccountId, Sent) {
    let chain = &market.chain;
    let others = vec![account_of(&dev::eve())];
    let joint = multisig_of(vec![account_of(signer), others[0].clone()], 1);
    chain
        .submit_good(&dev::alice(), &chain.transfer(&joint, 100 * KGR))
        .await;
    let call = chain.call("Multisig", "as_multi_threshold_1", (others, market.job()));
    let done = chain.submit_good(signer, &call).await;
    assert_eq!(requester_of(&done), joint);
    (joint, Sent::of(&done).expect("it is accepted"))
}

/// The account that a multisig of these signatories has.
fn multisig_of(mut signatories: Vec<AccountId>, threshold: u16) -> AccountId {
    signatories.sort();
    let entropy = (b"modlpy/utilisuba", signatories, threshold).encode();
    AccountId::from(sp_io::hashing::blake2_256(&entropy))
}

fn requester_of(done: &InBlock) -> AccountId {
    let submitted = done
        .events
        .iter()
        .find(|e| e.is("ComputeMarket", "JobSubmitted"));
    let event = submitted.unwrap_or_else(|| panic!("no job was accepted: {:?}", done.events));
    event.decode::<(kagari_primitives::JobId, AccountId)>().1
}

async fn a_job_of_several_signatories_or_of_the_scheduler_is_refused(market: &Market) {
    let chain = &market.chain;

    let error = send_by_multisig_of_two(market).await;
    assert_eq!(
        error, "ComputeMarket::NotTrailing",
        "the weight stands behind the job"
    );
    let error = send_by_scheduler(market).await;
    assert_eq!(
        error, "ComputeMarket::NotTrailing",
        "no extrinsic carries the job"
    );

    let head = chain.head().await.hash;
    let jobs = chain.entries_of("ComputeMarket", "Jobs", head).await;
    assert!(jobs.is_empty(), "{jobs:?}");
    market.assert_unharmed().await;
}

/// Sends the job by two signatories, and gives the error that it met.
async fn send_by_multisig_of_two(market: &Market) -> String {
    let (chain, dave, eve) = (&market.chain, dev::dave(), dev::eve());
    let joint = multisig_of(vec![account_of(&dave), account_of(&eve)], 2);
    chain
        .submit_good(&dev::alice(), &chain.transfer(&joint, 100 * KGR))
        .await;
    // Reference time and proof size, each compact.
    let weight = (
        codec::Compact(300_000_000_000u64),
        codec::Compact(1_000_000u64),
    );
    let approve = |other: &Keypair, since: Option<(u32, u32)>| {
        let args = (2u16, vec![account_of(other)], since, market.job(), weight);
        chain.call("Multisig", "as_multi", args)
    };
    let first = chain.submit_good(&dave, &approve(&eve, None)).await;
    let opened = first
        .events
        .iter()
        .find(|e| e.is("Multisig", "NewMultisig"));
    let index = opened.expect("the multisig waits for the second").extrinsic;
    let since = (
        first.block.number,
        index.expect("it came from an extrinsic"),
    );
    let second = chain.submit_good(&eve, &approve(&dave, Some(since))).await;
    let executed = second
        .events
        .iter()
        .find(|e| e.is("Multisig", "MultisigExecuted"));
    let executed = executed.expect("the second approval runs the call");
    type Executed = (AccountId, (u32, u32), AccountId, [u8; 32]);
    let known = <Executed as Encode>::encoded_size(&executed.decode::<Executed>());
    error_in_result(chain, &executed.fields[known..])
}

/// Has the scheduler send the job, and gives the error that it met.
async fn send_by_scheduler(market: &Market) -> String {
    let (chain, alice) = (&market.chain, dev::alice());
    // `OriginCaller::system(RawOrigin::Signed(dave))`.
    let origin = (0u8, 1u8, account_of(&dev::dave()));
    let as_dave = chain.call("Utility", "dispatch_as", (origin, market.job()));
    let task = (2u32, None::<(u32, u32)>, 0u8, as_dave);
    let schedule = chain.call("Scheduler", "schedule_after", task);
    let done = chain
        .submit_good(&alice, &chain.call("Sudo", "sudo", schedule))
        .await;
    let scheduled = done.events.iter().find(|e| e.is("Scheduler", "Scheduled"));
    let scheduled = scheduled.unwrap_or_else(|| panic!("it is scheduled: {:?}", done.events));
    let (when, _): (u32, u32) = scheduled.decode();
    chain.wait_for_height(when + 1).await;
    let events = chain.events(chain.block(when).await.hash).await;
    let dispatched = events.iter().find(|e| e.is("Utility", "DispatchedAs"));
    let dispatched = dispatched.unwrap_or_else(|| panic!("nothing was dispatched: {events:?}"));
    error_in_result(chain, &dispatched.fields)
}

/// The error in an encoded `DispatchResult`.
fn error_in_result(chain: &Chain, result: &[u8]) -> String {
    match result {
        [1, error @ ..] => crate::common::event::error_name(error, chain.metadata()),
        _ => panic!("the call did not fail: {result:?}"),
    }
}

async fn jobs_that_share_an_extrinsic_are_each_served_or_refused(market: &Market) {
    let (chain, dave, input) = (&market.chain, dev::dave(), &market.prepared.input);

    let twice = chain.batch_all(&[market.job(), market.job()]);
    chain
        .assert_refused(&dave, &[(twice, "ComputeMarket::DuplicateJob")])
        .await;

    // The extrinsic ends with the longer input, and so with the shorter one, too.
    let longer = [&[2_003, 2_003], &input[..]].concat();
    let both = chain.force_batch(&[market.job(), market.job_with(&longer)]);
    let done = chain.submit_good(&dave, &both).await;
    let sent = Sent::all_of(&done);
    println!("of two jobs with a common end, {} were taken", sent.len());
    assert!(!sent.is_empty());
    for sent in sent {
        let is_short = input_len(chain, sent).await as usize == input.len();
        let own = if is_short { input } else { &longer };
        market.assert_served("with a common end", sent, own).await;
    }
    market.assert_unharmed().await;
}

async fn input_len(chain: &Chain, sent: Sent) -> u32 {
    let block = chain.block(sent.block).await.hash;
    let info: Option<kagari_primitives::JobInfo> =
        chain.runtime_call("ComputeApi_job", sent.job, block).await;
    info.expect("it is open in the block that brought it")
        .input_len
}
