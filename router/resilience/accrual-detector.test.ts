import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createSeededRng } from '../../core/rng.ts';
import { createAccrualDetector, type AccrualPolicy } from '../../core/health/accrual-detector.ts';
import { BEATS, SUSPICIOUS } from './signs-of-life.ts';

interface Traffic {
  readonly seed: number;
  /** Share by which intervals vary. */
  readonly jitter: number;
  /** Share of signs of life that get lost. */
  readonly loss: number;
  /** Share of intervals with a pause, and its length at the most. */
  readonly pauses: number;
  readonly pauseMs: number;
}
const EVERY_MS = 500;

function intervalsOf({ seed, jitter, loss, pauses, pauseMs }: Traffic, count: number): number[] {
  const rng = createSeededRng(seed);
  return Array.from({ length: count }, () => {
    let interval = EVERY_MS * (1 + jitter * (2 * rng.next() - 1));
    while (rng.next() < loss) interval += EVERY_MS;
    return interval + (rng.next() < pauses ? pauseMs * rng.next() : 0);
  });
}
const traffic: fc.Arbitrary<Traffic> = fc.record({
  seed: fc.integer(),
  jitter: fc.double({ min: 0, max: 0.8, noNaN: true }),
  loss: fc.double({ min: 0, max: 0.2, noNaN: true }),
  pauses: fc.double({ min: 0, max: 0.05, noNaN: true }),
  pauseMs: fc.integer({ min: 0, max: 1_500 }),
});

describe('the accrual detector', () => {
  it('suspects less than 1 % of jittered, lossy and paused intervals, and still a dead module within seconds', () => {
    fc.assert(
      fc.property(traffic, (given) => {
        const detector = createAccrualDetector(BEATS);
        const intervals = intervalsOf(given, 2_000);
        let wrong = 0;
        for (const interval of intervals) {
          if (detector.phi(interval) >= SUSPICIOUS) wrong += 1;
          detector.add(interval);
        }
        expect(wrong / intervals.length).toBeLessThan(0.01);
        expect(detector.suspectAfterMs(SUSPICIOUS)).toBeLessThan(8_000);
      }),
    );
  });

  it('is quicker where signs of life are regular', () => {
    const regular = createAccrualDetector(BEATS);
    const irregular = createAccrualDetector(BEATS);
    for (let count = 0; count < 100; count += 1) {
      regular.add(EVERY_MS);
      irregular.add(count % 2 === 0 ? 100 : 1_400);
    }
    expect(regular.suspectAfterMs(SUSPICIOUS)).toBeLessThan(irregular.suspectAfterMs(SUSPICIOUS));
    expect(regular.suspectAfterMs(SUSPICIOUS)).toBeLessThan(2_500);
  });

  it('rises with the silence, and never falls', () => {
    const policy: AccrualPolicy = { expectedMs: 100, pauseMs: 0, leastSpreadMs: 10 };
    const silences = fc.tuple(
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      fc.double({ min: 0, max: 1e6, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 10_000 }), { maxLength: 300 }), silences, (seen, [a, b]) => {
        const detector = createAccrualDetector(policy);
        for (const interval of seen) detector.add(interval);
        expect(detector.phi(Math.max(a, b))).toBeGreaterThanOrEqual(detector.phi(Math.min(a, b)));
        expect(detector.phi(detector.suspectAfterMs(8))).toBeGreaterThanOrEqual(8);
      }),
    );
  });
});
