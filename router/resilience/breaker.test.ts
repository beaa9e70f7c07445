import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  admits,
  afterFailure,
  afterRelease,
  afterStart,
  afterSuccess,
  CLOSED,
  type Breaker,
  type BreakerPolicy,
} from './breaker.ts';

const POLICY: BreakerPolicy = { failureThreshold: 3, openDurationMs: 1_000, halfOpenProbes: 2 };
const failed = (count: number): Breaker => ({ phase: 'CLOSED', consecutiveFailures: count });
const open = (openedAtMs: number): Breaker => ({ phase: 'OPEN', openedAtMs });
const half = (probes: number): Breaker => ({ phase: 'HALF_OPEN', probes });

describe('the state table', () => {
  it.each<[string, Breaker, Breaker]>([
    ['a failure below the threshold is counted', afterFailure(failed(1), 5, POLICY), failed(2)],
    ['the failure at the threshold opens', afterFailure(failed(2), 5, POLICY), open(5)],
    ['a success forgets failures', afterSuccess(failed(2)), CLOSED],
    ['a late failure leaves it open as it was', afterFailure(open(1), 5, POLICY), open(1)],
    ['a late success leaves it open', afterSuccess(open(1)), open(1)],
    ['the first call after the pause is a probe', afterStart(open(1)), half(1)],
    ['more probes are counted', afterStart(half(1)), half(2)],
    ['a probe that succeeds closes', afterSuccess(half(2)), CLOSED],
    ['a probe that fails opens anew', afterFailure(half(2), 9, POLICY), open(9)],
    ['a probe that was cancelled frees its place', afterRelease(half(2)), half(1)],
    ['a cancelled call says nothing while closed', afterRelease(failed(2)), failed(2)],
    [
      'without a threshold it never opens',
      afterFailure(failed(99), 5, { ...POLICY, failureThreshold: undefined }),
      failed(99),
    ],
  ])('%s', (_case, after, expected) => {
    expect(after).toEqual(expected);
  });

  it.each<[Breaker, number, boolean]>([
    [CLOSED, 0, true],
    [open(100), 1_099, false],
    [open(100), 1_100, true],
    [half(1), 0, true],
    [half(2), 0, false],
  ])('%j at %d admits: %s', (breaker, nowMs, admitted) => {
    expect(admits(breaker, nowMs, POLICY)).toBe(admitted);
  });
});

describe('for every history of calls', () => {
  type Step = 'start' | 'success' | 'failure' | 'release' | 'wait';
  const steps = fc.array(fc.constantFrom<Step[]>('start', 'success', 'failure', 'release', 'wait'), { maxLength: 100 });

  it('never more probes run than allowed, and after the pause one is let through', () => {
    fc.assert(
      fc.property(steps, (history) => {
        let breaker: Breaker = CLOSED;
        let nowMs = 0;
        let running = 0;
        for (const step of history) {
          if (step === 'wait') nowMs += POLICY.openDurationMs;
          else if (step === 'start') {
            if (!admits(breaker, nowMs, POLICY)) continue;
            breaker = afterStart(breaker);
            running += 1;
          } else if (running > 0) {
            running -= 1;
            if (step === 'success') breaker = afterSuccess(breaker);
            else if (step === 'failure') breaker = afterFailure(breaker, nowMs, POLICY);
            else breaker = afterRelease(breaker);
          }
          if (breaker.phase === 'HALF_OPEN') expect(breaker.probes).toBeLessThanOrEqual(POLICY.halfOpenProbes);
          if (breaker.phase === 'OPEN')
            expect(admits(breaker, breaker.openedAtMs + POLICY.openDurationMs, POLICY)).toBe(true);
        }
      }),
    );
  });
});
