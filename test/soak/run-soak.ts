import { loadavg } from 'node:os';
import { credentials } from '@grpc/grpc-js';
import { systemClock } from '../../core/clock.ts';
import { clientOptions } from '../../core/grpc/channel.ts';
import { createSeededRng } from '../../core/rng.ts';
import { RouterServiceClient } from '../../gen/frontier/router/v1/router.ts';
import { startFaultSystem } from '../faults/fault-system.ts';
import { percentile } from '../faults/report.ts';
import { startOpenLoop, type Sent } from './open-loop.ts';
import { startRandomFaults } from './random-faults.ts';
import { mib, summaryOf, type SoakSummary } from './report.ts';
import { watchMemory, type WatchedProcess } from './watch-memory.ts';

export interface SoakOptions {
  readonly durationMs: number;
  /** Requests a second, on average. */
  readonly perSecond: number;
  readonly seed: number;
  readonly onProgress: (line: string) => void;
}

export interface Soak {
  readonly sent: readonly Sent[];
  readonly processes: readonly WatchedProcess[];
  readonly struck: ReadonlyMap<string, number>;
  readonly summary: SoakSummary;
}

const PROGRESS_MS = 30_000;
/** Share of the time after which memory counts, and the most of it in milliseconds: caches fill, code is compiled. */
const WARM_UP_SHARE = 0.25;
const LONGEST_WARM_UP_MS = 150_000;

/** Runs a whole system under open-loop load while faults come and go, and gives what came of every request. */
export async function runSoak({ durationMs, perSecond, seed, onProgress }: SoakOptions): Promise<Soak> {
  const system = await startFaultSystem({ orchestration: { telemetry: { log_level: 'warn' } } });
  const { frontier } = system;
  const grpc = new RouterServiceClient(frontier.address, credentials.createInsecure(), clientOptions());
  const memory = watchMemory(frontier);
  const faults = startRandomFaults(system, frontier, createSeededRng(seed));
  const load = startOpenLoop({ url: frontier.url, grpc }, perSecond, createSeededRng(seed + 1), () => faults.now);
  const startMs = systemClock.monotonicMs();
  const elapsedMs = (): number => systemClock.monotonicMs() - startMs;
  const stopProgress = systemClock.every(PROGRESS_MS, () => {
    const { ended, open } = load;
    const good = ended.filter(({ verdict }) => verdict === 'good').length;
    const times = ended.slice(-Math.ceil((perSecond * PROGRESS_MS) / 1_000)).map(({ ms }) => ms);
    const router = memory.latest('router');
    onProgress(
      [
        `${Math.round(elapsedMs() / 1_000)} s`,
        `${good}/${ended.length} good, ${open} open`,
        `p50 ${percentile(times, 0.5)} ms, p99 ${percentile(times, 0.99)} ms`,
        `router ${router === undefined ? 'gone' : mib(router)}`,
        `load ${(loadavg()[0] ?? 0).toFixed(1)}`,
        `now: ${faults.now}`,
      ].join(' · '),
    );
  });
  try {
    await Promise.race([systemClock.sleep(durationMs), faults.done]);
    await faults.end();
    await load.finish();
    const seconds = elapsedMs() / 1_000;
    const processes = memory.end(Math.min(durationMs * WARM_UP_SHARE, LONGEST_WARM_UP_MS));
    const { struck } = faults;
    const count = [...struck.values()].reduce((sum, times) => sum + times, 0);
    return {
      sent: load.ended,
      processes,
      struck,
      summary: summaryOf(load.ended, processes, { seconds, faults: count }),
    };
  } finally {
    stopProgress();
    await load.finish();
    grpc.close();
    await frontier.stop();
  }
}
