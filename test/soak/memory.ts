/** Memory of one process at one time. */
export interface MemorySample {
  readonly atMs: number;
  readonly bytes: number;
}

/** How the memory of a process went. */
export interface MemoryTrend {
  /** Medians of the first and the last third after warm-up, in bytes. */
  readonly beforeBytes: number;
  readonly afterBytes: number;
  /** By least squares, in bytes an hour. */
  readonly slopePerHour: number;
  readonly isFlat: boolean;
}

/** Growth from the first to the last third that counts as flat: a garbage collector gives memory back late. */
const LEAST_BOUND_BYTES = 32 * 1024 * 1024;
const BOUND_SHARE = 0.15;
/** Samples under which nothing can be said. */
const LEAST_SAMPLES = 6;

/** Gives the trend of samples taken after warm-up; undefined when there are too few. */
export function memoryTrend(samples: readonly MemorySample[]): MemoryTrend | undefined {
  if (samples.length < LEAST_SAMPLES) return undefined;
  const third = Math.floor(samples.length / 3);
  const beforeBytes = medianOf(samples.slice(0, third));
  const afterBytes = medianOf(samples.slice(-third));
  const bound = Math.max(LEAST_BOUND_BYTES, beforeBytes * BOUND_SHARE);
  return {
    beforeBytes,
    afterBytes,
    slopePerHour: slopeOf(samples) * 3_600_000,
    isFlat: afterBytes - beforeBytes <= bound,
  };
}

function medianOf(samples: readonly MemorySample[]): number {
  const sorted = samples.map(({ bytes }) => bytes).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
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
