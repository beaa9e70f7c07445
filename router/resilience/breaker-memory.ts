import { z } from 'zod';
import { CLOSED, type Breaker } from './breaker.ts';

/** A breaker as it is kept over a restart and told to other routers: what is closed without any history is left out. */
export const storedBreaker = z.object({
  open: z.boolean(),
  byHand: z.boolean(),
  /** When it lets a probe through, in milliseconds since the epoch; null while it was opened by hand. */
  untilMs: z.number().nullable(),
  openings: z.int().min(0),
  lastOpenedMs: z.number(),
});
export type StoredBreaker = z.output<typeof storedBreaker>;

/** Both clocks at the same moment: breakers run on the monotonic one, what is stored tells the time of day. */
export interface Moment {
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** Gives what is to be kept of a breaker; undefined when nothing is. One that is half open would have to be probed anew. */
export function toStored(breaker: Breaker, { nowMs, monotonicMs }: Moment): StoredBreaker | undefined {
  const { openings } = breaker;
  if (openings.count === 0 && breaker.phase === 'CLOSED') return undefined;
  const toWall = nowMs - monotonicMs;
  const isByHand = breaker.phase === 'OPEN' && breaker.byHand;
  const untilMs = breaker.phase === 'OPEN' ? breaker.untilMs : monotonicMs;
  return {
    open: breaker.phase !== 'CLOSED',
    byHand: isByHand,
    untilMs: isByHand ? null : untilMs + toWall,
    openings: openings.count,
    lastOpenedMs: openings.lastMs + toWall,
  };
}

/** Gives a breaker from what was kept of it. */
export function fromStored(stored: StoredBreaker | undefined, { nowMs, monotonicMs }: Moment): Breaker {
  if (stored === undefined) return CLOSED;
  const toMonotonic = monotonicMs - nowMs;
  const openings = { count: stored.openings, lastMs: stored.lastOpenedMs + toMonotonic };
  if (!stored.open) return { phase: 'CLOSED', consecutiveFailures: 0, openings };
  const untilMs = stored.untilMs === null ? Infinity : stored.untilMs + toMonotonic;
  return { phase: 'OPEN', untilMs, openings, byHand: stored.byHand };
}
