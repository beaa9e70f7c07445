import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ClassHistory } from '../decide/module-status.ts';
import { withFeedback, withOutcome, type Outcome } from './statistics.ts';

const fold = (outcomes: readonly Outcome[]): ClassHistory | undefined =>
  outcomes.reduce<ClassHistory | undefined>((history, outcome) => withOutcome(history, outcome), undefined);

describe('withOutcome', () => {
  it('is the plain mean while few outcomes are known', () => {
    const history = fold([
      { accepted: true, confidence: 0.8, latencyMs: 100 },
      { accepted: false, confidence: 0.4, latencyMs: 300 },
    ]);
    expect(history?.count).toBe(2);
    expect(history?.successRate).toBeCloseTo(0.5);
    expect(history?.confidence).toBeCloseTo(0.6);
    expect(history?.latencyMs).toBeCloseTo(200);
  });

  it('forgets old outcomes', () => {
    const bad = Array.from({ length: 100 }, () => ({ accepted: false, confidence: 0, latencyMs: 1 }));
    const good = Array.from({ length: 250 }, () => ({ accepted: true, confidence: 1, latencyMs: 1 }));
    expect(fold([...bad, ...good])?.successRate).toBeGreaterThan(0.99);
  });

  it('leaves the mean score as it is when there was no answer', () => {
    const history = fold([
      { accepted: true, confidence: 0.9, latencyMs: 1 },
      { accepted: false, confidence: undefined, latencyMs: 1 },
    ]);
    expect(history).toMatchObject({ count: 2, confidence: 0.9 });
  });

  it('keeps every share between 0 and 1', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const outcome = fc.record({
      accepted: fc.boolean(),
      confidence: fc.option(share, { nil: undefined }),
      latencyMs: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 1, maxLength: 200 }), share, (outcomes, rating) => {
        const history = withFeedback(fold(outcomes), rating);
        for (const value of [history.successRate, history.confidence]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
        expect(history.count).toBe(outcomes.length);
      }),
    );
  });
});

describe('withFeedback', () => {
  it('counts as one more score', () => {
    const before = fold([{ accepted: true, confidence: 1, latencyMs: 1 }]);
    expect(withFeedback(before, 0)).toMatchObject({ count: 1, confidence: 0.5, successRate: 1 });
  });
});
