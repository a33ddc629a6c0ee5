// The path of a job as somebody with @polkadot/api and no types of their own goes it: bond, offer,
// prepare, submit, watch, read the output.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { startNode } from './node-process.mjs';

const MODEL = 'SmolLM2-135M-Instruct-Q4_1';
const PRICE = 1_000_000_000n;

let node;
let provider;
let api;
const keyring = new Keyring({ type: 'sr25519' });
const [bob, dave, eve] = ['//Bob', '//Dave', '//Eve'].map((uri) => keyring.addFromUri(uri));

before(async () => {
  node = await startNode();
  provider = new WsProvider(node.url);
  api = await ApiPromise.create({ provider, noInitWarn: true });
});

after(async () => {
  await api?.disconnect();
  await node?.kill();
});

/** What a refused call says, as a person would be shown it. */
function explain(error) {
  if (!error.isModule) return error.toString();
  const { section, name, docs } = api.registry.findMetaError(error.asModule);
  return `${section}.${name}: ${docs.join(' ')}`;
}

/** Signs and sends a call; resolves with its events once it is in a block. */
function send(call, signer) {
  return new Promise((resolve, reject) => {
    const onStatus = ({ status, events, dispatchError, isError }) => {
      if (dispatchError) return reject(new Error(explain(dispatchError)));
      if (status.isInBlock) return resolve(events.map(({ event }) => event));
      if (isError) return reject(new Error(status.toString()));
      return undefined;
    };
    call.signAndSend(signer, { nonce: -1 }, onStatus).catch(reject);
  });
}

/** Watches a job until it has ended; resolves with every state it was seen in. */
function watch(job) {
  return new Promise((resolve, reject) => {
    const seen = [];
    const onUpdate = (error, update) => {
      if (error) return reject(error);
      // The node has not seen the job yet.
      if (update === null) return undefined;
      seen.push(update);
      return ['settled', 'refunded', 'cancelled'].includes(update.state) ? resolve(seen) : undefined;
    };
    provider.subscribe('compute_jobUpdate', 'compute_subscribeJob', [job], onUpdate).catch(reject);
  });
}

async function free(account) {
  const { data } = await api.query.system.account(account.address);
  return data.free.toBigInt() + data.reserved.toBigInt();
}

test('a provider bonds and makes an offer', async () => {
  const { worker, proof } = await provider.send('compute_rotateWorkerKey', [bob.address]);
  const bond = api.consts.computeMarket.minBond.toBigInt() * 10n;
  const hardware = { description: 'a machine under test', cores: 2, memory: 1024 };
  await send(api.tx.computeMarket.registerProvider(bond, worker, proof, hardware), bob);

  const models = await provider.send('compute_models', []);
  const found = models.find(({ name }) => name === MODEL);
  assert.ok(found, `the model is registered: ${JSON.stringify(models)}`);
  const { model } = found;
  await send(api.tx.computeMarket.setOffer(model, PRICE, 2), bob);
  const offers = await provider.send('compute_offers', [MODEL]);
  assert.deepEqual(offers.map((offer) => offer.provider), [bob.address]);
});

test('a requester prepares, submits, watches and reads a job', async () => {
  const messages = [{ role: 'user', content: 'Name the capital of France.' }];
  const request = { model: MODEL, messages, maxNewTokens: 16 };
  const { spec, input } = await provider.send('compute_prepare', [request]);
  const bobBefore = await free(bob);

  const events = await send(api.tx.computeMarket.submitJob(spec, input), dave);
  const submitted = events.find((event) => api.events.computeMarket.JobSubmitted.is(event));
  assert.ok(submitted, 'the job is announced');
  const job = submitted.data.job.toHex();

  const seen = await watch(job);
  const states = seen.map(({ state }) => state);
  console.log(`states: ${states.join(', ')}`);
  assert.equal(states.at(-1), 'settled', node.log());
  const read = await provider.send('compute_job', [job]);
  console.log(`the model says: ${JSON.stringify(read.output.text)}`);
  assert.match(read.output.text, /Paris/);
  assert.deepEqual(read.input.words, input);
  assert.ok((await free(bob)) > bobBefore, 'the provider was paid');
});

test('a refused call says in words why', async () => {
  const { worker, proof } = await provider.send('compute_rotateWorkerKey', [eve.address]);
  const hardware = { description: 'a machine under test', cores: 2, memory: 1024 };
  const call = api.tx.computeMarket.registerProvider(1, worker, proof, hardware);
  await assert.rejects(send(call, eve), (error) => {
    console.log(`refused: ${error.message}`);
    return /computeMarket\.BondTooSmall: The bond is below/.test(error.message);
  });
  const { data } = await api.query.system.account(eve.address);
  assert.equal(data.reserved.toBigInt(), 0n, 'nothing is held');
});

test('a request that makes no sense is refused in words', async () => {
  const request = { model: 'nonsense', text: 'x' };
  await assert.rejects(provider.send('compute_prepare', [request]), /nonsense/);
});
