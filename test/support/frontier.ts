import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { asEnvironment } from './frontier-config.ts';
import type { OrchestrationInput } from './frontier-config.ts';
import { processesWith } from './proc.ts';
import type { ProcessInfo } from './proc.ts';
import { startPart } from './process.ts';
import type { Exit } from './process.ts';
import { tempFolder } from './temp-folder.ts';

export const REPOSITORY = join(import.meta.dirname, '..', '..');

/** 0 takes a free one. */
const FREE_PORTS = {
  edge: 0,
  router_grpc: 0,
  router_http: 0,
  mesh: 0,
  loader: 0,
  control_plane: 0,
  envoy_admin: 0,
};

export interface FrontierOptions {
  /** Folder of orchestration-config.yaml and modules/; the repository's own, with the modules that ship, when left out. */
  readonly configDir?: string;
  /** Put over the file's settings. */
  readonly overrides?: OrchestrationInput;
  /** Further arguments of `up`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Data directory; a new one when left out. */
  readonly dataDir?: string;
}

/** A whole system that `frontier up` has started. */
export interface RunningFrontier {
  /** Of `frontier up` itself. */
  readonly pid: number;
  readonly dataDir: string;
  /** The edge as a URL without a slash at its end, and as host:port for gRPC. */
  readonly url: string;
  readonly address: string;
  readonly exited: Promise<Exit>;
  /** Every live process of this system, `frontier up` among them. */
  processes(): ProcessInfo[];
  log(): string;
  /** Stops it with SIGTERM and throws when it does not exit with 0, or a process had to be killed or outlives it. */
  stop(): Promise<void>;
}

/** Starts a system on free ports with a data directory of its own and waits until it serves. */
export async function startFrontier(options: FrontierOptions = {}): Promise<RunningFrontier> {
  const { configDir = REPOSITORY, overrides = {}, args = [], env = {} } = options;
  const dataDir = options.dataDir ?? tempFolder('data');
  const part = await startPart({
    command: process.execPath,
    args: [join(REPOSITORY, 'cli', 'main.ts'), 'up', '--config', join(configDir, 'orchestration-config.yaml'), ...args],
    cwd: REPOSITORY,
    env: {
      ...asEnvironment({ network: { ports: FREE_PORTS }, storage: { data_dir: dataDir } }),
      ...asEnvironment(overrides),
      ...env,
    },
    graceMs: 30_000,
    readyTimeoutMs: 60_000,
    ready: async () => (await fetch(`${endpointsIn(dataDir).http}/health`)).ok,
  });
  const { http: url, grpc: address } = endpointsIn(dataDir);
  const processes = (): ProcessInfo[] => processesWith(dataDir);
  const stop = async (): Promise<void> => {
    await part.stop();
    const { code, signal } = await part.exited;
    if (code !== 0)
      throw new Error(`frontier up ended with ${String(code ?? signal)}:\n${part.stderr().slice(-4_000)}`);
    await allGone(processes);
    noneKilled(dataDir);
  };
  return {
    pid: part.pid,
    dataDir,
    url,
    address,
    exited: part.exited,
    processes,
    log: () => part.stdout() + part.stderr(),
    stop,
  };
}

/** What `frontier up` tells the other commands; throws while it is not there yet. */
function endpointsIn(dataDir: string): { readonly http: string; readonly grpc: string } {
  const run = JSON.parse(readFileSync(join(dataDir, 'run.json'), 'utf8')) as {
    endpoints: { http: string; grpc: string };
  };
  return run.endpoints;
}

/** Throws when `up` lost patience with one of its processes: something in it did not end. */
function noneKilled(dataDir: string): void {
  const file = join(dataDir, 'logs', 'up.log');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const killed = lines.filter((line) => line.includes('"process_killed"'));
  if (killed.length > 0) throw new Error(`not all processes ended by themselves:\n${killed.join('\n')}`);
}

/** Waits until none of the processes is left; throws, naming them, when some stay. */
export async function allGone(processes: () => ProcessInfo[], timeoutMs = 10_000): Promise<void> {
  await eventually(
    () => {
      const left = processes();
      if (left.length > 0) throw new Error(left.map(({ pid, command }) => `${pid} ${command}`).join('\n'));
      return true;
    },
    { timeoutMs, what: 'every process of the system to be gone' },
  );
}
