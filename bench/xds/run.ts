import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { percentile } from '../load/percentile.ts';
import { buildGoProgram } from './go-program.ts';
import { startLineProcess } from './line-process.ts';
import type { LineProcess } from './line-process.ts';
import { assignment, moduleName, worldOf, writeResources } from './resources.ts';

export interface XdsBenchOptions {
  readonly modules: number;
  readonly endpoints: number;
  readonly clients: number;
  /** Changes that are measured, and those before that are not. */
  readonly rounds: number;
  readonly warmupRounds: number;
  readonly onProgress: (text: string) => void;
}

export interface XdsBenchResult {
  readonly bench: 'xds';
  /** Ours over go-control-plane's; lower is better. */
  readonly ratios: Readonly<Record<'push_p99' | 'memory' | 'bytes' | 'connect_storm', number>>;
  readonly figures: Readonly<Record<string, number>>;
}

interface ServerFigures {
  readonly storm_ms: number;
  readonly push_p50_ms: number;
  readonly push_p99_ms: number;
  readonly push_cpu_ms: number;
  readonly storm_cpu_ms: number;
  readonly memory_mb: number;
  readonly memory_highest_mb: number;
  /** Bytes that clients received for one change, and in the storm. */
  readonly push_bytes: number;
  readonly storm_bytes: number;
}

/**
 * One endpoint of one module changes: how long until the last of many delta clients has acknowledged it; and how long until
 * all of them are in sync after they connect at once. The same clients, the same resources, one server after the other.
 */
export async function benchXds(options: XdsBenchOptions): Promise<XdsBenchResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-xds-'));
  try {
    const program = await buildGoProgram('xds-bench', options.onProgress);
    const start = {
      theirs: () => startLineProcess(program, ['server']),
      ours: () => startLineProcess(process.execPath, [ourServer()]),
    };
    const theirs = await measure('go-control-plane', start.theirs(), program, folder, options);
    const ours = await measure('frontier', start.ours(), program, folder, options);
    const ratio = (of: (figures: ServerFigures) => number): number => rounded(of(ours) / of(theirs));
    return {
      bench: 'xds',
      ratios: {
        push_p99: ratio(({ push_p99_ms }) => push_p99_ms),
        memory: ratio(({ memory_mb }) => memory_mb),
        bytes: ratio(({ push_bytes }) => push_bytes),
        connect_storm: ratio(({ storm_ms }) => storm_ms),
      },
      figures: { ...labelled('frontier', ours), ...labelled('go_control_plane', theirs) },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function ourServer(): string {
  return path.join(import.meta.dirname, 'server.ts');
}

async function measure(
  name: string,
  server: LineProcess,
  program: string,
  folder: string,
  options: XdsBenchOptions,
): Promise<ServerFigures> {
  const { modules, endpoints, clients, rounds, warmupRounds, onProgress } = options;
  const { port } = await server.next();
  const world = path.join(folder, 'world');
  writeResources(world, worldOf(modules, endpoints));
  server.send(`set ${world}`);
  await server.next();
  onProgress(`${name}: ${clients} clients connect`);
  const cpuBeforeMs = server.cpuMs();
  const fleetArgs = ['-address', `127.0.0.1:${String(port)}`, '-clients', String(clients), '-modules', String(modules)];
  const fleet = startLineProcess(program, ['fleet', ...fleetArgs]);
  try {
    const storm = await fleet.next();
    const stormCpuMs = server.cpuMs() - cpuBeforeMs;
    onProgress(`${name}: ${rounds} changes`);
    const pushes: { ms: number; bytes: number }[] = [];
    let cpuMs = server.cpuMs();
    for (let round = 1; round <= warmupRounds + rounds; round += 1) {
      if (round === warmupRounds + 1) cpuMs = server.cpuMs();
      const push = await change(server, fleet, path.join(folder, 'change'), (round * 7) % modules, endpoints, round);
      if (round > warmupRounds) pushes.push(push);
    }
    const times = pushes.map(({ ms }) => ms);
    const { nowBytes, highestBytes } = server.memory();
    return {
      storm_ms: rounded(Number(storm['storm_ms'])),
      push_p50_ms: rounded(percentile(times, 0.5)),
      push_p99_ms: rounded(percentile(times, 0.99)),
      push_cpu_ms: rounded((server.cpuMs() - cpuMs) / rounds),
      storm_cpu_ms: rounded(stormCpuMs),
      memory_mb: rounded(nowBytes / 1e6),
      memory_highest_mb: rounded(highestBytes / 1e6),
      push_bytes: Math.round(pushes.reduce((sum, { bytes }) => sum + bytes, 0) / pushes.length),
      storm_bytes: Number(storm['bytes']),
    };
  } finally {
    await fleet.close();
    await server.close();
  }
}

/** Changes one endpoint and gives the time until the last client has acknowledged it. */
async function change(
  server: LineProcess,
  fleet: LineProcess,
  file: string,
  index: number,
  endpoints: number,
  round: number,
): Promise<{ ms: number; bytes: number }> {
  writeResources(file, [assignment(index, endpoints, round)]);
  fleet.send(`round ${moduleName(index)}`);
  await fleet.next();
  const startMs = performance.timeOrigin + performance.now();
  server.send(`change ${file}`);
  const [, acked] = await Promise.all([server.next(), fleet.next()]);
  return { ms: Number(acked['acked_us']) / 1000 - startMs, bytes: Number(acked['bytes']) };
}

function labelled(name: string, figures: ServerFigures): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([key, value]) => [`${name}_${key}`, value as number]));
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
