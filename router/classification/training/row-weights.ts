import type { Example } from './dataset.ts';

/**
 * Gives how much each example counts, 1 on average: sources count by the root of their size, since big ones tend to repeat
 * themselves, and all classes count alike. Examples that are not `used` get 0.
 */
export function weighRows(examples: readonly Example[], used: (row: number) => boolean): Float32Array {
  const inSource = new Map<string, number>();
  examples.forEach(({ source }, row) => {
    if (used(row)) inSource.set(source, (inSource.get(source) ?? 0) + 1);
  });
  const inClass = new Map<string, number>();
  const weights = new Float32Array(examples.length);
  examples.forEach((example, row) => {
    if (!used(row)) return;
    const weight = 1 / Math.sqrt(inSource.get(example.source) ?? 1);
    weights[row] = weight;
    inClass.set(example.label, (inClass.get(example.label) ?? 0) + weight);
  });
  let sum = 0;
  let count = 0;
  examples.forEach(({ label }, row) => {
    if (weights[row] === 0) return;
    weights[row] = (weights[row] ?? 0) / (inClass.get(label) ?? 1);
    sum += weights[row] ?? 0;
    count += 1;
  });
  return weights.map((weight) => (weight * count) / sum);
}
