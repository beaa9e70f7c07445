import { nextRestart, type BackoffPolicy } from '../core/process/restart-backoff.ts';
import { jitter, type Rng } from '../core/rng.ts';

/** Failed starts and crashes of a module in a row. */
export interface Crashes {
  readonly count: number;
  /** When the last one was, in ms since the epoch. */
  readonly lastAtMs: number;
}

export const NO_CRASHES: Crashes = { count: 0, lastAtMs: 0 };

/** When a module counts as crashing in a loop, and for how long it is left alone then. */
export interface QuarantinePolicy {
  /** Crashes in a row from which it does; Infinity for never. */
  readonly crashes: number;
  /** First wait in milliseconds; each further one is twice as long. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/** A run that has ended unasked. */
export interface EndedRun {
  readonly startedAtMs: number;
  /** When it became ready; undefined when it never did. */
  readonly readyAtMs: number | undefined;
  readonly endedAtMs: number;
}

export interface NextTry {
  readonly crashes: Crashes;
  /** Wait before the next start, in milliseconds. */
  readonly delayMs: number;
  readonly quarantined: boolean;
}

export interface CrashPolicy {
  readonly backoff: BackoffPolicy;
  readonly quarantine: QuarantinePolicy;
}

/**
 * Decides when a module whose run has ended is started again: after a backoff, and once it has crashed in a loop after the
 * growing time of quarantine. Runs that were under way when the last one ended are the same incident (a machine that ran
 * out of memory takes several replicas at once) and count once; a run that was ready for long enough forgets what was before.
 */
export function afterCrash(before: Crashes, run: EndedRun, { backoff, quarantine }: CrashPolicy, rng: Rng): NextTry {
  const isSame = before.count > 0 && run.startedAtMs < before.lastAtMs;
  const uptimeMs = run.readyAtMs === undefined ? 0 : run.endedAtMs - run.readyAtMs;
  const { failures: count, delayMs } = nextRestart(isSame ? before.count - 1 : before.count, uptimeMs, backoff, rng);
  const crashes = { count, lastAtMs: run.endedAtMs };
  if (count < quarantine.crashes) return { crashes, delayMs, quarantined: false };
  const doublings = Math.min(count - quarantine.crashes, 30);
  const aloneMs = Math.min(quarantine.maxMs, quarantine.firstMs * 2 ** doublings);
  return { crashes, delayMs: jitter(aloneMs, backoff.jitterFraction, rng), quarantined: true };
}
