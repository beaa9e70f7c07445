import { join } from 'node:path';
import type { ModuleSpecInput } from '../../core/config/schema.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { writeConfig, type OrchestrationInput } from '../support/frontier-config.ts';
import { REPOSITORY, startFrontier, type RunningFrontier } from '../support/frontier.ts';
import { startPart, type Part } from '../support/process.ts';

/** What the two servers answer: no word of one stands in the other, so that a splice shows. */
export const PRIMARY_ANSWER =
  'Primary says: the capital you are asking about is called Paris, known everywhere since long ago, beside its river, with bridges.';
export const SECONDARY_ANSWER =
  'Secondary replies that Paris has been capital of France for centuries and remains so today; nothing else could be meant here.';

/** A server that fails as it is told. */
export interface FaultUpstream {
  readonly url: string;
  readonly part: Part;
  /** Makes it fail from now on; clears its count. */
  fail(kind: string): Promise<void>;
  /** Completions it was asked for since the last `fail`. */
  asked(): Promise<number>;
}

/** Starts test/fixtures/fault-upstream.ts as a process. */
export async function startFaultUpstream(answer: string, port?: number): Promise<FaultUpstream> {
  const taken = port ?? (await freePort());
  const url = `http://127.0.0.1:${taken}`;
  const part = await startPart({
    command: process.execPath,
    args: [join(REPOSITORY, 'test', 'fixtures', 'fault-upstream.ts')],
    env: { PORT: String(taken), ANSWER: answer, NODE_OPTIONS: undefined },
    ready: async () => (await fetch(`${url}/fault`)).ok,
  });
  return {
    url,
    part,
    fail: async (kind) => {
      const { status } = await fetch(`${url}/fault`, { method: 'PUT', body: JSON.stringify({ kind }) });
      if (status !== 204) throw new Error(`there is no fault "${kind}"`);
    },
    asked: async () => ((await (await fetch(`${url}/fault`)).json()) as { asked: number }).asked,
  };
}

export interface FaultSystem {
  readonly frontier: RunningFrontier;
  readonly primary: FaultUpstream;
  readonly secondary: FaultUpstream;
}

export interface FaultSystemOptions {
  readonly orchestration?: OrchestrationInput;
  readonly primary?: Partial<ModuleSpecInput>;
  readonly args?: readonly string[];
  /** Modules that are waited for; both when left out. */
  readonly ready?: readonly string[];
}

/** Starts a whole system over two servers: `primary` answers every class, `secondary` is its fallback. */
export async function startFaultSystem(options: FaultSystemOptions = {}): Promise<FaultSystem> {
  const primary = await startFaultUpstream(PRIMARY_ANSWER);
  const secondary = await startFaultUpstream(SECONDARY_ANSWER);
  const configDir = writeConfig(options.orchestration ?? {}, [
    {
      module_id: 'primary',
      query_classes: ['CODE_GENERATION', 'BUSINESS_ANALYSIS', 'CREATIVE_CONTENT', 'MULTIMODAL', 'GENERAL'],
      adapter: { type: 'openai', url: `${primary.url}/v1`, model: 'faulty' },
      scaling: { min_replicas: 1 },
      fallbacks: ['secondary'],
      ...options.primary,
    },
    {
      module_id: 'secondary',
      adapter: { type: 'openai', url: `${secondary.url}/v1`, model: 'faulty' },
      scaling: { min_replicas: 1 },
    },
  ]);
  const frontier = await startFrontier({ configDir, args: options.args ?? [] });
  const wanted = options.ready ?? ['primary', 'secondary'];
  const areReady = async (): Promise<boolean> => {
    const ready = await readyModules(frontier.url);
    return wanted.every((moduleId) => ready.includes(moduleId));
  };
  await eventually(areReady, { timeoutMs: 30_000, what: 'the modules to be ready' });
  return { frontier, primary, secondary };
}

/** Modules that a system says to be ready. */
export async function readyModules(url: string): Promise<string[]> {
  const reply = await fetch(`${url}/status`);
  const { modules } = (await reply.json()) as { modules: { module_id: string; state: string }[] };
  return modules.filter(({ state }) => state === 'READY').map(({ module_id }) => module_id);
}
