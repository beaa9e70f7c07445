import { describe, expect, test } from '@jest/globals';
import { isDue, othersOf, withMember } from './members.ts';

const NOW = 1_700_000_000_000;
const DAY_MS = 86_400_000;

describe('members', () => {
  test('a router says that it is there at first, and again from time to time', () => {
    expect(isDue({}, 'a', NOW)).toBe(true);
    const members = withMember({}, 'a', NOW);
    expect(isDue(members, 'a', NOW + 1_000)).toBe(false);
    expect(isDue(members, 'a', NOW + 30_000)).toBe(true);
  });

  test('a clock that was set back does not silence a router', () => {
    expect(isDue({ a: NOW + DAY_MS }, 'a', NOW)).toBe(true);
  });

  test('one that says nothing is gone, and is forgotten much later', () => {
    const members = { b: NOW - 5_000, c: NOW - DAY_MS, d: NOW - 8 * DAY_MS };
    expect(othersOf(withMember(members, 'a', NOW), 'a', NOW)).toEqual([
      { id: 'b', isThere: true },
      { id: 'c', isThere: false },
    ]);
  });

  test('their number is bounded, and the newest stay', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`r${index}`, NOW - index]));
    const members = withMember(many, 'a', NOW);
    expect(Object.keys(members)).toHaveLength(200);
    expect(members).toMatchObject({ a: NOW, r0: NOW, r198: NOW - 198 });
  });
});
