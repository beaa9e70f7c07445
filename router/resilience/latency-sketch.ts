/**
 * Lengths of time, counted in buckets that grow by a tenth: what DDSketch is (Masson, Rim, Lee; VLDB 2019). Sketches of several routers add
 * up to the sketch that one router would have, and a quantile is right to 5 %. At most 146 buckets, by their index.
 */
export type LatencySketch = Readonly<Record<string, number>>;

const GROWTH = 1.1;
/** Of the bucket for 17 minutes and more; the first one is for a millisecond and less. */
const LAST_BUCKET = 145;

export const EMPTY_SKETCH: LatencySketch = {};

/** Sketch after one more time, in milliseconds. */
export function withLatency(sketch: LatencySketch, ms: number): LatencySketch {
  const bucket = ms <= 1 ? 0 : Math.min(LAST_BUCKET, Math.ceil(Math.log(ms) / Math.log(GROWTH)));
  return { ...sketch, [bucket]: (sketch[bucket] ?? 0) + 1 };
}

/** Gives the sums of counts by name: of sketches, the sketch of all their times. */
export function sumCounts(counts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const each of counts) for (const [name, count] of Object.entries(each)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

/** Gives a quantile by nearest rank, in milliseconds; undefined while nothing was counted. */
export function quantileOf(sketch: LatencySketch, fraction: number): number | undefined {
  const buckets = Object.entries(sketch)
    .map(([bucket, count]) => ({ bucket: Number(bucket), count }))
    .sort((a, b) => a.bucket - b.bucket);
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  let left = Math.max(1, Math.ceil(total * fraction));
  for (const { bucket, count } of buckets) {
    left -= count;
    // The middle of the bucket, by which the error is least.
    if (left <= 0) return (2 * GROWTH ** bucket) / (GROWTH + 1);
  }
  return undefined;
}
