import { jitter, type Rng } from '../rng.ts';

/** When a process that ended is started again. */
export interface BackoffPolicy {
  /** Delay before the first restart, in milliseconds. */
  readonly initialMs: number;
  /** Longest delay, in milliseconds, before jitter. */
  readonly maxMs: number;
  /** Factor from one delay to the next. */
  readonly factor: number;
  /** Jitter as a fraction of the delay, 0..1. */
  readonly jitterFraction: number;
  /** Uptime after which earlier failures are forgotten, in milliseconds. */
  readonly stableMs: number;
}

/** 0.5 s doubling to 30 s, forgotten after ten seconds of uptime; kubelet's crash-loop shape with a shorter scale. */
export const DEFAULT_BACKOFF: BackoffPolicy = {
  initialMs: 500,
  maxMs: 30_000,
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
  const failures = uptimeMs >= policy.stableMs ? 1 : failuresBefore + 1;
  const exponent = Math.min(failures - 1, 60); // beyond this any factor has met maxMs, and Infinity must not arise
  const delayMs = Math.min(policy.maxMs, policy.initialMs * policy.factor ** exponent);
  return { failures, delayMs: jitter(delayMs, policy.jitterFraction, rng) };
}
