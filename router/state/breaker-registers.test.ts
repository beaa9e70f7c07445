import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StoredBreaker } from '../resilience/breaker-memory.ts';
import { changedModules, mergeBreakers, type BreakerRegister, type BreakerRegisters } from './breaker-registers.ts';
import { isLater, nextStamp } from './stamp.ts';

// Few routers and times, so that equal stamps come up; a stamp is that of one change alone.
const stamp = fc.record({ atMs: fc.integer({ min: 0, max: 5 }), by: fc.constantFrom('a', 'b', 'c') });
const isOpen: StoredBreaker = { open: true, byHand: false, untilMs: 9, openings: 1, lastOpenedMs: 5 };
const register: fc.Arbitrary<BreakerRegister> = fc
  .tuple(stamp, fc.nat(1))
  .map(([{ atMs, by }, hands]) => ({ atMs, by, hands, breaker: atMs % 2 === 0 ? isOpen : null }));
const registers: fc.Arbitrary<BreakerRegisters> = fc
  .array(fc.tuple(fc.constantFrom('m', 'n', 'constructor'), register))
  .map((pairs) => new Map(pairs));

describe('merging breakers', () => {
  test('gives the same in any order and grouping, and however often', () => {
    fc.assert(
      fc.property(registers, registers, registers, (a, b, c) => {
        const whole = mergeBreakers(mergeBreakers(a, b), c);
        expect(mergeBreakers(a, mergeBreakers(b, c))).toEqual(whole);
        expect(mergeBreakers(mergeBreakers(c, b), a)).toEqual(whole);
        expect(mergeBreakers(whole, b)).toEqual(whole);
        expect(changedModules(whole, mergeBreakers(whole, a))).toEqual([]);
      }),
    );
  });

  test('keeps the last change of each module', () => {
    const open: BreakerRegister = { hands: 0, breaker: isOpen, atMs: 2, by: 'a' };
    const closed: BreakerRegister = { hands: 0, breaker: null, atMs: 1, by: 'b' };
    const merged = mergeBreakers(
      new Map([
        ['m', open],
        ['n', closed],
      ]),
      new Map([
        ['m', closed],
        ['n', open],
      ]),
    );
    expect(merged).toEqual(
      new Map([
        ['m', open],
        ['n', open],
      ]),
    );
    expect(
      changedModules(
        new Map([
          ['m', open],
          ['n', closed],
        ]),
        merged,
      ),
    ).toEqual(['n']);
  });
});

describe('stamps', () => {
  test('are in one order', () => {
    fc.assert(
      fc.property(stamp, stamp, (a, b) => {
        const same = a.atMs === b.atMs && a.by === b.by;
        expect(Number(isLater(a, b)) + Number(isLater(b, a))).toBe(same ? 0 : 1);
      }),
    );
  });

  test('a change is later than the one before, also by a clock that is slow', () => {
    fc.assert(
      fc.property(stamp, fc.integer({ min: -10, max: 10 }), (before, nowMs) => {
        expect(isLater(nextStamp(before, nowMs, 'a'), before)).toBe(true);
      }),
    );
  });
});
