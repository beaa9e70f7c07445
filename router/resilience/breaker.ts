/**
 * The breaker of one module. It opens after a number of consecutive failures, lets probes through after a while, and closes
 * again when one succeeds.
 *
 * | phase     | success       | failure                          | time passes              |
 * | --------- | ------------- | -------------------------------- | ------------------------ |
 * | CLOSED    | count := 0    | count + 1; OPEN at the threshold |                          |
 * | OPEN      | (late) stays  | (late) stays                     | a call may become a probe |
 * | HALF_OPEN | CLOSED        | OPEN anew                        |                          |
 */
export type Breaker =
  | { readonly phase: 'CLOSED'; readonly consecutiveFailures: number }
  | { readonly phase: 'OPEN'; readonly openedAtMs: number }
  | { readonly phase: 'HALF_OPEN'; readonly probes: number };

export interface BreakerPolicy {
  /** Consecutive failures that open it; undefined switches the breaker off. */
  readonly failureThreshold: number | undefined;
  readonly openDurationMs: number;
  /** Calls let through at the same time while half open. */
  readonly halfOpenProbes: number;
}

export const CLOSED: Breaker = { phase: 'CLOSED', consecutiveFailures: 0 };

/** Tells whether a call would be let through. */
export function admits(breaker: Breaker, nowMs: number, policy: BreakerPolicy): boolean {
  switch (breaker.phase) {
    case 'CLOSED':
      return true;
    case 'OPEN':
      return nowMs - breaker.openedAtMs >= policy.openDurationMs;
    case 'HALF_OPEN':
      return breaker.probes < policy.halfOpenProbes;
  }
}

/** State after a call that `admits` has let through has begun. */
export function afterStart(breaker: Breaker): Breaker {
  switch (breaker.phase) {
    case 'CLOSED':
      return breaker;
    case 'OPEN':
      return { phase: 'HALF_OPEN', probes: 1 };
    case 'HALF_OPEN':
      return { phase: 'HALF_OPEN', probes: breaker.probes + 1 };
  }
}

/** State after a call has succeeded. */
export function afterSuccess(breaker: Breaker): Breaker {
  if (breaker.phase === 'OPEN') return breaker;
  return breaker.phase === 'CLOSED' && breaker.consecutiveFailures === 0 ? breaker : CLOSED;
}

/** State after a call has failed by the module's fault. */
export function afterFailure(breaker: Breaker, nowMs: number, policy: BreakerPolicy): Breaker {
  if (policy.failureThreshold === undefined || breaker.phase === 'OPEN') return breaker;
  if (breaker.phase === 'HALF_OPEN') return { phase: 'OPEN', openedAtMs: nowMs };
  const consecutiveFailures = breaker.consecutiveFailures + 1;
  return consecutiveFailures >= policy.failureThreshold
    ? { phase: 'OPEN', openedAtMs: nowMs }
    : { phase: 'CLOSED', consecutiveFailures };
}

/** State after a call has ended without telling anything of the module, e.g. because the caller cancelled. */
export function afterRelease(breaker: Breaker): Breaker {
  return breaker.phase === 'HALF_OPEN' ? { phase: 'HALF_OPEN', probes: Math.max(0, breaker.probes - 1) } : breaker;
}
