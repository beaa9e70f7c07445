/**
 * Gives the probability of `token` before temperature was applied, from those after it: temperature T divides logits, so a
 * probability p before it is proportional to p^T after it. Without this a cold model would always seem sure of itself.
 */
export function untempered(probabilities: ReadonlyMap<number, number>, token: number, temperature: number): number {
  let sum = 0;
  for (const probability of probabilities.values()) sum += probability ** temperature;
  const own = probabilities.get(token);
  return own === undefined || sum === 0 ? 0 : own ** temperature / sum;
}

/** Gives the geometric mean of probabilities from the sum of their logarithms. */
export function geometricMean(logSum: number, count: number): number {
  return count === 0 ? 0 : Math.exp(logSum / count);
}
