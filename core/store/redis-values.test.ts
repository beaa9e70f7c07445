import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { copyJson } from './entries.ts';
import { canonicalJson, decodeKey, encodeKey, scanPattern } from './redis-values.ts';
import type { Json } from './store.ts';

const text = fc.string({ unit: 'binary' });
const json = fc.jsonValue() as fc.Arbitrary<Json>;

describe('keys', () => {
  test('come back as they were after a way through UTF-8', () => {
    fc.assert(
      fc.property(text, (key) => {
        expect(decodeKey(Buffer.from(encodeKey(key)).toString())).toBe(key);
      }),
    );
  });

  test('have a readable form where they can', () => {
    expect([encodeKey('breaker/m-1/é'), encodeKey('50%'), encodeKey('\uD83D')]).toEqual([
      'breaker/m-1/é',
      '50%25',
      '%uD83D',
    ]);
  });

  test('a pattern takes the prefix by its letters', () => {
    expect(scanPattern('a*:', 'x[?\\')).toBe('a\\*:x\\[\\?\\\\*');
    expect(scanPattern('', '\uD83D')).toBe('*');
  });
});

describe('values', () => {
  test('are equal exactly when their texts are', () => {
    fc.assert(
      fc.property(json, json, (one, other) => {
        expect(canonicalJson(one) === canonicalJson(other)).toBe(isDeepStrictEqual(copyJson(one), copyJson(other)));
        expect(JSON.parse(canonicalJson(one))).toEqual(copyJson(one));
      }),
    );
  });

  test('are equal in any order of keys, at every depth', () => {
    expect(canonicalJson([{ b: { d: 1, c: 2 }, a: 1 }])).toBe(canonicalJson([{ a: 1, b: { c: 2, d: 1 } }]));
    expect(canonicalJson({ a: 1 })).not.toBe(canonicalJson({ a: '1' }));
  });
});
