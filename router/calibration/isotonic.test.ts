import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isotonicFit, type WeightedPoint } from './isotonic.ts';

const point = (x: number, y: number, weight = 1): WeightedPoint => ({ x, y, weight });
const points = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 8 })
  .map((pairs) => pairs.map(([y, weight], x) => point(x, y / 10, weight)));
const error = (seen: readonly WeightedPoint[], fit: (x: number) => number): number =>
  seen.reduce((sum, { x, y, weight }) => sum + weight * (fit(x) - y) ** 2, 0);

/** Value of the block that a point is in: blocks take points in order, until their weight is used up. */
function valuesOf(seen: readonly WeightedPoint[]): readonly number[] {
  const blocks = isotonicFit(seen).map((block) => ({ ...block, left: block.weight }));
  return seen.map(({ weight }) => {
    while (blocks[0]!.left < 1e-9) blocks.shift();
    blocks[0]!.left -= weight;
    return blocks[0]!.y;
  });
}

describe('isotonic regression', () => {
  it('leaves what rises, and pools what falls', () => {
    expect(isotonicFit([point(0, 0.1), point(1, 0.2), point(2, 0.9)])).toHaveLength(3);
    expect(isotonicFit([point(0, 0.1), point(1, 0.9, 3), point(2, 0.5)])).toEqual([
      point(0, 0.1),
      { x: 1.25, y: expect.closeTo(0.8), weight: 4 },
    ]);
  });

  it('rises, keeps all weight and the mean', () => {
    fc.assert(
      fc.property(points, (seen) => {
        const blocks = isotonicFit(seen);
        for (const [at, block] of blocks.entries()) expect(block.y).toBeGreaterThan(blocks[at - 1]?.y ?? -1);
        const total = (of: readonly WeightedPoint[]): number => of.reduce((sum, { y, weight }) => sum + y * weight, 0);
        expect(total(blocks)).toBeCloseTo(total(seen));
      }),
    );
  });

  it('is no worse than any other rising fit', () => {
    const rising = fc
      .array(fc.integer({ min: 0, max: 10 }), { minLength: 8, maxLength: 8 })
      .map((values) => values.sort((a, b) => a - b).map((value) => value / 10));
    fc.assert(
      fc.property(points, rising, (seen, other) => {
        const fitted = valuesOf(seen);
        const best = error(seen, (x) => fitted[x]!);
        expect(best).toBeLessThanOrEqual(error(seen, (x) => other[x]!) + 1e-9);
      }),
    );
  });
});
