import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { withOutcome } from '../resilience/statistics.ts';
import { ownHistoriesSchema, poolHistories, type OwnHistories, type OwnHistory } from './learned-history.ts';

const HOUR_MS = 3_600_000;
const own: fc.Arbitrary<OwnHistory> = fc.record({
  count: fc.integer({ min: 0, max: 1000 }),
  successRate: fc.double({ min: 0, max: 1, noNaN: true }),
  confidence: fc.double({ min: 0, max: 1, noNaN: true }),
  latencyMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
  atMs: fc.integer({ min: 0, max: 10 * HOUR_MS }),
});
const histories: fc.Arbitrary<OwnHistories> = fc.dictionary(
  fc.constantFrom('m', 'n'),
  fc.record({ GENERAL: own, MULTIMODAL: own }, { requiredKeys: [] }),
);
const routers = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), histories), { selector: ([id]) => id });
const history = (fields: Partial<OwnHistory>): OwnHistory => ({
  count: 50,
  successRate: 1,
  confidence: 1,
  latencyMs: 100,
  atMs: 0,
  ...fields,
});

describe('pooling', () => {
  test('does not depend on the order in which routers were heard, nor on hearing one twice', () => {
    fc.assert(
      fc.property(routers, (all) => {
        const pooled = poolHistories(new Map(all));
        expect(poolHistories(new Map([...all].reverse()))).toEqual(pooled);
        expect(poolHistories(new Map([...all, ...all]))).toEqual(pooled);
      }),
    );
  });

  test('gives means between the least and the most, in bounds', () => {
    fc.assert(
      fc.property(routers, (all) => {
        for (const [moduleId, classes] of Object.entries(poolHistories(new Map(all)))) {
          for (const [name, pooled] of Object.entries(classes)) {
            const words = all.flatMap(([, of]) => of[moduleId]?.[name as 'GENERAL'] ?? []);
            const rates = words.map(({ successRate }) => successRate);
            expect(pooled.successRate).toBeGreaterThanOrEqual(Math.min(...rates) - 1e-9);
            expect(pooled.successRate).toBeLessThanOrEqual(Math.max(...rates) + 1e-9);
            expect(ownHistoriesSchema.safeParse({ m: { GENERAL: { ...pooled, atMs: 0 } } }).success).toBe(true);
          }
        }
      }),
    );
  });

  test('one router alone plans by its own means', () => {
    const alone = { ...withOutcome(undefined, { accepted: true, confidence: 0.7, latencyMs: 30 }), atMs: 5 };
    const { atMs: _atMs, ...expected } = alone;
    expect(poolHistories(new Map([['a', { m: { GENERAL: alone } }]]))).toEqual({ m: { GENERAL: expected } });
  });

  test('as many outcomes at the same time weigh the same, and all are counted', () => {
    const pooled = poolHistories(
      new Map([
        ['a', { m: { GENERAL: history({ successRate: 1, latencyMs: 100 }) } }],
        ['b', { m: { GENERAL: history({ successRate: 0, latencyMs: 300 }) } }],
      ]),
    );
    expect(pooled['m']?.['GENERAL']).toEqual({ count: 100, successRate: 0.5, confidence: 1, latencyMs: 200 });
  });

  test('what was seen an hour before the newest weighs half', () => {
    const pooled = poolHistories(
      new Map([
        ['a', { m: { GENERAL: history({ successRate: 1, atMs: 0 }) } }],
        ['b', { m: { GENERAL: history({ successRate: 0, atMs: HOUR_MS }) } }],
      ]),
    );
    expect(pooled['m']?.['GENERAL']?.successRate).toBeCloseTo(1 / 3);
    expect(pooled['m']?.['GENERAL']?.count).toBe(75);
  });
});
