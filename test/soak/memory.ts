/** Memory of one process at one time. */
export interface MemorySample {
  readonly atMs: number;
  readonly bytes: number;
}

/** How the memory of a process went. */
export interface MemoryTrend {
  /** Least of the first and of the second half after warm-up, in bytes: what is left when garbage has been collected. */
  readonly beforeBytes: number;
  readonly afterBytes: number;
  /** By least squares, in bytes an hour. */
  readonly slopePerHour: number;
  readonly isFlat: boolean;
}

/** Growth from the first to the second half that counts as flat: a garbage collector gives memory back late. */
const LEAST_BOUND_BYTES = 32 * 1024 * 1024;
const BOUND_SHARE = 0.15;
/** Samples under which nothing can be said. */
const LEAST_SAMPLES = 6;

/** Gives the trend of samples taken after warm-up; undefined when there are too few. */
export function memoryTrend(samples: readonly MemorySample[]): MemoryTrend | undefined {
  if (samples.length < LEAST_SAMPLES) return undefined;
  const half = Math.floor(samples.length / 2);
  const beforeBytes = leastOf(samples.slice(0, half));
  const afterBytes = leastOf(samples.slice(half));
  const bound = Math.max(LEAST_BOUND_BYTES, beforeBytes * BOUND_SHARE);
  return {
    beforeBytes,
    afterBytes,
    slopePerHour: slopeOf(samples) * 3_600_000,
    isFlat: afterBytes - beforeBytes <= bound,
  };
}

function leastOf(samples: readonly MemorySample[]): number {
  return Math.min(...samples.map(({ bytes }) => bytes));
}

/** Bytes a millisecond. */
function slopeOf(samples: readonly MemorySample[]): number {
  const meanMs = samples.reduce((sum, { atMs }) => sum + atMs, 0) / samples.length;
  const meanBytes = samples.reduce((sum, { bytes }) => sum + bytes, 0) / samples.length;
  let above = 0;
  let below = 0;
  for (const { atMs, bytes } of samples) {
    above += (atMs - meanMs) * (bytes - meanBytes);
    below += (atMs - meanMs) ** 2;
  }
  return below === 0 ? 0 : above / below;
}
