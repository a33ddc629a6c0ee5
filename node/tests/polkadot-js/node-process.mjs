// A node under test: the real binary as a process of its own, on free ports, with its own base path.

import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** The binary: what KAGARI_NODE names, else what cargo has built. */
function binary() {
  const target = process.env.CARGO_TARGET_DIR ?? join(REPOSITORY, 'target');
  return process.env.KAGARI_NODE ?? join(target, 'debug', 'kagari-node');
}

function modelsFolder() {
  return process.env.KAGARI_MODELS ?? join(homedir(), '.cache', 'kagari', 'models');
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts a development chain whose one node also works for a provider. */
export async function startNode() {
  const base = mkdtempSync(join(tmpdir(), 'kagari-polkadot-js-'));
  const logPath = join(base, 'terminal.log');
  const log = openSync(logPath, 'a');
  const rpcPort = await freePort();
  const child = spawn(
    binary(),
    [
      '--dev', '--provider', '--no-mdns', '--no-prometheus', '--no-telemetry',
      `--models=${modelsFolder()}`, `--base-path=${base}`,
      `--rpc-port=${rpcPort}`, `--listen-addr=/ip4/127.0.0.1/tcp/${await freePort()}`,
    ],
    { stdio: ['ignore', log, log], detached: true },
  );
  const node = {
    url: `ws://127.0.0.1:${rpcPort}`,
    ended: null,
    log: () => readFileSync(logPath, 'utf8').split('\n').slice(-60).join('\n'),
    kill,
  };
  const gone = new Promise((resolve) => {
    child.once('error', (error) => resolve(String(error)));
    child.once('exit', (code, signal) => resolve(`exit code ${code}, signal ${signal}`));
  }).then((how) => {
    node.ended = how;
  });

  // Whatever becomes of this process, the node does not outlive it.
  const killGroup = () => {
    if (node.ended === null && child.pid) process.kill(-child.pid, 'SIGKILL');
  };
  process.once('exit', killGroup);

  async function kill() {
    killGroup();
    await gone;
    process.removeListener('exit', killGroup);
    rmSync(base, { recursive: true, force: true });
  }
  await untilReady(node);
  return node;
}

/** Waits until the node takes connections. */
async function untilReady(node) {
  for (let looks = 0; looks < 900; looks += 1) {
    if (node.ended !== null) throw new Error(`the node has ended (${node.ended}):\n${node.log()}`);
    if (await isReady(node.url)) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`the node did not come up:\n${node.log()}`);
}

async function isReady(url) {
  const health = { jsonrpc: '2.0', id: 1, method: 'system_health', params: [] };
  const headers = { 'content-type': 'application/json' };
  const request = { method: 'POST', headers, body: JSON.stringify(health) };
  const answer = await fetch(url.replace('ws:', 'http:'), request).catch(() => null);
  return answer?.ok ?? false;
}
