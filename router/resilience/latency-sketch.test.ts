import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EMPTY_SKETCH, quantileOf, sumCounts, withLatency, type LatencySketch } from './latency-sketch.ts';

const sketchOf = (values: readonly number[]): LatencySketch => values.reduce(withLatency, EMPTY_SKETCH);
const times = fc.array(fc.double({ min: 1, max: 900_000, noNaN: true }), { minLength: 1, maxLength: 100 });

it('gives quantiles to 5 %', () => {
  fc.assert(
    fc.property(times, fc.double({ min: 0, max: 1, noNaN: true }), (values, fraction) => {
      const sorted = [...values].sort((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(sorted.length * fraction)) - 1]!;
      expect(Math.abs(quantileOf(sketchOf(values), fraction)! / exact - 1)).toBeLessThan(0.05);
    }),
  );
});

it('several add up to the one of all their times', () => {
  fc.assert(
    fc.property(times, times, (a, b) => {
      expect(sumCounts([sketchOf(a), sketchOf(b)])).toEqual(sketchOf([...a, ...b]));
    }),
  );
});

it('is bounded, takes 0, and knows nothing when it is empty', () => {
  expect(Object.keys(sketchOf([0, 0.5, 1, 1e9, Infinity]))).toEqual(['0', '145']);
  expect(quantileOf(EMPTY_SKETCH, 0.5)).toBeUndefined();
});
