// What somebody with @polkadot/api and no types of their own does on a chain under test. Every test file runs in a
// process of its own, and starts one chain of its own.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { startNode } from './node-process.mjs';

// Who imports these sees them once the chain is up.
export let node;
export let provider;
export let api;

const keyring = new Keyring({ type: 'sr25519' });

export async function startChain() {
  node = await startNode();
  provider = new WsProvider(node.url);
  api = await ApiPromise.create({ provider, noInitWarn: true });
}

export async function stopChain() {
  await api?.disconnect();
  await node?.kill();
}

/** The well-known accounts of these names. */
export function accounts(...names) {
  return names.map((name) => keyring.addFromUri(`//${name}`));
}

/** What a refused call says, as a person would be shown it. */
export function explain(error) {
  if (!error.isModule) return error.toString();
  const { section, name, docs } = api.registry.findMetaError(error.asModule);
  return `${section}.${name}: ${docs.join(' ')}`;
}

/** Signs and sends a call; resolves with its events once it is in a block. */
export function send(call, signer) {
  return new Promise((resolve, reject) => {
    const onStatus = ({ status, events, dispatchError, isError }) => {
      if (dispatchError) return reject(refusal(dispatchError, status));
      if (status.isInBlock) return resolve(events.map(({ event }) => event));
      if (isError) return reject(new Error(status.toString()));
      return undefined;
    };
    call.signAndSend(signer, { nonce: -1 }, onStatus).catch(reject);
  });
}

/** Why a call was refused, and in which block. */
function refusal(dispatchError, status) {
  const block = status.isInBlock ? status.asInBlock : status.asFinalized;
  return Object.assign(new Error(explain(dispatchError)), { block });
}

/** Sends a call that the market must refuse in these words; nothing but the fee may have changed. */
export async function refuse(call, signer, words) {
  const { section, method } = call.method;
  const wentThrough = () => assert.fail(`${section}.${method} went through`);
  const error = await send(call, signer).then(wentThrough, (refused) => refused);
  console.log(`refused: ${error.message}`);
  assert.ok(error.message.startsWith(`computeMarket.${words}`), error.message);
  const { parentHash } = await api.rpc.chain.getHeader(error.block);
  assert.deepEqual(await marketAt(error.block), await marketAt(parentHash), 'nothing has changed');
}

/** What the market keeps of people, and what is held on them, after a block. */
async function marketAt(block) {
  const { query } = await api.at(block);
  const { providers, workers, delegations, auctions, leases, jobs } = query.computeMarket;
  const maps = [providers, workers, delegations, auctions, leases, jobs, query.balances.holds];
  const entries = await Promise.all(maps.map((map) => map.entries()));
  return entries.flat().map(([key, value]) => [key.toHex(), value.toHex()]);
}

/** The data of the one event of the market's with this name. */
export function dataOf(events, name) {
  const found = events.filter((event) => api.events.computeMarket[name].is(event));
  const names = events.map(({ method }) => method);
  assert.equal(found.length, 1, `one ${name} among ${names.join(', ')}`);
  return found[0].data;
}

/** Watches a job until it has ended; resolves with every state it was seen in. */
export function watch(job) {
  const ends = ['settled', 'refunded', 'cancelled', 'discarded'];
  return new Promise((resolve, reject) => {
    const seen = [];
    const onUpdate = (error, update) => {
      if (error) return reject(error);
      // The node has not seen the job yet.
      if (update === null) return undefined;
      seen.push(update);
      return ends.includes(update.state) ? resolve(seen) : undefined;
    };
    provider.subscribe('compute_jobUpdate', 'compute_subscribeJob', [job], onUpdate).catch(reject);
  });
}

/** Waits until the chain has a block of this number. */
export async function untilBlock(number) {
  for (;;) {
    const header = await api.rpc.chain.getHeader();
    if (header.number.toNumber() >= number) return;
    await sleep(300);
  }
}

/** The chain after the block of this number. */
export async function chainAt(number) {
  return api.at(await api.rpc.chain.getBlockHash(number));
}

/** All events of the block of this number. */
export async function eventsOf(number) {
  const { query } = await chainAt(number);
  const records = await query.system.events();
  return records.map(({ event }) => event);
}

/** All that an account has, spendable or not. */
export async function free(account, { query } = api) {
  const { data } = await query.system.account(account.address);
  return data.free.toBigInt() + data.reserved.toBigInt();
}

/** What the market holds on an account for a reason. */
export async function held(account, reason) {
  const holds = await api.query.balances.holds(account.address);
  const isIt = ({ id }) => id.isComputeMarket && id.asComputeMarket.type === reason;
  return holds.find(isIt)?.amount.toBigInt() ?? 0n;
}

/** The call that bonds an account, with a new worker key in the node's keystore. */
export async function registration(account, bond) {
  const { worker, proof } = await provider.send('compute_rotateWorkerKey', [account.address]);
  const hardware = { description: 'a machine under test', cores: 2, memory: 1024 };
  return api.tx.computeMarket.registerProvider(bond, worker, proof, hardware);
}

/** The id of the registered model of this name. */
export async function modelNamed(name) {
  const models = await provider.send('compute_models', []);
  const found = models.find((model) => model.name === name);
  assert.ok(found, `the model is registered: ${JSON.stringify(models)}`);
  return found.model;
}
