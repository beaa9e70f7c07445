import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { timeFactor } from './time-factor.ts';

describe('timeFactor', () => {
  test.each([
    [0, 0.6],
    [0.1, 1],
    [1, 1],
    [2, 1],
    [10, 0.5],
    [30, 0.0755],
  ])('%d s give %d', (seconds, expected) => {
    expect(timeFactor(seconds)).toBeCloseTo(expected, 4);
  });

  test.each([[NaN], [-1], [-Infinity]])('%d, which no clock gives, counts as 0 s', (seconds) => {
    expect(timeFactor(seconds)).toBe(timeFactor(0));
  });

  test('rises up to 0.1 s, falls from 2 s on, and has no step anywhere', () => {
    const time = fc.double({ min: 0, max: 120, noNaN: true });
    fc.assert(
      fc.property(time, time, (a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        if (high <= 0.1) expect(timeFactor(high)).toBeGreaterThanOrEqual(timeFactor(low));
        if (low >= 2) expect(timeFactor(high)).toBeLessThanOrEqual(timeFactor(low));
        expect(Math.abs(timeFactor(a) - timeFactor(a + 1e-6))).toBeLessThan(1e-4);
      }),
    );
  });
});
