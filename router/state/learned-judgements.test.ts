import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { withJudgement, type Judgements } from '../calibration/judgements.ts';
import { ownJudgementsSchema, poolJudgements, resumeJudgements, type OwnJudgements } from './learned-judgements.ts';

const DAY_MS = 86_400_000;
const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const judgement = fc.record({ raw: fraction, told: fraction, rating: fraction });
const book: fc.Arbitrary<Judgements> = fc
  .array(fc.tuple(judgement, fc.integer({ min: 0, max: 90 })), { minLength: 1, maxLength: 8 })
  .map((all) =>
    all.reduce<Judgements | undefined>((before, [each, day]) => withJudgement(before, each, day * DAY_MS), undefined),
  )
  .map((made) => made!);
const words: fc.Arbitrary<OwnJudgements> = fc.dictionary(
  fc.constantFrom('m', 'n'),
  fc.record({ GENERAL: book, MULTIMODAL: book }, { requiredKeys: [] }),
);
const routers = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), words), { selector: ([id]) => id });
const weightOf = ({ raw }: Judgements): number => raw.reduce((sum, { weight }) => sum + weight, 0);

describe('pooling judgements', () => {
  test('does not depend on the order in which routers were heard, nor on hearing one twice', () => {
    fc.assert(
      fc.property(routers, (all) => {
        const pooled = poolJudgements(new Map(all));
        expect(poolJudgements(new Map([...all].reverse()))).toEqual(pooled);
        expect(poolJudgements(new Map([...all, ...all]))).toEqual(pooled);
      }),
    );
  });

  test('gives what a router can tell, and one router alone its own', () => {
    fc.assert(
      fc.property(routers, words, (all, alone) => {
        expect(ownJudgementsSchema.safeParse(poolJudgements(new Map(all))).success).toBe(true);
        expect(poolJudgements(new Map([['a', alone]]))).toEqual(alone);
      }),
    );
  });

  test('adds up, and what is older by a month weighs half', () => {
    const one = { raw: 0.5, told: 0.5, rating: 1 };
    const [early, late] = [withJudgement(undefined, one, 0), withJudgement(undefined, one, 30 * DAY_MS)];
    const pooled = poolJudgements(
      new Map([
        ['a', { m: { GENERAL: early } }],
        ['b', { m: { GENERAL: late } }],
      ]),
    )['m']!['GENERAL']!;
    expect(pooled.count).toBe(2);
    expect(weightOf(pooled)).toBeCloseTo(1.5);
    expect(resumeJudgements(early, late)).toEqual(pooled);
  });

  test('words that make no sense are not taken', () => {
    const good = withJudgement(undefined, { raw: 0.5, told: 0.5, rating: 1 }, 0);
    const raw = good.raw.map((bin) => ({ ...bin, good: bin.weight + 1 }));
    expect(ownJudgementsSchema.safeParse({ m: { GENERAL: { ...good, raw } } }).success).toBe(false);
    expect(ownJudgementsSchema.safeParse({ m: { GENERAL: { ...good, raw: [] } } }).success).toBe(false);
  });
});
