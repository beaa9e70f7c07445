/** Gives the value under which `fraction` (0..1) of the samples lie (nearest rank); NaN for none. Sorts in place. */
export function percentile(samples: number[], fraction: number): number {
  if (samples.length === 0) return Number.NaN;
  samples.sort((a, b) => a - b);
  const rank = Math.ceil(fraction * samples.length) - 1;
  return samples[Math.max(0, Math.min(rank, samples.length - 1))] ?? Number.NaN;
}
