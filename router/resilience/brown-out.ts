import type { Orchestration } from '../../core/config/schema.ts';
import { PRIORITIES } from '../../core/config/overload-schema.ts';
import { rankOf, type Priority } from '../domain/priority.ts';

/** What pressure changes about a query. */
export interface BrownOutEffect {
  /** Highest priority that is affected at present. */
  readonly upTo: Priority;
  /** Whether plans begin with the cheapest module, and go through modules one by one. */
  readonly cheaperFirst: boolean;
  /** Longest answer, in tokens; undefined when it is not shortened. */
  readonly maxTokens: number | undefined;
}

export interface BrownOutPolicy {
  /** Share of the places in use from which on there is pressure, and under which it is over. */
  readonly pressureFrom: number;
  readonly recoveredUnder: number;
  readonly afterMs: number;
  readonly recoverAfterMs: number;
  readonly cheaperFirst: boolean;
  readonly maxTokens: number | undefined;
}

/**
 * How far a brown-out has gone. `level` counts the affected priorities, least first; critical is never one.
 *
 * | share in use | for | the level |
 * | --- | --- | --- |
 * | at `pressureFrom` or over | `afterMs` | rises by one, and time is counted anew |
 * | under `recoveredUnder` | `recoverAfterMs` | falls by one, and time is counted anew |
 * | between | | stays (hysteresis), and time is counted anew |
 */
export interface BrownOutState {
  readonly level: number;
  /** Which way it is going, and since when, on the monotonic clock. */
  readonly trend: 'pressure' | 'relief' | 'none';
  readonly sinceMs: number;
}

const MOST = PRIORITIES.length - 1;

/** State without any pressure. */
export function noBrownOut(nowMs: number): BrownOutState {
  return { level: 0, trend: 'none', sinceMs: nowMs };
}

/** Gives the state after a look at the share of places in use. */
export function nextBrownOut(
  state: BrownOutState,
  used: number,
  nowMs: number,
  { pressureFrom, recoveredUnder, afterMs, recoverAfterMs }: BrownOutPolicy,
): BrownOutState {
  const trend = used >= pressureFrom ? 'pressure' : used < recoveredUnder ? 'relief' : 'none';
  if (trend !== state.trend) return { ...state, trend, sinceMs: nowMs };
  const forMs = nowMs - state.sinceMs;
  if (trend === 'pressure' && state.level < MOST && forMs >= afterMs)
    return { ...state, level: state.level + 1, sinceMs: nowMs };
  if (trend === 'relief' && state.level > 0 && forMs >= recoverAfterMs)
    return { ...state, level: state.level - 1, sinceMs: nowMs };
  return state;
}

/** Gives what a brown-out changes about queries of a priority; undefined when nothing. */
export function effectOn(
  { level }: BrownOutState,
  priority: Priority,
  { cheaperFirst, maxTokens }: BrownOutPolicy,
): BrownOutEffect | undefined {
  const upTo = PRIORITIES[level - 1];
  return upTo === undefined || rankOf(priority) > rankOf(upTo) ? undefined : { upTo, cheaperFirst, maxTokens };
}

/** Gives the policy as configured; undefined when there is to be no brown-out. */
export function brownOutPolicyOf({
  brown_out: settings,
}: Orchestration['router']['admission']): BrownOutPolicy | undefined {
  if (!settings.enabled) return undefined;
  return {
    pressureFrom: settings.utilization,
    recoveredUnder: settings.recovery,
    afterMs: settings.after * 1000,
    recoverAfterMs: settings.recover_after * 1000,
    cheaperFirst: settings.prefer_cheaper,
    maxTokens: settings.max_tokens,
  };
}
