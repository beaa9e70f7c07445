/**
 * How many requests the router handles at the same time: as many as are configured while it keeps up by itself, fewer while its
 * event loop is late. Requests take as long as their modules do, which says nothing of the router; what says something is how
 * long its own work waits for its turn. As in CoDel (RFC 8289) it is the least delay over an interval that counts: a
 * long step now and then is no overload, a delay that stands is.
 *
 * | over the interval | the next limit |
 * | --- | --- |
 * | delay above `maxDelayMs`, more in flight than `min` | 0.8 × what is in use, at least `min` |
 * | delay above it with little in flight: others use the machine | the same |
 * | no such delay | limit + √limit |
 */
export interface RouterLimitPolicy {
  readonly min: number;
  readonly max: number;
  readonly maxDelayMs: number;
}

/** What was seen in one interval. */
export interface LoopInterval {
  /** Least delay of the event loop, in milliseconds. */
  readonly leastDelayMs: number;
  /** Most requests in flight. */
  readonly peak: number;
}

const CUT = 0.8;

/** Gives the limit after an interval. */
export function nextRouterLimit(
  limit: number,
  { leastDelayMs, peak }: LoopInterval,
  policy: RouterLimitPolicy,
): number {
  const { min, max, maxDelayMs } = policy;
  if (leastDelayMs <= maxDelayMs) return Math.min(max, limit + Math.sqrt(limit));
  if (peak <= min) return limit;
  return Math.max(min, Math.min(limit, peak) * CUT);
}
