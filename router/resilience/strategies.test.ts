import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createRecentValues } from './quantiles.ts';
import { afterOutcome, ARMS, chooseArm, type Arm, type ArmStatistics } from './strategy-learner.ts';
import { createRoundRobin } from './weighted-round-robin.ts';

describe('the smooth weighted round robin', () => {
  it('gives each name its share over every whole round', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(weights, (given) => {
        const byName = new Map(given.map((weight, at) => [`m${at}`, weight]));
        const robin = createRoundRobin();
        const total = given.reduce((sum, weight) => sum + weight, 0);
        const counts = new Map<string, number>();
        for (let turn = 0; turn < total; turn += 1) {
          const name = robin.next(byName)!;
          counts.set(name, (counts.get(name) ?? 0) + 1);
        }
        expect(counts).toEqual(byName);
      }),
    );
  });

  it('never gives the heavy one all of its turns in a row', () => {
    const robin = createRoundRobin();
    const weights = new Map([
      ['a', 5],
      ['b', 1],
      ['c', 1],
    ]);
    expect(Array.from({ length: 7 }, () => robin.next(weights)).join('')).toBe('aabacaa');
  });

  it('has nobody where there is none', () => {
    expect(createRoundRobin().next(new Map())).toBeUndefined();
  });
});

describe('the choice of a way', () => {
  const known = (given: Partial<Record<Arm, Partial<ArmStatistics>>>): Map<Arm, ArmStatistics> =>
    new Map(
      ARMS.flatMap((arm) =>
        given[arm] === undefined
          ? []
          : [[arm, { count: 50, acceptedRate: 1, delayMs: 1_000, cost: 0, ...given[arm] }] as const],
      ),
    );

  it.each<[string, ReturnType<typeof known>, number, Arm]>([
    ['nothing is known: sequential', known({}), 0, 'sequential'],
    [
      'too little is known: sequential',
      known({ sequential: { count: 19 }, parallel: { delayMs: 1 } }),
      0,
      'sequential',
    ],
    ['what is known least is tried now and then', known({ sequential: {}, hedged: { count: 3 } }), 0.01, 'parallel'],
    ['the faster way', known({ sequential: {}, hedged: { delayMs: 500 } }), 0.5, 'hedged'],
    [
      'a faster way that costs more than it saves is none',
      known({ sequential: {}, parallel: { delayMs: 500, cost: 2 } }),
      0.5,
      'sequential',
    ],
    [
      'a faster way that is rarely accepted is none',
      known({ sequential: {}, hedged: { delayMs: 500, acceptedRate: 0.2 } }),
      0.5,
      'sequential',
    ],
    [
      'a way that was hardly tried says nothing',
      known({ sequential: {}, hedged: { delayMs: 1, count: 4 } }),
      0.5,
      'sequential',
    ],
  ])('%s', (_case, given, random, arm) => {
    expect(chooseArm(given, random)).toBe(arm);
  });

  it('follows a change', () => {
    let statistics: ArmStatistics | undefined;
    for (let count = 0; count < 300; count += 1)
      statistics = afterOutcome(statistics, { accepted: count < 100, delayMs: count < 100 ? 100 : 900, cost: 1 });
    expect(statistics!.acceptedRate).toBeLessThan(0.05);
    expect(statistics!.delayMs).toBeGreaterThan(850);
  });
});

describe('a quantile of the last values', () => {
  it('is one of them, and not under the share it stands for', () => {
    const values = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 10, maxLength: 200 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (given, fraction) => {
        const recent = createRecentValues();
        for (const value of given) recent.add(value);
        const last = given.slice(-64);
        const quantile = recent.quantile(fraction)!;
        expect(last).toContain(quantile);
        expect(last.filter((value) => value <= quantile).length).toBeGreaterThanOrEqual(
          Math.floor(fraction * last.length),
        );
      }),
    );
  });

  it('is unknown for few', () => {
    const recent = createRecentValues();
    for (let count = 0; count < 9; count += 1) recent.add(1);
    expect(recent.quantile(0.95)).toBeUndefined();
  });
});
