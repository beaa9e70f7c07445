import type { Clock } from '../core/clock.ts';
import { FrontierError, toFrontierError } from '../core/errors.ts';
import type { Logger } from '../core/logging.ts';
import type { Adapter } from './adapters/adapter.ts';
import type { ReplicaStatus } from './replica-status.ts';

/** Health of a workload, as far as its checks have shown. */
export type Health =
  | { readonly phase: 'STARTING' }
  | { readonly phase: 'READY'; readonly timeouts: number }
  | { readonly phase: 'UNHEALTHY'; readonly reason: string };

export type CheckResult = 'ok' | { readonly reason: string; readonly timedOut: boolean };

/** A busy workload may miss a check; it is unhealthy when it misses this many in a row. A plain failure counts at once. */
const TIMEOUTS_TOLERATED = 2;
/** Time between two checks until the first that succeeds: a cold start must not wait for the ordinary interval. */
const STARTING_INTERVAL_MS = 50;
const SHORTEST_CHECK_TIMEOUT_MS = 1_000;

/**
 * Gives the health after a check.
 *
 *   STARTING  · ok → READY      · failed → STARTING
 *   READY     · ok → READY      · failed → UNHEALTHY, a time-out only at the third in a row
 *   UNHEALTHY · ok → READY      · failed → UNHEALTHY
 */
export function nextHealth(health: Health, result: CheckResult): Health {
  if (result === 'ok') return { phase: 'READY', timeouts: 0 };
  if (health.phase === 'STARTING') return health;
  if (health.phase === 'READY' && result.timedOut && health.timeouts < TIMEOUTS_TOLERATED) {
    return { phase: 'READY', timeouts: health.timeouts + 1 };
  }
  return { phase: 'UNHEALTHY', reason: result.reason };
}

export interface WorkloadHealthOptions {
  readonly adapter: Adapter;
  readonly status: ReplicaStatus;
  readonly clock: Clock;
  readonly log: Logger;
  /** Time between two checks, in milliseconds. */
  readonly intervalMs: number;
  /** Longest time until the first check that succeeds, in milliseconds. */
  readonly readinessMs: number;
  readonly onChange: (phase: Health['phase']) => void;
}

export interface WorkloadHealth {
  /** Resolves when the workload is ready for the first time; rejects with NOT_READY when that takes too long. */
  readonly ready: Promise<void>;
  close(): void;
}

/** Starts to check a workload. */
export function startWorkloadHealth(options: WorkloadHealthOptions): WorkloadHealth {
  const { adapter, clock, readinessMs } = options;
  const stop = new AbortController();
  const first = Promise.withResolvers<undefined>();
  // Who waits sees a rejection; that nobody does is no fault of the process.
  first.promise.catch(() => undefined);
  let lastReason = 'it has not been asked yet';
  const expire = clock.after(readinessMs, () => {
    const text = `the workload was not ready within ${readinessMs / 1000} s: ${lastReason}`;
    first.reject(new FrontierError('NOT_READY', text));
  });
  const onReady = async (signal: AbortSignal): Promise<void> => {
    // What the workload can do is asked as a part of the first check: one that cannot tell is not ready.
    await adapter.describe(signal);
    expire();
    first.resolve(undefined);
  };
  const onFailure = (reason: string): void => {
    lastReason = reason;
  };
  void checkForEver(options, { stop: stop.signal, onReady, onFailure });
  return {
    ready: first.promise,
    close: () => {
      expire();
      stop.abort(new FrontierError('CANCELLED', 'the health checks have ended'));
      first.reject(new FrontierError('CANCELLED', `the wait for the workload was ended: ${lastReason}`));
    },
  };
}

interface Observer {
  readonly stop: AbortSignal;
  /** Called at the first check that succeeds, before the phase changes. */
  readonly onReady: (signal: AbortSignal) => Promise<void>;
  readonly onFailure: (reason: string) => void;
}

async function checkForEver(options: WorkloadHealthOptions, { stop, onReady, onFailure }: Observer): Promise<void> {
  const { status, clock, log, intervalMs, onChange } = options;
  let health: Health = { phase: 'STARTING' };
  for (;;) {
    const result = await check(options, stop, health.phase === 'STARTING' ? onReady : undefined);
    if (stop.aborted) return;
    if (result !== 'ok') onFailure(result.reason);
    const next = nextHealth(health, result);
    if (next.phase !== health.phase) {
      const reason = next.phase === 'UNHEALTHY' ? next.reason : '';
      log[reason === '' ? 'info' : 'warn']({ event: 'workload_health', phase: next.phase, reason });
      status.setHealth(next.phase, reason);
      onChange(next.phase);
    }
    health = next;
    const pauseMs = health.phase === 'STARTING' ? Math.min(STARTING_INTERVAL_MS, intervalMs) : intervalMs;
    await clock.sleep(pauseMs, stop).catch(() => undefined);
  }
}

async function check(
  { adapter, clock, intervalMs }: WorkloadHealthOptions,
  stop: AbortSignal,
  onFirst: ((signal: AbortSignal) => Promise<void>) | undefined,
): Promise<CheckResult> {
  const late = new AbortController();
  const cancel = clock.after(Math.max(intervalMs, SHORTEST_CHECK_TIMEOUT_MS), () => {
    late.abort(new FrontierError('MODULE_TIMEOUT', 'the health check took too long'));
  });
  try {
    const signal = AbortSignal.any([stop, late.signal]);
    await adapter.health(signal);
    await onFirst?.(signal);
    return 'ok';
  } catch (error) {
    return { reason: toFrontierError(error).message, timedOut: late.signal.aborted };
  } finally {
    cancel();
  }
}
