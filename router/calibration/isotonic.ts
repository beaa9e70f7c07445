/** One value of a regression: where it stands, what was seen there, and how much that weighs (above 0). */
export interface WeightedPoint {
  readonly x: number;
  readonly y: number;
  readonly weight: number;
}

/**
 * Gives the rising fit with the least weighted squared error to points in order of `x`, as its blocks: each stands at the mean of its
 * points. Pool-adjacent-violators (Ayer et al. 1955), which Zadrozny and Elkan (KDD 2002) use to calibrate scores; linear in time.
 */
export function isotonicFit(points: readonly WeightedPoint[]): readonly WeightedPoint[] {
  const blocks: WeightedPoint[] = [];
  for (const point of points) {
    let block = point;
    for (let last = blocks.at(-1); last !== undefined && last.y >= block.y; last = blocks.at(-1)) {
      blocks.pop();
      block = pooled(last, block);
    }
    blocks.push(block);
  }
  return blocks;
}

function pooled(a: WeightedPoint, b: WeightedPoint): WeightedPoint {
  const weight = a.weight + b.weight;
  const mean = (first: number, second: number): number => first + (second - first) * (b.weight / weight);
  return { x: mean(a.x, b.x), y: mean(a.y, b.y), weight };
}
