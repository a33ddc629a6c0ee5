// The path of a job as somebody with @polkadot/api and no types of their own goes it: bond, offer,
// prepare, submit, watch, read the output.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  accounts, api, dataOf, free, modelNamed, node, provider, registration, send, startChain, stopChain, watch,
} from './chain.mjs';

const MODEL = 'SmolLM2-135M-Instruct-Q4_1';
const PRICE = 1_000_000_000n;

const [bob, dave, eve] = accounts('Bob', 'Dave', 'Eve');

before(startChain);
after(stopChain);

test('a provider bonds and makes an offer', async () => {
  const bond = api.consts.computeMarket.minBond.toBigInt() * 10n;
  await send(await registration(bob, bond), bob);

  const model = await modelNamed(MODEL);
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
  const job = dataOf(events, 'JobSubmitted').job.toHex();

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
  const call = await registration(eve, 1);
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
