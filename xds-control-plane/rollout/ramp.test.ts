import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { advanceRamp, beginRamp, rampPercent } from './ramp.ts';
import type { Outcomes, Ramp, RampPolicy } from './ramp.ts';

const policy: RampPolicy = {
  steps: [5, 25],
  interval: 60,
  min_requests: 50,
  max_error_increase: 0.02,
  max_confidence_drop: 0.05,
};

const calls = (count: number, errors = 0, confidence?: number): Outcomes => ({
  calls: count,
  errors,
  judged: confidence === undefined ? 0 : count,
  confidence: count * (confidence ?? 0),
});

function after(ramp: Ramp, fresh: Outcomes, nowMs: number, main = calls(1_000, 10, 0.8)): Ramp {
  return advanceRamp(ramp, { main, fresh }, policy, 50, nowMs);
}

const percentOf = (ramp: Ramp): number => rampPercent(ramp, policy, 50);

test('goes through its steps to the share in the split, each after its interval and enough calls', () => {
  let ramp = beginRamp(0);
  const seen = [percentOf(ramp)];
  for (const nowMs of [61_000, 122_000]) {
    ramp = after(ramp, calls(60, 0, 0.8), nowMs);
    seen.push(percentOf(ramp));
  }
  expect(seen).toEqual([5, 25, 50]);
  expect(ramp).toEqual({ phase: 'DONE' });
});

describe('stays at its step', () => {
  test.each<[string, Outcomes, number]>([
    ['before the interval is over', calls(1_000, 0, 0.8), 59_000],
    ['however long it takes, without enough calls', calls(49, 0, 0.8), 10_000_000],
    ['with errors, while there are too few calls to tell', calls(49, 49), 61_000],
    ['with errors within what is allowed', calls(1_000, 29, 0.8), 59_000],
    ['with less confidence within what is allowed', calls(1_000, 0, 0.76), 59_000],
  ])('%s', (_, fresh, nowMs) => {
    expect(percentOf(after(beginRamp(0), fresh, nowMs))).toBe(5);
  });
});

describe('is rolled back at once, and stays so', () => {
  test.each<[string, Outcomes, string]>([
    ['when errors rise', calls(50, 5), '10.0 % of its calls fail, against 1.0 %'],
    ['when confidence falls', calls(50, 0, 0.7), 'its mean confidence is 0.70, against 0.80'],
  ])('%s', (_, fresh, reason) => {
    const ramp = after(beginRamp(0), fresh, 100);
    expect(ramp).toEqual({ phase: 'ROLLED_BACK', reason });
    expect(percentOf(ramp)).toBe(0);
    expect(after(ramp, calls(10_000, 0, 1), 1_000_000)).toBe(ramp);
  });
});

test('whatever happens, the share never passes the one in the split, and only rises until it is taken back', () => {
  const outcome = fc.record({
    calls: fc.nat(200),
    errors: fc.nat(20),
    judged: fc.nat(200),
    confidence: fc.double({ min: 0, max: 200, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 30 }), fc.integer({ min: 0, max: 100 }), (rounds, target) => {
      let ramp = beginRamp(0);
      let last = rampPercent(ramp, policy, target);
      rounds.forEach((fresh, round) => {
        ramp = advanceRamp(ramp, { main: calls(100, 1, 0.5), fresh }, policy, target, (round + 1) * 30_000);
        const now = rampPercent(ramp, policy, target);
        expect(now).toBeLessThanOrEqual(target);
        if (ramp.phase === 'ROLLED_BACK') expect(now).toBe(0);
        else expect(now).toBeGreaterThanOrEqual(last);
        last = now;
      });
    }),
  );
});
