import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { confidenceAdvice, failureThresholdAdvice, firstTokenAdvice } from './recommend.ts';
import type { ScoredAnswers } from './scored-answers.ts';

/** Answers of which those with a score over `line` are good, and judged so. */
function bookOf(line: number, judged = 200): readonly ScoredAnswers[] {
  const answers = judged / 20;
  return Array.from({ length: 20 }, (_, at) => {
    const score = (at + 0.5) / 20;
    return score > line ? { score, answers, good: answers, bad: 0 } : { score, answers, good: 0, bad: answers };
  });
}

describe('the confidence threshold', () => {
  it.each([
    ['rises where answers over it are bad', 0.6, 0.3, 0.35],
    ['falls where good answers are thrown away', 0.2, 0.5, 0.45],
  ])('%s, one step at a time', (_name, line, present, value) => {
    expect(confidenceAdvice(bookOf(line), present)?.value).toBeCloseTo(value);
  });

  it('comes to where good and bad part, and stays there', () => {
    let threshold = 0.1;
    for (let step = 0; step < 20; step += 1) threshold = confidenceAdvice(bookOf(0.6), threshold)?.value ?? threshold;
    expect(threshold).toBeCloseTo(0.6, 1);
    expect(confidenceAdvice(bookOf(0.6), threshold)).toBeUndefined();
  });

  it('is left alone while users have said too little', () => {
    expect(confidenceAdvice(bookOf(0.6, 19), 0.1)).toBeUndefined();
  });
});

describe('the other limits', () => {
  it('failures in a row are as many as do not come by chance', () => {
    expect(failureThresholdAdvice(0.001, 1_000, 5)?.value).toBe(4);
    expect(failureThresholdAdvice(0.2, 1_000, 5)).toMatchObject({ value: 6, reason: expect.stringContaining('6 in') });
    expect(failureThresholdAdvice(0.2, 99, 5)).toBeUndefined();
  });

  it('patience follows the slowest of a hundred', () => {
    expect(firstTokenAdvice(400, 64, 3)).toMatchObject({ value: 1.5 });
    expect(firstTokenAdvice(1_450, 64, 3)).toBeUndefined();
    expect(firstTokenAdvice(undefined, 5, 3)).toBeUndefined();
  });

  it('no advice is more than one step away', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 2, max: 20 }), (share, present) => {
        const value = failureThresholdAdvice(share, 500, present)?.value ?? present;
        expect(Math.abs(value - present)).toBeLessThanOrEqual(1);
        const line = confidenceAdvice(bookOf(share), 0.5)?.value ?? 0.5;
        expect(Math.abs(line - 0.5)).toBeLessThanOrEqual(0.0501);
      }),
      { numRuns: 50 },
    );
  });
});
