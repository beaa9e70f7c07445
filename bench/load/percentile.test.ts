import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { percentile } from './percentile.ts';

test('at least the fraction of the samples is at or below the percentile, and it is one of them', () => {
  const samples = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 });
  fc.assert(
    fc.property(samples, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, fraction) => {
      const value = percentile([...values], fraction);
      expect(values).toContain(value);
      expect(values.filter((one) => one <= value).length).toBeGreaterThanOrEqual(fraction * values.length - 1e-9);
    }),
  );
  expect(percentile([], 0.5)).toBeNaN();
});
