import type { CallSummary } from './recent-calls.ts';

/**
 * Tells whether a module starves for CPU. A model at work uses all the CPU that it may: that alone is no fault, and neither is
 * slowness alone, which drift is for. Both together are one, when they last.
 *
 * | state   | sample, for a run of RUN                                          | next    |
 * | ------- | ----------------------------------------------------------------- | ------- |
 * | well    | CPU ≥ AT_LIMIT of the limit, and BAD of its calls went badly      | starved |
 * | starved | CPU < RELIEVED of the limit, or at most CALM of its calls go badly | well    |
 */
export interface Starvation {
  readonly starved: boolean;
  /** Samples in a row that speak for the other state. */
  readonly run: number;
  /** When it began to starve, on the monotonic clock. */
  readonly sinceMs: number;
}

/** What is seen of a module at one time. */
export interface StarvationSample {
  readonly nowMs: number;
  /** CPU in use as a part of its limit; undefined where that is not known. */
  readonly cpuFraction: number | undefined;
  readonly calls: CallSummary;
}

export const WELL: Starvation = { starved: false, run: 0, sinceMs: 0 };

/** Part of the limit from which on a module is at it: readings are over two seconds, in ticks of a hundredth. */
export const AT_LIMIT = 0.95;
const RELIEVED = 0.9;
/** Calls that say anything together, and the part of them that must have gone badly. */
const LEAST_CALLS = 6;
const BAD = 0.7;
const CALM = 0.25;
/** Samples in a row that decide: one in two seconds. */
const RUN = 3;
/** It stays put behind for so long, in milliseconds: with less to do it is well at once, and would be flooded again. */
const LEAST_MS = 30_000;

/** Gives the state after one more sample. */
export function afterSample(before: Starvation, sample: StarvationSample): Starvation {
  const speaks = before.starved ? isRelieved(before, sample) : isStarved(sample);
  const run = speaks ? before.run + 1 : 0;
  if (run < RUN) return { ...before, run };
  return before.starved ? WELL : { starved: true, run: 0, sinceMs: sample.nowMs };
}

function isStarved({ cpuFraction, calls }: StarvationSample): boolean {
  return (cpuFraction ?? 0) >= AT_LIMIT && calls.count >= LEAST_CALLS && calls.badFraction >= BAD;
}

function isRelieved({ sinceMs }: Starvation, { nowMs, cpuFraction = 0, calls }: StarvationSample): boolean {
  if (nowMs - sinceMs < LEAST_MS) return false;
  return cpuFraction < RELIEVED || (calls.count >= LEAST_CALLS && calls.badFraction <= CALM);
}
