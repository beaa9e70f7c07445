import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { effectOn, nextBrownOut, noBrownOut, type BrownOutPolicy, type BrownOutState } from './brown-out.ts';

const POLICY: BrownOutPolicy = {
  pressureFrom: 0.8,
  recoveredUnder: 0.5,
  afterMs: 1_000,
  recoverAfterMs: 2_000,
  cheaperFirst: true,
  maxTokens: 100,
};
/** Looks every 100 ms at what is in use, from each to the next one of `[share, for ms]`. */
function levelsAfter(...spans: readonly (readonly [number, number])[]): number[] {
  let state: BrownOutState = noBrownOut(0);
  let nowMs = 0;
  return spans.map(([used, forMs]) => {
    for (const untilMs = nowMs + forMs; nowMs < untilMs;) {
      nowMs += 100;
      state = nextBrownOut(state, used, nowMs, POLICY);
    }
    return state.level;
  });
}

describe('a brown-out', () => {
  it('spreads while the pressure lasts, step by step, and goes back the same way', () => {
    expect(levelsAfter([0.9, 1_000], [0.9, 200], [0.9, 1_000], [0.9, 5_000])).toEqual([0, 1, 2, 3]);
    expect(levelsAfter([0.9, 5_000], [0.1, 2_100], [0.1, 2_000], [0.1, 2_000], [0.1, 9_000])).toEqual([3, 2, 1, 0, 0]);
  });

  it('neither begins with a short burst nor ends with a short pause', () => {
    expect(levelsAfter([0.9, 900], [0.1, 500], [0.9, 900], [0.1, 500])).toEqual([0, 0, 0, 0]);
    expect(levelsAfter([0.9, 5_000], [0.1, 1_500], [0.9, 100], [0.1, 1_500])).toEqual([3, 3, 3, 3]);
    expect(levelsAfter([0.9, 5_000], [0.6, 60_000])).toEqual([3, 3]);
  });

  it('affects the least important first, and critical queries never', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 200 }), (shares) => {
        let state: BrownOutState = noBrownOut(0);
        for (const [at, used] of shares.entries()) state = nextBrownOut(state, used, at * 700, POLICY);
        expect(effectOn(state, 'critical', POLICY)).toBeUndefined();
        const affected = (['low', 'normal', 'high'] as const).map(
          (each) => effectOn(state, each, POLICY) !== undefined,
        );
        expect(affected).toEqual([state.level > 0, state.level > 1, state.level > 2]);
      }),
    );
  });
});
