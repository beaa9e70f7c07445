/**
 * The breaker of one module. It opens after a number of consecutive failures or at a failure rate, lets probes through after a
 * while that grows with each opening, and closes again when one succeeds. It can be opened by hand, and then stays so.
 *
 * | phase     | success       | failure                                    | time passes               |
 * | --------- | ------------- | ------------------------------------------ | ------------------------- |
 * | CLOSED    | count := 0    | count + 1; OPEN at the threshold or rate   |                           |
 * | OPEN      | (late) stays  | (late) stays                               | a call may become a probe |
 * | HALF_OPEN | CLOSED        | OPEN anew, for longer                      |                           |
 */
export type Breaker =
  | { readonly phase: 'CLOSED'; readonly consecutiveFailures: number; readonly openings: Openings }
  | { readonly phase: 'OPEN'; readonly untilMs: number; readonly openings: Openings; readonly byHand: boolean }
  | { readonly phase: 'HALF_OPEN'; readonly probes: number; readonly openings: Openings };

/** How often a breaker has opened without a quiet time between. */
export interface Openings {
  readonly count: number;
  readonly lastMs: number;
}

export interface BreakerPolicy {
  /** Consecutive failures that open it; undefined switches the breaker off. */
  readonly failureThreshold: number | undefined;
  /** Share of failures within the window that opens it, from 0 to 1. */
  readonly failureRate: number;
  /** Outcomes within the window under which the rate says nothing. */
  readonly minimumVolume: number;
  readonly windowMs: number;
  /** Length of the first opening. */
  readonly openDurationMs: number;
  /** Length at the most: each opening is twice as long as the one before. */
  readonly maxOpenMs: number;
  /** Calls let through at the same time while half open. */
  readonly halfOpenProbes: number;
}

/** What a failure is judged by. */
export interface FailureFacts {
  readonly nowMs: number;
  /** Outcomes within the window, this one among them. */
  readonly recent: { readonly total: number; readonly failures: number };
  /** In [0, 1): openings of many modules must not end together. */
  readonly random: number;
}

const NEVER: Openings = { count: 0, lastMs: 0 };
export const CLOSED: Breaker = { phase: 'CLOSED', consecutiveFailures: 0, openings: NEVER };

/** Share by which an opening may be shorter. */
const JITTER = 0.2;
/** Quiet time after which openings are forgotten, in multiples of the longest one. */
const FORGET_AFTER = 4;

/** Tells whether a call would be let through. */
export function admits(breaker: Breaker, nowMs: number, policy: BreakerPolicy): boolean {
  switch (breaker.phase) {
    case 'CLOSED':
      return true;
    case 'OPEN':
      return nowMs >= breaker.untilMs;
    case 'HALF_OPEN':
      return breaker.probes < policy.halfOpenProbes;
  }
}

/** Gives when a call may be let through again, in milliseconds from now; undefined when there is no telling. */
export function retryAfterMs(breaker: Breaker, nowMs: number): number | undefined {
  if (breaker.phase !== 'OPEN' || breaker.untilMs === Infinity) return undefined;
  return Math.max(0, breaker.untilMs - nowMs);
}

/** State after a call that `admits` has let through has begun. */
export function afterStart(breaker: Breaker): Breaker {
  switch (breaker.phase) {
    case 'CLOSED':
      return breaker;
    case 'OPEN':
      return { phase: 'HALF_OPEN', probes: 1, openings: breaker.openings };
    case 'HALF_OPEN':
      return { ...breaker, probes: breaker.probes + 1 };
  }
}

/** State after a call has succeeded. */
export function afterSuccess(breaker: Breaker): Breaker {
  if (breaker.phase === 'OPEN') return breaker;
  if (breaker.phase === 'CLOSED' && breaker.consecutiveFailures === 0) return breaker;
  return { phase: 'CLOSED', consecutiveFailures: 0, openings: breaker.openings };
}

/** State after a call has failed by the module's fault. */
export function afterFailure(breaker: Breaker, facts: FailureFacts, policy: BreakerPolicy): Breaker {
  if (policy.failureThreshold === undefined || breaker.phase === 'OPEN') return breaker;
  if (breaker.phase === 'HALF_OPEN') return opened(breaker.openings, facts, policy);
  const consecutiveFailures = breaker.consecutiveFailures + 1;
  const trips = consecutiveFailures >= policy.failureThreshold || isOverRate(facts.recent, policy);
  return trips ? opened(breaker.openings, facts, policy) : { ...breaker, consecutiveFailures };
}

function isOverRate({ total, failures }: FailureFacts['recent'], policy: BreakerPolicy): boolean {
  return total >= policy.minimumVolume && failures >= policy.failureRate * total;
}

function opened(before: Openings, { nowMs, random }: FailureFacts, policy: BreakerPolicy): Breaker {
  const isNew = nowMs - before.lastMs > FORGET_AFTER * policy.maxOpenMs;
  const count = isNew ? 1 : before.count + 1;
  const durationMs = Math.min(policy.openDurationMs * 2 ** (count - 1), policy.maxOpenMs);
  const untilMs = nowMs + durationMs * (1 - JITTER * random);
  return { phase: 'OPEN', untilMs, openings: { count, lastMs: nowMs }, byHand: false };
}

/** State after a call has ended without telling anything of the module, e.g. because the caller cancelled. */
export function afterRelease(breaker: Breaker): Breaker {
  return breaker.phase === 'HALF_OPEN' ? { ...breaker, probes: Math.max(0, breaker.probes - 1) } : breaker;
}

/** State after the module has been seen to be well again by other means: the next call may probe it. */
export function afterRecovery(breaker: Breaker, nowMs: number): Breaker {
  return breaker.phase === 'OPEN' && !breaker.byHand
    ? { ...breaker, untilMs: Math.min(breaker.untilMs, nowMs) }
    : breaker;
}

/** State after somebody has opened or closed it; one that was opened so stays open until it is closed. */
export function setByHand(breaker: Breaker, to: 'open' | 'closed'): Breaker {
  if (to === 'closed') return CLOSED;
  return { phase: 'OPEN', untilMs: Infinity, openings: breaker.openings, byHand: true };
}
