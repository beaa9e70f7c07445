import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { createSeededRng } from '../rng.ts';
import { DEFAULT_BACKOFF, nextRestart } from './restart-backoff.ts';

const steady = { ...DEFAULT_BACKOFF, jitterFraction: 0 };
const rng = createSeededRng(1);

test.each([
  [0, 0, 1, 500],
  [1, 10, 2, 1000],
  [4, 10, 5, 8_000],
  [6, 10, 7, 10_000],
  [5000, 10, 5001, 10_000],
  [6, 60_000, 1, 0],
])('after %i failures and %i ms up: failure %i, wait %i ms', (before, uptimeMs, failures, delayMs) => {
  expect(nextRestart(before, uptimeMs, steady, rng)).toEqual({ failures, delayMs });
});

test('what was not up for long waits within the jittered bounds, whatever the past', () => {
  const short = fc.nat(DEFAULT_BACKOFF.stableMs - 1);
  fc.assert(
    fc.property(fc.nat(), short, fc.nat(), (before, uptimeMs, seed) => {
      const { delayMs } = nextRestart(before, uptimeMs, DEFAULT_BACKOFF, createSeededRng(seed));
      expect(delayMs).toBeGreaterThanOrEqual(DEFAULT_BACKOFF.initialMs * 0.8);
      expect(delayMs).toBeLessThanOrEqual(DEFAULT_BACKOFF.maxMs * 1.2);
    }),
  );
});
