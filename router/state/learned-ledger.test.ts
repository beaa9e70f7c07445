import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { withAttempts, withRequest } from '../resilience/ledger-counts.ts';
import {
  ownAttemptsSchema,
  ownPathsSchema,
  poolAttempts,
  poolPaths,
  resumeAttempts,
  resumePaths,
  type OwnAttempts,
  type OwnPath,
} from './learned-ledger.ts';
import type { Words } from './pooling.ts';

const moment = fc.integer({ min: 0, max: 1_000_000 });
const attempts: fc.Arbitrary<OwnAttempts> = fc
  .array(fc.record({ accepted: fc.nat(5), failure: fc.option(fc.constantFrom('A', 'B'), { nil: undefined }) }), {
    minLength: 1,
    maxLength: 5,
  })
  .chain((all) =>
    moment.map((atMs) =>
      all.reduce<OwnAttempts | undefined>(
        (before, more) => ({ ...withAttempts(before, more, atMs), atMs }),
        undefined,
      )!,
    ),
  );
const path: fc.Arbitrary<OwnPath> = fc
  .array(fc.record({ accepted: fc.boolean(), addedMs: fc.option(fc.nat(10_000), { nil: undefined }) }), {
    minLength: 1,
    maxLength: 5,
  })
  .chain((all) =>
    moment.map((atMs) =>
      all.reduce<OwnPath | undefined>((before, more) => ({ ...withRequest(before, more, atMs), atMs }), undefined)!,
    ),
  );
const routersOf = <W>(word: fc.Arbitrary<W>): fc.Arbitrary<[string, Record<string, Record<string, W>>][]> =>
  fc.uniqueArray(
    fc.tuple(
      fc.constantFrom('a', 'b', 'c'),
      fc.dictionary(fc.constantFrom('m', 'n'), fc.dictionary(fc.constantFrom('x', 'y'), word)),
    ),
    { selector: ([id]) => id },
  );

it('attempts of routers add up, in any order, and each router once', () => {
  fc.assert(
    fc.property(routersOf(attempts), (all) => {
      const pooled = poolAttempts(new Map(all));
      expect(poolAttempts(new Map([...all].reverse()))).toEqual(pooled);
      expect(poolAttempts(new Map([...all, ...all]))).toEqual(pooled);
      const counted = all.reduce((sum, [, words]) => sum + (words['m']?.['x']?.count ?? 0), 0);
      expect(pooled.book['m']?.['x']?.count ?? 0).toBe(counted);
      for (const [, words] of all) expect(ownAttemptsSchema.safeParse(words).success).toBe(true);
    }),
  );
});

it('ways of routers add up, in any order, and each router once', () => {
  fc.assert(
    fc.property(routersOf(path), (all) => {
      const pooled = poolPaths(new Map(all));
      expect(poolPaths(new Map([...all].reverse()))).toEqual(pooled);
      expect(poolPaths(new Map([...all, ...all]))).toEqual(pooled);
      const accepted = all.reduce((sum, [, words]) => sum + (words['n']?.['y']?.accepted ?? 0), 0);
      expect(pooled['n']?.['y']?.accepted ?? 0).toBe(accepted);
      for (const [, words] of all) expect(ownPathsSchema.safeParse(words).success).toBe(true);
    }),
  );
});

it('what was stored and what was counted since add up', () => {
  fc.assert(
    fc.property(attempts, attempts, path, path, (a, b, p, q) => {
      const words = (word: OwnAttempts): Words<OwnAttempts> => ({ m: { x: word } });
      const pooled = poolAttempts(
        new Map([
          ['a', words(a)],
          ['b', words(b)],
        ]),
      ).book['m']?.['x'];
      expect(resumeAttempts(a, b)).toEqual({ ...pooled, atMs: Math.max(a.atMs, b.atMs) });
      expect(resumePaths(p, q).count).toBe(p.count + q.count);
    }),
  );
});
