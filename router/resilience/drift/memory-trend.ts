import { medianOf } from './batch.ts';

/** Memory of a replica at one time. */
export interface MemorySample {
  readonly atMs: number;
  readonly bytes: number;
}

/** Samples that are looked back over: two minutes, at one in two seconds. */
export const MEMORY_SAMPLES = 60;
const LEAST_SAMPLES = 10;
/** Share of the limit under which growth is nobody's business: caches fill, collectors wait. */
const NEAR = 0.7;
/** Growth over what is looked back at that counts, as a share of the limit. */
const LEAST_GROWTH = 0.05;
/** Share of the pairs that must have risen. */
const RISING = 0.9;
/** A limit that is reached no sooner is not reached for sure, in milliseconds. */
const HORIZON_MS = 60_000;

/**
 * Gives in how many milliseconds a replica is expected to reach its limit; undefined when it is not, or not soon. The slope is the
 * median of those between samples half a window apart (Theil 1950 and Sen 1968 over such pairs alone), nearly all of which
 * must rise: what falls back now and then, as a collector's saw-tooth does, is no growth.
 */
export function exhaustedInMs(samples: readonly MemorySample[], limitBytes: number): number | undefined {
  const last = samples.at(-1);
  const first = samples[0];
  if (first === undefined || last === undefined || samples.length < LEAST_SAMPLES) return undefined;
  if (last.bytes < NEAR * limitBytes || last.bytes - first.bytes < LEAST_GROWTH * limitBytes) return undefined;
  const half = samples.length >> 1;
  const slopes = samples.slice(half).flatMap(({ atMs, bytes }, at) => {
    const earlier = samples[at];
    return earlier === undefined || atMs === earlier.atMs ? [] : [(bytes - earlier.bytes) / (atMs - earlier.atMs)];
  });
  const slope = medianOf(slopes);
  if (slopes.filter((each) => each > 0).length < RISING * slopes.length) return undefined;
  const leftMs = Math.max(0, limitBytes - last.bytes) / slope;
  return slope > 0 && leftMs <= HORIZON_MS ? leftMs : undefined;
}
