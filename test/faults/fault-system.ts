import { join } from 'node:path';
import type { ModuleSpecInput } from '../../core/config/schema.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { writeConfig, type OrchestrationInput } from '../support/frontier-config.ts';
import { REPOSITORY, startFrontier, type RunningFrontier } from '../support/frontier.ts';
import { startRedis, type RunningRedis } from '../support/redis.ts';
import type { SystemKind } from './faults.ts';
import { startPart, type Part } from '../support/process.ts';

/** What the two servers answer: no word of one stands in the other, so that a splice shows. */
export const PRIMARY_ANSWER =
  'Primary says: the capital you are asking about is called Paris, known everywhere since long ago, beside its river, with bridges.';
export const SECONDARY_ANSWER =
  'Secondary replies that Paris has been capital of France for centuries and remains so today; nothing else could be meant here.';

/** A server that fails as it is told. */
export interface FaultUpstream {
  readonly url: string;
  /** Its process; undefined for one that the loader has started. */
  readonly part: Part | undefined;
  /** Makes it fail from now on; clears its count. */
  fail(kind: string): Promise<void>;
  /** Completions it was asked for since the last `fail`, by the mark of who asked. */
  marked(): Promise<Readonly<Record<string, number>>>;
}

/** Starts test/fixtures/fault-upstream.ts as a process. */
export async function startFaultUpstream(answer: string, port?: number): Promise<FaultUpstream> {
  const taken = port ?? (await freePort());
  // Told at a port of its own: some faults are in the port itself.
  const control = `http://127.0.0.1:${await freePort()}`;
  const part = await startPart({
    command: process.execPath,
    args: [join(REPOSITORY, 'test', 'fixtures', 'fault-upstream.ts')],
    env: { PORT: String(taken), CONTROL_PORT: new URL(control).port, ANSWER: answer, NODE_OPTIONS: undefined },
    ready: async () => (await fetch(`${control}/fault`)).ok,
  });
  return { url: `http://127.0.0.1:${taken}`, part, ...controlOf(control) };
}

/** Starts test/fixtures/fault-grpc-upstream.ts as a process, which serves gRPC at `grpcPort`. */
export async function startFaultGrpcUpstream(answer: string, grpcPort: number): Promise<FaultUpstream> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const part = await startPart({
    command: process.execPath,
    args: [join(REPOSITORY, 'test', 'fixtures', 'fault-grpc-upstream.ts')],
    env: { PORT: new URL(url).port, GRPC_PORT: String(grpcPort), ANSWER: answer, NODE_OPTIONS: undefined },
    ready: async () => (await fetch(`${url}/fault`)).ok,
  });
  return { url, part, ...controlOf(url) };
}

function controlOf(url: string): Pick<FaultUpstream, 'fail' | 'marked'> {
  return {
    fail: async (kind) => {
      const { status } = await fetch(`${url}/fault`, { method: 'PUT', body: JSON.stringify({ kind }) });
      if (status !== 204) throw new Error(`there is no fault "${kind}"`);
    },
    marked: async () => ((await (await fetch(`${url}/fault`)).json()) as { marked: Record<string, number> }).marked,
  };
}

/** How a primary is reached, or started, by the system. */
type PrimarySpec = Pick<ModuleSpecInput, 'adapter' | 'workload'>;

/** Heap of a workload that is to run out of memory, in MiB. */
const SMALL_HEAP_MIB = 48;

async function startPrimary(
  kind: SystemKind,
): Promise<{ readonly upstream: FaultUpstream; readonly spec: PrimarySpec }> {
  if (kind === 'grpc') {
    const port = await freePort();
    const upstream = await startFaultGrpcUpstream(PRIMARY_ANSWER, port);
    return { upstream, spec: { adapter: { type: 'grpc', url: `grpc://127.0.0.1:${port}` } } };
  }
  if (kind === 'workload') {
    const url = `http://127.0.0.1:${await freePort()}`;
    const script = join(REPOSITORY, 'test', 'fixtures', 'fault-upstream.ts');
    const command = ['node', `--max-old-space-size=${SMALL_HEAP_MIB}`, script];
    const env = { CONTROL_PORT: new URL(url).port, ANSWER: PRIMARY_ANSWER, NODE_OPTIONS: '' };
    const spec: PrimarySpec = { adapter: { type: 'openai', model: 'faulty' }, workload: { command, env } };
    return { upstream: { url, part: undefined, ...controlOf(url) }, spec };
  }
  const upstream = await startFaultUpstream(PRIMARY_ANSWER);
  return { upstream, spec: { adapter: { type: 'openai', url: `${upstream.url}/v1`, model: 'faulty' } } };
}

export interface FaultSystem {
  readonly frontier: RunningFrontier;
  readonly primary: FaultUpstream;
  readonly secondary: FaultUpstream;
  /** Only where the system's kind has it. */
  readonly redis: RunningRedis | undefined;
}

export interface FaultSystemOptions {
  /** `openai` when left out. */
  readonly kind?: SystemKind;
  readonly orchestration?: OrchestrationInput;
  readonly primary?: Partial<ModuleSpecInput>;
  readonly secondary?: Partial<ModuleSpecInput>;
  readonly args?: readonly string[];
  /** Environment of the whole system, put over this one. */
  readonly env?: Readonly<Record<string, string>>;
  /** Modules that are waited for; both when left out. */
  readonly ready?: readonly string[];
}

/** Which stage of the classifier decides depends on time. */
export const ONE_STAGE = { classification: { second_stage: { enabled: false } } };

/** Starts a whole system over two servers: `primary` answers every class, `secondary` is its fallback. */
export async function startFaultSystem(options: FaultSystemOptions = {}): Promise<FaultSystem> {
  const { kind = 'openai' } = options;
  const redis = kind === 'redis' ? await startRedis() : undefined;
  const { upstream: primary, spec } = await startPrimary(kind);
  const secondary = await startFaultUpstream(SECONDARY_ANSWER);
  const configDir = writeConfig({ router: ONE_STAGE, ...options.orchestration, ...storageOf(redis) }, [
    {
      module_id: 'primary',
      query_classes: ['CODE_GENERATION', 'BUSINESS_ANALYSIS', 'CREATIVE_CONTENT', 'MULTIMODAL', 'GENERAL'],
      ...spec,
      scaling: { min_replicas: 1 },
      fallbacks: ['secondary'],
      ...options.primary,
    },
    {
      module_id: 'secondary',
      adapter: { type: 'openai', url: `${secondary.url}/v1`, model: 'faulty' },
      scaling: { min_replicas: 1 },
      ...options.secondary,
    },
  ]);
  const frontier = await startFrontier({ configDir, args: options.args ?? [], env: options.env ?? {} });
  const wanted = options.ready ?? ['primary', 'secondary'];
  const areReady = async (): Promise<boolean> => {
    const ready = await readyModules(frontier.url);
    return wanted.every((moduleId) => ready.includes(moduleId));
  };
  await eventually(areReady, { timeoutMs: 30_000, what: 'the modules to be ready' });
  return { frontier, primary, secondary, redis };
}

function storageOf(redis: RunningRedis | undefined): OrchestrationInput {
  return redis === undefined ? {} : { storage: { type: 'redis', redis: { url: redis.url } } };
}

/** Modules that a system says to be ready. */
export async function readyModules(url: string): Promise<string[]> {
  const reply = await fetch(`${url}/status`);
  const { modules } = (await reply.json()) as { modules: { module_id: string; state: string }[] };
  return modules.filter(({ state }) => state === 'READY').map(({ module_id }) => module_id);
}
