import type { Verdict } from './service-level.ts';

/** How a module's last calls went. */
export interface CallSummary {
  readonly count: number;
  /** Part of them that went badly, from 0 to 1; 0 while there are none. */
  readonly badFraction: number;
}

/** The last calls of a module. Bounded. */
export interface RecentCalls {
  add(verdict: Verdict, nowMs: number): void;
  /** Gives the calls of the last 5 s, or the last 8 of the last minute where those are fewer. */
  summary(nowMs: number): CallSummary;
}

const SPAN_MS = 5_000;
const LEAST_CALLS = 8;
const LONGEST_MS = 60_000;
const MOST_CALLS = 500;

/** Creates an empty list. */
export function createRecentCalls(): RecentCalls {
  let calls: { readonly atMs: number; readonly bad: boolean }[] = [];
  return {
    add(verdict, nowMs) {
      calls.push({ atMs: nowMs, bad: verdict === 'badly' });
      if (calls.length > 2 * MOST_CALLS) calls = calls.slice(-MOST_CALLS);
    },
    summary(nowMs) {
      calls = calls.slice(-MOST_CALLS).filter(({ atMs }) => nowMs - atMs <= LONGEST_MS);
      const latest = calls.filter(({ atMs }) => nowMs - atMs <= SPAN_MS);
      const seen = latest.length >= LEAST_CALLS ? latest : calls.slice(-LEAST_CALLS);
      const bad = seen.filter((call) => call.bad).length;
      return { count: seen.length, badFraction: seen.length === 0 ? 0 : bad / seen.length };
    },
  };
}
