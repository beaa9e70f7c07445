import { expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { PRIORITIES } from '../../core/config/overload-schema.ts';
import { effectivePriority, placesFor, rankOf, type Priority } from './priority.ts';

test.each<[Priority | undefined, Priority, Priority, Priority]>([
  [undefined, 'normal', 'critical', 'normal'],
  [undefined, 'low', 'high', 'low'],
  ['low', 'high', 'high', 'low'],
  ['critical', 'normal', 'high', 'high'],
  ['high', 'low', 'low', 'low'],
])('asking for %s where the tenant has %s and at most %s gives %s', (asked, priority, maxPriority, expected) => {
  expect(effectivePriority(asked, { priority, maxPriority })).toBe(expected);
});

it('leaves more important requests at least as many places, and nobody without one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 5_000 }), (limit, max) => {
      const places = PRIORITIES.map((priority) => placesFor(priority, Math.min(limit, max), max));
      expect(places).toEqual([...places].sort((a, b) => a - b));
      expect(places.every((count) => count >= 1 && count <= max)).toBe(true);
      expect(PRIORITIES.map(rankOf)).toEqual([0, 1, 2, 3]);
    }),
  );
});
