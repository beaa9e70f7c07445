import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { learnActivation } from './expected-activation.ts';
import { activationProgress } from './progress.ts';

test('rises with time, below 1 until ready', () => {
  const expected = fc.option(fc.nat(100_000), { nil: undefined });
  fc.assert(
    fc.property(expected, fc.nat(1_000_000), fc.nat(1_000_000), (expectedMs, atMs, laterMs) => {
      const at = (nowMs: number) => activationProgress({ startedAtMs: 0, nowMs, expectedMs, ready: false }).progress;
      expect(at(atMs + laterMs)).toBeGreaterThanOrEqual(at(atMs));
      expect(at(atMs)).toBeGreaterThanOrEqual(0);
      expect(at(atMs)).toBeLessThan(1);
    }),
  );
});

test('an overdue start is never expected in the past', () => {
  const late = activationProgress({ startedAtMs: 0, nowMs: 9000, expectedMs: 1000, ready: false });
  expect(late.expectedReadyAtMs).toBeGreaterThan(9000);
});

test('the estimate goes to what starts have come to take', () => {
  let estimate: number | undefined;
  for (const tookMs of [8000, 1000, 1000, 1000, 1000, 1000, 1000]) estimate = learnActivation(estimate, tookMs);
  expect(estimate).toBeGreaterThan(1000);
  expect(estimate).toBeLessThan(1200);
});
