import { systemClock } from '../../core/clock.ts';
import type { RunningFrontier } from '../support/frontier.ts';
import { rssOf } from '../support/proc.ts';
import { memoryTrend, type MemorySample, type MemoryTrend } from './memory.ts';

/** A process of the system, as the report names it. */
export interface WatchedProcess {
  readonly role: string;
  readonly pid: number;
  readonly samples: readonly MemorySample[];
  /** Undefined for one that did not live from the warm-up to the end: it was killed, or took the place of one that was. */
  readonly trend: MemoryTrend | undefined;
}

export interface MemoryWatch {
  /** Last known memory of a role, in bytes. */
  latest(role: string): number | undefined;
  /** @param warmUpMs time from the start whose samples do not count */
  end(warmUpMs: number): WatchedProcess[];
}

const EVERY_MS = 5_000;
/** How long a process may have been gone or young and still count as one that lived through it all. */
const SLACK_MS = 3 * EVERY_MS;

const ROLES: readonly (readonly [RegExp, (command: string) => string])[] = [
  [/router\/main/, () => 'router'],
  [/xds-control-plane\/main/, () => 'control plane'],
  [/loader\/main/, () => 'loader'],
  [/sidecar\/main/, (command) => `sidecar ${/--module-id (\S+)/.exec(command)?.[1] ?? ''}`],
  [/^\S*envoy\S* /, () => 'envoy'],
  [/cli\/main/, () => 'frontier up'],
];

/** Starts to sample the memory of every process of a system. */
export function watchMemory(frontier: RunningFrontier): MemoryWatch {
  const startMs = systemClock.monotonicMs();
  const processes = new Map<number, { readonly role: string; readonly samples: MemorySample[] }>();
  const sample = (): void => {
    for (const { pid, command } of frontier.processes()) {
      const role = ROLES.find(([pattern]) => pattern.test(command))?.[1](command);
      const bytes = rssOf(pid);
      if (role === undefined || bytes === undefined) continue;
      const known = processes.get(pid) ?? { role, samples: [] };
      known.samples.push({ atMs: systemClock.monotonicMs() - startMs, bytes });
      processes.set(pid, known);
    }
  };
  sample();
  const stop = systemClock.every(EVERY_MS, sample);
  return {
    latest: (role) => [...processes.values()].findLast((each) => each.role === role)?.samples.at(-1)?.bytes,
    end(warmUpMs) {
      stop();
      const endMs = systemClock.monotonicMs() - startMs;
      return [...processes].map(([pid, { role, samples }]) => {
        const counted = samples.filter(({ atMs }) => atMs >= warmUpMs);
        const livedThrough =
          (counted[0]?.atMs ?? Infinity) <= warmUpMs + SLACK_MS && (counted.at(-1)?.atMs ?? 0) >= endMs - SLACK_MS;
        return { role, pid, samples, trend: livedThrough ? memoryTrend(counted) : undefined };
      });
    },
  };
}
