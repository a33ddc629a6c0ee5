// llama.cpp on the CPU, through node-llama-cpp, for offchain-worker/inference/examples/compare-llama-cpp.
// A request is a line of JSON: {"text"}, for the ids of a user's text, or {"words", "from", "oneByOne"}, for
// the logits after each of these ids from number `from` on, one vocabulary after the other; the ids pass
// through the layers together or one by one. An answer is the number of ids or logits, and then these, in
// four bytes each.
//
// Usage: node compare-llama-cpp.mjs MODEL.gguf THREADS, in a folder that has node-llama-cpp

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// The longest prompt and its continuation fit.
const CONTEXT = 2048;
const BATCH = 512;

const [modelPath, threads] = [process.argv[2], Number(process.argv[3])];
const require = createRequire(join(process.cwd(), 'package.json'));
const { getLlama } = await import(pathToFileURL(require.resolve('node-llama-cpp')).href);

// Warnings would go to the standard output, among the answers.
const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, logLevel: 'error' });
const model = await llama.loadModel({ modelPath });
const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
const together = await sequenceOf({ batchSize: BATCH });
const singly = await sequenceOf({ batchSize: 1 });

async function sequenceOf(options) {
  const context = await model.createContext({ contextSize: CONTEXT, threads, ...options });
  return context.getSequence();
}

// Special tokens in the text are taken for the characters that they are made of.
const ids = (text) => Uint32Array.from(model.tokenize(text, false));

// As they come from the last layer: no sampler has a part in it.
async function logits({ words, from, oneByOne }) {
  const sequence = oneByOne ? singly : together;
  await sequence.clearHistory();
  const shown = words.slice(from).map((word) => [word, { generateNext: { logits: true } }]);
  const output = await sequence.controlledEvaluate([...words.slice(0, from), ...shown]);
  const all = new Float32Array(shown.length * vocabulary).fill(NaN);
  for (const [position, { next }] of output.slice(from).entries()) {
    for (const [id, logit] of next.logits) all[position * vocabulary + id] = logit;
  }
  if (all.some(Number.isNaN)) throw new Error('llama.cpp gives no logit for some of the tokens');
  return all;
}

// node:readline would split texts at other ends of lines, which JSON leaves as they are.
async function* lines(stream) {
  let rest = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    const whole = (rest + chunk).split('\n');
    rest = whole.pop();
    yield* whole;
  }
}

const write = (array) =>
  new Promise((resolve) => {
    process.stdout.write(Buffer.from(array.buffer, array.byteOffset, array.byteLength), resolve);
  });

for await (const line of lines(process.stdin)) {
  const request = JSON.parse(line);
  const answer = 'text' in request ? ids(request.text) : await logits(request);
  await write(Uint32Array.of(answer.length));
  await write(answer);
}
process.exit(0);
