import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSeededRng, jitter } from './rng.ts';

test('one seed gives one sequence, within [0, 1)', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const [a, b] = [createSeededRng(seed), createSeededRng(seed)];
      for (let i = 0; i < 20; i++) {
        const value = a.next();
        expect(value).toBe(b.next());
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThan(1);
      }
    }),
  );
});

test('jitter stays within its fraction', () => {
  const rng = createSeededRng(7);
  for (let i = 0; i < 1000; i++) expect(Math.abs(jitter(100, 0.2, rng) - 100)).toBeLessThanOrEqual(20);
});
