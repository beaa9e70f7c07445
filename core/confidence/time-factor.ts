/** Fastest and slowest response of the best range, in seconds (specification: "optimal: 0.1-2.0s"). */
const FASTEST_SECONDS = 0.1;
const SLOWEST_SECONDS = 2;
/** Factor of an answer that took no time: canned answers are fast too, but speed alone is no great fault. */
const FLOOR_AT_ZERO = 0.6;
/** Time beyond the range at which the factor has fallen to one half, in seconds. */
const HALVING_SECONDS = 8;

/**
 * Gives the response-time factor from 0 to 1 for `seconds`. 1 from 0.1 to 2 s; below, a parabola down to 0.6 at 0; above,
 * 1 / (1 + ((t − 2) / 8)²), i.e. 0.5 at 10 s and 0.08 at 30 s. Both curves are level where they meet the range.
 */
export function timeFactor(seconds: number): number {
  if (!(seconds > 0)) return FLOOR_AT_ZERO;
  if (seconds < FASTEST_SECONDS) {
    const short = 1 - seconds / FASTEST_SECONDS;
    return 1 - (1 - FLOOR_AT_ZERO) * short * short;
  }
  if (seconds <= SLOWEST_SECONDS) return 1;
  const over = (seconds - SLOWEST_SECONDS) / HALVING_SECONDS;
  return 1 / (1 + over * over);
}
