// How fast llama.cpp runs a model on the CPU, through node-llama-cpp: a line of JSON, medians of five runs.
//
// Usage: node bench-llama-cpp.mjs MODEL.gguf THREADS, in a folder that has node-llama-cpp

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const PREFILL = 512;
const DECODE = 128;
const PROMPT = 16;
const RUNS = 5;

const [modelPath, threads] = [process.argv[2], Number(process.argv[3])];
const require = createRequire(join(process.cwd(), 'package.json'));
const { getLlama } = await import(pathToFileURL(require.resolve('node-llama-cpp')).href);

const words = (count) => Array.from({ length: count }, (_, i) => 17 + ((i * 7919) % 40000));
const median = (runs) => runs.toSorted((a, b) => a - b)[Math.floor(runs.length / 2)];
const seconds = () => performance.now() / 1000;

const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ contextSize: 1024, batchSize: 512, threads });
const sequence = context.getSequence();

async function prefill() {
  await sequence.clearHistory();
  const begun = seconds();
  await sequence.evaluateWithoutGeneratingNewTokens(words(PREFILL));
  return PREFILL / (seconds() - begun);
}

async function decode() {
  await sequence.clearHistory();
  let count = 0;
  let begun;
  for await (const _ of sequence.evaluate(words(PROMPT), { temperature: 0, yieldEogToken: true })) {
    begun ??= seconds();
    if (++count === DECODE) break;
  }
  return (count - 1) / (seconds() - begun);
}

async function medianOf(measure) {
  const runs = [];
  for (let run = 0; run < RUNS; run += 1) runs.push(await measure());
  return Number(median(runs).toFixed(1));
}

const result = { name: 'llama.cpp', prefill: await medianOf(prefill), decode: await medianOf(decode) };
console.log(JSON.stringify(result));
process.exit(0);
