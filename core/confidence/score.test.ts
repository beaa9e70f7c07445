import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { score, WEIGHTS } from './score.ts';
import type { QualityMetrics, Signals } from './score.ts';

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const anything = fc.oneof(unit, fc.double());
const quality = (value: fc.Arbitrary<number>): fc.Arbitrary<QualityMetrics> =>
  fc.record({ relevance: value, coherence: value, accuracy: value, completeness: value, safety: value });
const signals = (value: fc.Arbitrary<number>): fc.Arbitrary<Signals> =>
  fc.record({
    selfAssessment: fc.option(value, { nil: undefined }),
    quality: quality(value),
    history: fc.option(value, { nil: undefined }),
    time: value,
    structure: value,
  });

const even = (value: number): QualityMetrics => ({
  relevance: value,
  coherence: value,
  accuracy: value,
  completeness: value,
  safety: value,
});

describe('score', () => {
  test('the shares are the specification’s and make a whole', () => {
    expect(WEIGHTS).toEqual({ selfAssessment: 0.3, quality: 0.25, history: 0.2, time: 0.15, structure: 0.1 });
    expect(Object.values(WEIGHTS).reduce<number>((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
  });

  test('is the weighted sum of its signals', () => {
    const quality = { relevance: 1, coherence: 0.5, accuracy: 0.5, completeness: 0.5, safety: 0 };
    const { rawScore } = score({ selfAssessment: 0.8, quality, history: 0.6, time: 1, structure: 0.4 });
    expect(rawScore).toBeCloseTo(0.3 * 0.8 + 0.25 * 0.5 + 0.2 * 0.6 + 0.15 * 1 + 0.1 * 0.4, 12);
  });

  test.each([
    ['self-assessment', { selfAssessment: undefined, history: 0.9 }, (0.25 * 0.5 + 0.2 * 0.9 + 0.15 + 0.1) / 0.7],
    ['history', { selfAssessment: 0.9, history: undefined }, (0.3 * 0.9 + 0.25 * 0.5 + 0.15 + 0.1) / 0.8],
    ['both', { selfAssessment: undefined, history: undefined }, (0.25 * 0.5 + 0.15 + 0.1) / 0.5],
  ])('the share of a missing %s goes to the others', (_name, missing, expected) => {
    expect(score({ quality: even(0.5), time: 1, structure: 1, ...missing }).rawScore).toBeCloseTo(expected, 12);
  });

  test('a number that is none earns nothing', () => {
    expect(score({ selfAssessment: NaN, quality: even(NaN), history: NaN, time: NaN, structure: NaN }).rawScore).toBe(
      0,
    );
  });

  test('stays from 0 to 1 whatever comes in', () => {
    fc.assert(
      fc.property(signals(anything), (given) => {
        const { score: calibrated, rawScore } = score(given);
        expect(calibrated >= 0 && calibrated <= 1 && rawScore >= 0 && rawScore <= 1).toBe(true);
      }),
    );
  });

  test('never falls as one signal rises', () => {
    const names = ['selfAssessment', 'history', 'time', 'structure'] as const;
    fc.assert(
      fc.property(signals(unit), fc.constantFrom(...names), unit, unit, (given, name, a, b) => {
        const low = score({ ...given, [name]: Math.min(a, b) });
        const high = score({ ...given, [name]: Math.max(a, b) });
        expect(high.rawScore).toBeGreaterThanOrEqual(low.rawScore - 1e-12);
      }),
    );
  });

  test('never falls as one quality metric rises', () => {
    const names = ['relevance', 'coherence', 'accuracy', 'completeness', 'safety'] as const;
    fc.assert(
      fc.property(signals(unit), fc.constantFrom(...names), unit, unit, (given, name, a, b) => {
        const at = (value: number): number =>
          score({ ...given, quality: { ...given.quality, [name]: value } }).rawScore;
        expect(at(Math.max(a, b))).toBeGreaterThanOrEqual(at(Math.min(a, b)) - 1e-12);
      }),
    );
  });
});
