// The path of the market as somebody with @polkadot/api and no types of their own goes it: bond, delegate, offer, a
// sealed-bid auction, a leased machine, undelegate, unbond. At every step a call is refused, in words, and changes
// nothing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bnToU8a, hexToU8a, stringToU8a, u8aConcat } from '@polkadot/util';
import { blake2AsU8a, randomAsU8a } from '@polkadot/util-crypto';
import {
  accounts, api, chainAt, dataOf, eventsOf, free, held, modelNamed, node, provider, refuse, registration, send,
  startChain, stopChain, untilBlock, watch,
} from './chain.mjs';

const MODEL = 'all-MiniLM-L6-v2';
const KGR = 10n ** 12n;
const BOND = 1_000n * KGR;
const DELEGATED = 500n * KGR;
const PERCENT = 10_000;
const MAX_PRICE = 5n * KGR;
/** Blocks of the lease. */
const LEASE = 30;
/** Blocks that a job is given on it: enough for the slowest machine that tests run on. */
const DEADLINE = 20;

// The providers, who backs one of them, and who leases a machine.
const [bob, charlie, eve, ferdie, dave] = accounts('Bob', 'Charlie', 'Eve', 'Ferdie', 'Dave');
const [bobsBid, charliesBid, evesBid] = [bidOf(bob, 2n), bidOf(charlie, 3n), bidOf(eve, 1n)];

let model;
/** The block at which the lease ends: once its last jobs have been judged. */
let leaseDue;
/** The event that the auction began with. */
let opened;
/** The event that the lease began with. */
let started;

before(async () => {
  await startChain();
  model = await modelNamed(MODEL);
});
after(stopChain);

/** A bid of so many KGR per block, with the salt that seals it. */
function bidOf(bidder, price) {
  return { bidder, price: price * KGR, salt: randomAsU8a(32) };
}

/** The hash that a bid is sealed with: its parts, one after the other. */
function commitment(auction, { bidder, price, salt }) {
  const littleEndian = bnToU8a(price, { bitLength: 128, isLe: true });
  const parts = [stringToU8a('kagari-bid'), hexToU8a(auction), bidder.publicKey, littleEndian, salt];
  return blake2AsU8a(u8aConcat(...parts));
}

function commit(auction, bid) {
  return api.tx.computeMarket.commitBid(auction, commitment(auction, bid));
}

function reveal(auction, { price, salt }) {
  return api.tx.computeMarket.revealBid(auction, price, salt);
}

/** What the auctions are about, but for what a test wants otherwise. */
function terms(others) {
  // The least tier, the exact kernels and any region are what fields that are left out stand for.
  const periods = { commitPeriod: 10, revealPeriod: 6 };
  return { model, machines: 1, blocks: LEASE, maxPrice: MAX_PRICE, ...periods, ...others };
}

async function openAuction(others) {
  const events = await send(api.tx.computeMarket.openAuction(terms(others)), dave);
  return dataOf(events, 'AuctionOpened');
}

function providerNow(account) {
  return provider.send('compute_provider', [account.address]);
}

/** A job as `compute_prepare` gives it. */
function prepare() {
  return provider.send('compute_prepare', [{ model: MODEL, text: 'many small flames, one light' }]);
}

async function untilSettled(events) {
  const job = dataOf(events, 'JobSubmitted').job.toHex();
  const seen = await watch(job);
  assert.equal(seen.at(-1).state, 'settled', node.log());
  return provider.send('compute_job', [job]);
}

/** The names, among what a pallet shows to people, that come without a word about them. */
function unexplained(pallet) {
  const variants = (part) => api.registry.lookup.getSiType(part.unwrap().type).def.asVariant.variants;
  const [calls, errors, events] = [pallet.calls, pallet.errors, pallet.events].map(variants);
  const fields = events.flatMap((event) => [...event.fields]);
  const shown = [calls, errors, events, fields, pallet.storage.unwrap().items, pallet.constants];
  const named = shown.flatMap((items) => [...items]).map((item) => [item.name.toString(), item.docs.join('').trim()]);
  assert.ok(named.length > 0);
  return named.filter(([, words]) => words === '').map(([name]) => `${pallet.name}: ${name}`);
}

test('every call, error, event, field of an event, storage item and constant is explained', () => {
  const ours = ['ComputeMarket', 'ProofOfWorkDone'];
  const pallets = api.registry.metadata.pallets.filter(({ name }) => ours.includes(name.toString()));
  assert.equal(pallets.length, ours.length);
  assert.deepEqual(pallets.flatMap(unexplained), []);
});

test('providers bond, each with a worker key of its own', async () => {
  const { withdrawBond } = api.tx.computeMarket;
  await refuse(withdrawBond(), bob, 'NotProvider: This account is no provider; bond first with `register_provider`.');
  const tooLittle = api.consts.computeMarket.minBond.toBigInt() - 1n;
  await refuse(await registration(bob, tooLittle), bob, 'BondTooSmall: The bond is below `MinBond`.');
  const bobs = await registration(bob, BOND);
  await refuse(bobs, eve, "BadWorkerProof: The proof is not this worker key's signature");

  const [charlies, eves] = [await registration(charlie, BOND), await registration(eve, BOND)];
  await Promise.all([send(bobs, bob), send(charlies, charlie), send(eves, eve)]);
  assert.equal(await held(bob, 'Bond'), BOND);
  assert.equal((await providerNow(bob)).status, 'active');
  await refuse(withdrawBond(), bob, 'NotUnbonding: The provider is not unbonding; call `unbond` first.');
});

test('an account backs a provider, which names its commission before', async () => {
  const { delegate, setCommission } = api.tx.computeMarket;
  const least = api.consts.computeMarket.minDelegation.toBigInt();
  const takesNone = 'TakesNoDelegations: The provider takes no delegations; it does from its first `set_commission` on.';
  await refuse(delegate(bob.address, least), ferdie, takesNone);
  await send(setCommission(10 * PERCENT), bob);
  await Promise.all([
    refuse(delegate(bob.address, least - 1n), ferdie, 'DelegationTooSmall: The amount is below `MinDelegation`.'),
    refuse(delegate(bob.address, least), bob, 'DelegatesToItself: A provider cannot delegate to itself'),
    refuse(delegate(ferdie.address, least), dave, 'NotProvider: This account is no provider'),
  ]);

  const before = await free(ferdie);
  await send(delegate(bob.address, DELEGATED), ferdie);
  const spent = before - (await free(ferdie));
  assert.ok(spent > DELEGATED && spent < DELEGATED + KGR, 'the amount and a fee have left its account');
  assert.equal(await held(bob, 'Bond'), BOND + DELEGATED, 'both are held on the provider');
  const { bond, delegated } = await providerNow(bob);
  assert.deepEqual([BigInt(bond), BigInt(delegated)], [BOND, DELEGATED]);

  const rising = 'CommissionRises: A commission can fall, but not rise.';
  await refuse(setCommission(20 * PERCENT), bob, rising);
  await send(setCommission(5 * PERCENT), bob);
  assert.equal((await providerNow(bob)).commission, 5 * PERCENT);
});

test('providers offer a model at a price', async () => {
  const { setOffer } = api.tx.computeMarket;
  await Promise.all([
    refuse(setOffer(model, 0, 2), bob, 'PriceZero: The price is zero; name what a work unit costs.'),
    refuse(setOffer(model, 1_000_000_000n, 2), dave, 'NotProvider: This account is no provider'),
  ]);
  await Promise.all([
    send(setOffer(model, 1_000_000_000n, 2), bob),
    send(setOffer(model, 2_000_000_000n, 2), charlie),
  ]);
  const offers = await provider.send('compute_offers', [MODEL]);
  assert.deepEqual(offers.map((offer) => offer.provider), [bob.address, charlie.address]);
});

test('who backs a provider has a part of what it earns', async () => {
  const { spec, input } = await prepare();
  const events = await send(api.tx.computeMarket.submitJob(spec, input), dave);
  assert.equal(dataOf(events, 'JobAssigned').provider.toString(), bob.address, 'the cheapest offer gets the job');
  await untilSettled(events);
  const { delegated } = await providerNow(bob);
  assert.ok(BigInt(delegated) > DELEGATED, 'a part of the reward is theirs');
  assert.equal(await held(bob, 'Bond'), BOND + BigInt(delegated));
});

test('an auction can be taken back as long as nobody has bid', async () => {
  const { cancelAuction, openAuction: open } = api.tx.computeMarket;
  const outOfBounds = 'BiddingOutOfBounds: The time for commitments or for reveals is zero or above `MaxBidding`.';
  await refuse(open(terms({ commitPeriod: 0 })), dave, outOfBounds);
  const { auction } = await openAuction();
  assert.equal(await held(dave, 'Escrow'), MAX_PRICE * BigInt(LEASE), 'what the machine costs at most is held');

  await refuse(cancelAuction(auction), ferdie, 'NotYours: ');
  await send(cancelAuction(auction), dave);
  assert.equal(await held(dave, 'Escrow'), 0n, 'it is given back');
  await refuse(cancelAuction(auction), dave, 'NoSuchAuction: No such auction is open.');
});

test('providers with an offer bid, under seal', async () => {
  const { cancelAuction, setOffer } = api.tx.computeMarket;
  opened = await openAuction();
  const auction = opened.auction.toHex();
  await Promise.all([bobsBid, charliesBid].map((bid) => send(commit(auction, bid), bid.bidder)));
  const deposit = api.consts.computeMarket.bidDeposit.toBigInt();
  assert.equal(await held(bob, 'Bid'), deposit);

  const evesCommitment = commit(auction, evesBid);
  const notEligible = 'NotEligible: The caller has no standing offer with room';
  const notOpen = 'RevealsNotOpen: The time for reveals has not come; it begins when that for commitments is over.';
  await Promise.all([
    refuse(evesCommitment, eve, notEligible),
    refuse(cancelAuction(auction), dave, 'HasBids: Somebody has bid already; the auction takes its course.'),
    refuse(reveal(auction, bobsBid), bob, notOpen),
    refuse(commit(auction, charliesBid), charlie, 'BidsAlready: This provider has bid already; a provider bids once.'),
  ]);
  await send(setOffer(model, 3_000_000_000n, 1), eve);
  await send(evesCommitment, eve);
  assert.equal(await held(eve, 'Bid'), deposit);
});

test('bids are revealed as they were committed', async () => {
  const auction = opened.auction.toHex();
  await untilBlock(opened.commitUntil.toNumber());
  const other = { ...bobsBid, price: bobsBid.price + 1n };
  await Promise.all([
    refuse(reveal(auction, other), bob, 'OtherBid: Price and salt are not those that were committed.'),
    refuse(reveal(auction, bobsBid), ferdie, 'NoSuchBid: The caller has not bid in this auction.'),
  ]);
  // Eve would win, and keeps her bid to herself.
  const [bobs] = await Promise.all([bobsBid, charliesBid].map((bid) => send(reveal(auction, bid), bid.bidder)));
  assert.equal(dataOf(bobs, 'BidRevealed').price.toBigInt(), bobsBid.price);
});

test('the cheapest bid wins and is paid what the next one asks, and one kept sealed costs its deposit', async () => {
  const cleared = opened.revealUntil.toNumber() + 1;
  await untilBlock(cleared);
  const events = await eventsOf(cleared);
  started = dataOf(events, 'LeaseStarted');
  assert.deepEqual(started.providers.map(String), [bob.address]);
  assert.equal(started.price.toBigInt(), charliesBid.price, "the cheapest loser's price");
  leaseDue = (await api.query.computeMarket.leases(started.lease)).unwrap().due.toNumber();
  assert.equal(await held(dave, 'Escrow'), charliesBid.price * BigInt(LEASE), 'the rest is given back');

  const forfeited = dataOf(events, 'DepositForfeited');
  const deposit = api.consts.computeMarket.bidDeposit.toBigInt();
  assert.deepEqual([forfeited.provider.toString(), forfeited.amount.toBigInt()], [eve.address, deposit]);
  const evesBefore = await free(eve, await chainAt(cleared - 1));
  assert.equal(await free(eve), evesBefore - deposit);
  const deposits = await Promise.all([bob, charlie, eve].map((bidder) => held(bidder, 'Bid')));
  assert.deepEqual(deposits, [0n, 0n, 0n], 'nothing is held for bids any more');
});

test('a leased machine does the jobs of who has leased it', async () => {
  const { submitLeasedJob } = api.tx.computeMarket;
  const { spec, input } = await prepare();
  const leased = (machine, deadline) => {
    return submitLeasedJob(started.lease, machine.address, { ...spec, deadline }, input);
  };
  await refuse(leased(bob, LEASE + 1), dave, "PastLease: The job's deadline is after the end of the lease");
  await Promise.all([
    refuse(leased(charlie, 3), dave, 'NotLeased: The lease has no machine of this provider, or none any more.'),
    refuse(leased(bob, 3), ferdie, 'NotYours: '),
  ]);
  const events = await send(leased(bob, DEADLINE), dave);
  assert.equal(dataOf(events, 'JobSubmitted').escrow.toBigInt(), 0n, 'the lease has paid for it');
  const { output } = await untilSettled(events);
  assert.equal(output.vector.length, 384, 'the embedding is there');
});

test('what is delegated can be taken back after the unbonding period, and not before', async () => {
  const { undelegate, withdrawDelegation } = api.tx.computeMarket;
  const nothing = 'NothingDelegated: Nothing that could be taken back is delegated here by this account.';
  await refuse(undelegate(bob.address, KGR), dave, nothing);
  const { delegated } = await providerNow(bob);
  const events = await send(undelegate(bob.address, DELEGATED), ferdie);
  const { amount, until } = dataOf(events, 'Undelegating');
  assert.equal(amount.toBigInt(), BigInt(delegated), 'what would stay is less than the least, so that all of it goes');
  const now = await api.query.system.number();
  assert.ok(until.toNumber() > now.toNumber(), 'the event says when');

  const tooEarly = 'StillUnbonding: The unbonding period is not over';
  await refuse(withdrawDelegation(bob.address, ferdie.address), ferdie, tooEarly);
  assert.equal((await providerNow(bob)).delegated, delegated, 'it still backs the provider');
});

test('a provider that unbonds takes nothing new, and waits for its bond', async () => {
  const { delegate, setOffer, unbond, withdrawBond } = api.tx.computeMarket;
  await refuse(unbond(), dave, 'NotProvider: This account is no provider');
  const events = await send(unbond(), bob);
  const until = dataOf(events, 'Unbonding').until.toNumber();

  const isUnbonding = 'IsUnbonding: The provider is unbonding and can offer nothing.';
  await Promise.all([
    refuse(setOffer(model, 1_000_000_000n, 2), bob, isUnbonding),
    refuse(delegate(bob.address, DELEGATED), dave, isUnbonding),
  ]);
  const tooEarly = 'StillUnbonding: The unbonding period is not over; see the event `Unbonding` for its end.';
  await refuse(withdrawBond(), bob, tooEarly);
  const record = await providerNow(bob);
  assert.deepEqual([record.status, record.until], ['unbonding', until]);
  assert.equal(await held(bob, 'Bond'), BOND + BigInt(record.delegated), 'all of it is still held');
  const offers = await provider.send('compute_offers', [MODEL]);
  assert.ok(!offers.some((offer) => offer.provider === bob.address), 'its offer is withdrawn');
});

test('a machine is paid when its lease is over', async () => {
  const end = leaseDue;
  await untilBlock(end);
  const events = await eventsOf(end);
  const { paid, burned } = dataOf(events, 'LeasePaid');
  dataOf(events, 'LeaseEnded');
  assert.equal(paid.toBigInt(), charliesBid.price * BigInt(LEASE));
  const [before, then] = await Promise.all([free(bob, await chainAt(end - 1)), free(bob, await chainAt(end))]);
  assert.equal(then - before, paid.toBigInt() - burned.toBigInt());
  assert.equal(await held(dave, 'Escrow'), 0n, 'nothing is held any more');
});
