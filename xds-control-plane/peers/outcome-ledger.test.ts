import { expect, test } from '@jest/globals';
import type { Outcomes } from '../rollout/ramp.ts';
import { createOutcomeLedger } from './outcome-ledger.ts';

const calls = (count: number, errors = 0): Outcomes => ({ calls: count, errors, judged: 0, confidence: 0 });

test('what others have counted is taken once, and only from when they were first heard', () => {
  const ledger = createOutcomeLedger();
  const hear = (...outcomes: readonly (readonly [string, Outcomes])[]): unknown =>
    Object.fromEntries(ledger.news(new Map(outcomes.map(([id, sums]) => [id, { outcomes: { m: sums } }]))));
  expect(hear(['a', calls(100, 7)])).toEqual({});
  expect(hear(['a', calls(110, 8)])).toEqual({ m: calls(10, 1) });
  expect(hear(['a', calls(110, 8)], ['b', calls(5)])).toEqual({ m: calls(0) });
  expect(hear(['a', calls(120, 8)], ['b', calls(6, 1)])).toEqual({ m: calls(11, 1) });
  // Its count has begun anew, since the module's ramp has.
  expect(hear(['a', calls(3)], ['b', calls(6, 1)])).toEqual({ m: calls(3) });
});

test('only what is wanted is told', () => {
  const ledger = createOutcomeLedger();
  ledger.add('m', calls(1));
  ledger.add('m', calls(2, 1));
  ledger.add('n', calls(1));
  expect(ledger.totals(['m'])).toEqual({ m: calls(3, 1) });
  expect(ledger.totals([])).toEqual({});
});
