import type { Orchestration } from '../../core/config/schema.ts';

/** How the share of a module rises that is back after a failure. */
export interface SlowStartPolicy {
  /** Time until it has its whole share again, in milliseconds; 0 gives it everything at once. */
  readonly windowMs: number;
  /** Share with which it begins, from 0 to 1. */
  readonly firstShare: number;
}

/** Gives the policy that configuration asks for. */
export function slowStartPolicyOf({ slow_start: slowStart }: Orchestration['fallback']): SlowStartPolicy {
  return { windowMs: slowStart.window * 1000, firstShare: slowStart.first_share };
}

/**
 * Gives the share of a module that has been back for `sinceMs`: linear from the first share to 1 over the window, as Envoy's
 * slow start has it with an aggression of 1; undefined once it has everything.
 */
export function slowStartShare(sinceMs: number, { windowMs, firstShare }: SlowStartPolicy): number | undefined {
  if (sinceMs >= windowMs) return undefined;
  return firstShare + (1 - firstShare) * (Math.max(0, sinceMs) / windowMs);
}
