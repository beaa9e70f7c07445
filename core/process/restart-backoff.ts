import { jitter, type Rng } from '../rng.ts';

/** When a process that ended is started again. */
export interface BackoffPolicy {
  /** Delay before the first restart of what was not up for `stableMs`, in milliseconds. */
  readonly initialMs: number;
  /** Longest delay, in milliseconds, before jitter. */
  readonly maxMs: number;
  /** Factor from one delay to the next. */
  readonly factor: number;
  /** Jitter as a fraction of the delay, 0..1. */
  readonly jitterFraction: number;
  /** Uptime after which earlier failures are forgotten and the next start comes at once, in milliseconds. */
  readonly stableMs: number;
}

/** At once after ten seconds of uptime, else 0.5 s doubling to 10 s; kubelet's crash-loop shape with a shorter scale. */
export const DEFAULT_BACKOFF: BackoffPolicy = {
  initialMs: 500,
  maxMs: 10_000,
  factor: 2,
  jitterFraction: 0.2,
  stableMs: 10_000,
};

export interface RestartDecision {
  /** Failures in a row, this one included. */
  readonly failures: number;
  /** Wait before the next start, in milliseconds. */
  readonly delayMs: number;
}

/** Decides when to start again what failed `failuresBefore` times in a row and now ended after `uptimeMs`. */
export function nextRestart(
  failuresBefore: number,
  uptimeMs: number,
  policy: BackoffPolicy,
  rng: Rng,
): RestartDecision {
  // What has run well is no crash loop, and every moment of waiting is one in which nobody serves.
  if (uptimeMs >= policy.stableMs) return { failures: 1, delayMs: 0 };
  const failures = failuresBefore + 1;
  const exponent = Math.min(failures - 1, 60); // beyond this any factor has met maxMs, and Infinity must not arise
  const delayMs = Math.min(policy.maxMs, policy.initialMs * policy.factor ** exponent);
  return { failures, delayMs: jitter(delayMs, policy.jitterFraction, rng) };
}
