import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  admits,
  afterFailure,
  afterRecovery,
  afterRelease,
  afterStart,
  afterSuccess,
  CLOSED,
  retryAfterMs,
  setByHand,
  type Breaker,
  type BreakerPolicy,
} from './breaker.ts';
import { fromStored, toStored } from './breaker-memory.ts';
import { createRateWindow } from './rate-window.ts';

const POLICY: BreakerPolicy = {
  failureThreshold: 3,
  failureRate: 0.5,
  minimumVolume: 10,
  windowMs: 10_000,
  openDurationMs: 1_000,
  maxOpenMs: 3_000,
  halfOpenProbes: 2,
};
const none = { count: 0, lastMs: 0 };
const at = (nowMs: number, recent = { total: 1, failures: 1 }, random = 0) => ({ nowMs, recent, random });
const failed = (count: number): Breaker => ({ phase: 'CLOSED', consecutiveFailures: count, openings: none });
const open = (untilMs: number, count = 1, lastMs = untilMs - 1_000): Breaker => ({
  phase: 'OPEN',
  untilMs,
  openings: { count, lastMs },
  byHand: false,
});
const half = (probes: number): Breaker => ({ phase: 'HALF_OPEN', probes, openings: { count: 1, lastMs: 0 } });

describe('the state table', () => {
  it.each<[string, Breaker, Breaker]>([
    ['a failure below the threshold is counted', afterFailure(failed(1), at(5), POLICY), failed(2)],
    ['the failure at the threshold opens', afterFailure(failed(2), at(5), POLICY), open(1_005)],
    ['the failure rate opens', afterFailure(failed(0), at(5, { total: 10, failures: 5 }), POLICY), open(1_005)],
    [
      'a rate over few calls says nothing',
      afterFailure(failed(0), at(5, { total: 9, failures: 9 }), POLICY),
      failed(1),
    ],
    ['a success forgets failures', afterSuccess(failed(2)), CLOSED],
    ['a late failure leaves it open as it was', afterFailure(open(1_001), at(5), POLICY), open(1_001)],
    ['a late success leaves it open', afterSuccess(open(1_001)), open(1_001)],
    ['the first call after the pause is a probe', afterStart(open(1_000, 1, 0)), half(1)],
    ['more probes are counted', afterStart(half(1)), half(2)],
    ['a probe that succeeds closes', afterSuccess(half(2)), { ...failed(0), openings: { count: 1, lastMs: 0 } }],
    ['a probe that fails opens anew, for twice as long', afterFailure(half(2), at(9), POLICY), open(2_009, 2, 9)],
    ['chance makes it shorter, never longer', afterFailure(half(2), at(9, undefined, 0.5), POLICY), open(1_809, 2, 9)],
    ['a probe that was cancelled frees its place', afterRelease(half(2)), half(1)],
    ['a cancelled call says nothing while closed', afterRelease(failed(2)), failed(2)],
    [
      'without a threshold it never opens',
      afterFailure(failed(99), at(5), { ...POLICY, failureThreshold: undefined }),
      failed(99),
    ],
    ['a module that is well again may be probed at once', afterRecovery(open(9_000), 10), open(10, 1, 8_000)],
  ])('%s', (_case, after, expected) => {
    expect(after).toEqual(expected);
  });

  it('openings grow up to the longest, and are forgotten after a quiet time', () => {
    let breaker = afterFailure(failed(2), at(0), POLICY);
    const lengths: number[] = [];
    let nowMs = 0;
    for (let count = 0; count < 4; count += 1) {
      lengths.push(retryAfterMs(breaker, nowMs)!);
      nowMs += retryAfterMs(breaker, nowMs)!;
      breaker = afterFailure(afterStart(breaker), at(nowMs), POLICY);
    }
    expect(lengths).toEqual([1_000, 2_000, 3_000, 3_000]);
    const later = nowMs + 20_000;
    expect(retryAfterMs(afterFailure(afterStart(breaker), at(later), POLICY), later)).toBe(1_000);
  });

  it('opened by hand stays open until it is closed by hand', () => {
    const opened = setByHand(CLOSED, 'open');
    expect(admits(afterRecovery(opened, 1e12), 1e12, POLICY)).toBe(false);
    expect(retryAfterMs(opened, 0)).toBeUndefined();
    expect(setByHand(opened, 'closed')).toEqual(CLOSED);
  });

  it.each<[Breaker, number, boolean]>([
    [CLOSED, 0, true],
    [open(1_100), 1_099, false],
    [open(1_100), 1_100, true],
    [half(1), 0, true],
    [half(2), 0, false],
  ])('%j at %d admits: %s', (breaker, nowMs, admitted) => {
    expect(admits(breaker, nowMs, POLICY)).toBe(admitted);
  });
});

describe('over a restart', () => {
  const before = { nowMs: 1_000_000, monotonicMs: 5_000 };
  const after = { nowMs: 1_000_400, monotonicMs: 100 };

  it.each<[string, Breaker]>([
    ['closed', CLOSED],
    ['closed after openings', { ...failed(0), openings: { count: 2, lastMs: 4_000 } }],
    ['opened by hand', setByHand(CLOSED, 'open')],
    ['open', open(5_600)],
  ])('a breaker that is %s is so again', (_case, breaker) => {
    const restored = fromStored(toStored(breaker, before), after);
    expect(restored.phase).toBe(breaker.phase);
    expect(restored.openings.count).toBe(breaker.openings.count);
    const left = retryAfterMs(breaker, before.monotonicMs);
    expect(retryAfterMs(restored, after.monotonicMs)).toBe(left === undefined ? undefined : left - 400);
  });

  it('one that was half open is probed anew', () => {
    const restored = fromStored(toStored(half(1), before), after);
    expect(restored.phase).toBe('OPEN');
    expect(admits(restored, after.monotonicMs, POLICY)).toBe(true);
  });
});

describe('the window of outcomes', () => {
  it('forgets what is older, for every sequence', () => {
    const outcomes = fc.array(fc.record({ gapMs: fc.integer({ min: 0, max: 3_000 }), failed: fc.boolean() }));
    fc.assert(
      fc.property(outcomes, (given) => {
        const window = createRateWindow(10_000);
        let nowMs = 0;
        const all = given.map(({ gapMs, failed: isFailed }) => {
          nowMs += gapMs;
          window.add(isFailed, nowMs);
          return { atMs: nowMs, failed: isFailed };
        });
        const { total, failures } = window.recent(nowMs);
        const within = (ms: number): number => all.filter(({ atMs }) => nowMs - atMs < ms).length;
        expect(total).toBeGreaterThanOrEqual(within(9_000));
        expect(total).toBeLessThanOrEqual(within(10_000));
        expect(failures).toBeLessThanOrEqual(total);
      }),
    );
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
          if (step === 'wait') nowMs += POLICY.maxOpenMs;
          else if (step === 'start') {
            if (!admits(breaker, nowMs, POLICY)) continue;
            breaker = afterStart(breaker);
            running += 1;
          } else if (running > 0) {
            running -= 1;
            if (step === 'success') breaker = afterSuccess(breaker);
            else if (step === 'failure') breaker = afterFailure(breaker, at(nowMs), POLICY);
            else breaker = afterRelease(breaker);
          }
          if (breaker.phase === 'HALF_OPEN') expect(breaker.probes).toBeLessThanOrEqual(POLICY.halfOpenProbes);
          if (breaker.phase === 'OPEN') expect(admits(breaker, nowMs + POLICY.maxOpenMs, POLICY)).toBe(true);
        }
      }),
    );
  });
});
