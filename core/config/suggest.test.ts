import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { didYouMean, editDistance } from './suggest.ts';

describe('editDistance', () => {
  test.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['abc', 'ab', 1],
    ['abc', 'axc', 1],
    ['envoy', 'evnoy', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
  ])('from %p to %p is %p', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  test('is 0 for equal words alone, is symmetric and is at most the longer word', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        const distance = editDistance(a, b);
        expect(distance === 0).toBe(a === b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe('didYouMean', () => {
  test('suggests the nearest candidate, letter case aside', () => {
    expect(didYouMean('Strateg', ['strategy', 'router'])).toBe('; did you mean "strategy"?');
  });

  test('says nothing when none is near', () => {
    expect(didYouMean('colour', ['strategy', 'router'])).toBe('');
    expect(didYouMean('x'.repeat(100_000), ['x'.repeat(100_000)])).toBe('');
  });
});
