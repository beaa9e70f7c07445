import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createManualClock } from '../../core/clock.ts';
import { createRateBuckets } from '../pipeline/rate-buckets.ts';
import { createRatesPart } from './rates-part.ts';

const SIZE = 100;
const PER_SECOND = 100;

/** Some routers with the same limits, and all that they have told one another. */
function routers(count: number) {
  const clock = createManualClock();
  const all = Array.from({ length: count }, () => {
    const buckets = createRateBuckets({ perSecond: PER_SECOND, size: SIZE }, clock);
    return { buckets, part: createRatesPart(buckets, clock) };
  });
  const hear = (to: number, from: number, isContinuous = true): void => {
    all[to]?.part.hear(String(from), all[from]?.part.tell(), isContinuous);
  };
  const exchange = (): void => {
    for (let to = 0; to < count; to += 1) for (let from = 0; from < count; from += 1) if (from !== to) hear(to, from);
  };
  exchange();
  return { clock, all, hear, exchange };
}

const left = (router: ReturnType<typeof routers>['all'][number] | undefined): number =>
  router?.buckets.takings(Infinity, 1)[0]?.left ?? Number.NaN;

describe('rates of several routers', () => {
  test('whoever hears whom, in which order and however often: in the end all know what was taken together', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('take' as const), router: fc.nat(2), count: fc.integer({ min: 1, max: 10 }) }),
      fc.record({ kind: fc.constant('hear' as const), to: fc.nat(2), from: fc.nat(2) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const { all, hear, exchange } = routers(3);
        let taken = 0;
        const take = (router: number, count: number): void => {
          if (all[router]?.buckets.take('u', count) === 0) taken += count;
        };
        for (let router = 0; router < 3; router += 1) take(router, 1);
        for (const step of events) {
          if (step.kind === 'take') take(step.router, step.count);
          else if (step.to !== step.from) hear(step.to, step.from);
        }
        exchange();
        exchange();
        for (const router of all) expect(left(router)).toBeCloseTo(SIZE - taken);
      }),
    );
  });

  test('together give what one would, and at the most what is given in one round beside it', async () => {
    const { clock, all, exchange } = routers(3);
    const [rounds, roundMs] = [120, 250];
    let given = 0;
    for (let round = 0; round < rounds; round += 1) {
      for (const { buckets } of all) for (let ask = 0; ask < 200; ask += 1) if (buckets.take('u', 1) === 0) given += 1;
      exchange();
      await clock.advance(roundMs);
    }
    const one = SIZE + (PER_SECOND * rounds * roundMs) / 1000;
    expect(given).toBeLessThanOrEqual(one + 2 * SIZE);
    expect(given).toBeGreaterThanOrEqual(one - SIZE);
  });

  test('a user who comes to another router finds there what they have left', () => {
    const { all, exchange } = routers(2);
    all[0]?.buckets.take('u', SIZE);
    exchange();
    expect(all[1]?.buckets.take('u', 1)).toBeGreaterThan(0);
    expect(all[1]?.buckets.take('other', SIZE)).toBe(0);
  });

  test('after a time of silence what was taken long ago is not asked for again', async () => {
    const { clock, all, hear, exchange } = routers(2);
    all[1]?.buckets.take('u', 1);
    for (let second = 0; second < 60; second += 1) {
      all[0]?.buckets.take('u', 90);
      await clock.advance(1000);
    }
    hear(1, 0, false);
    expect(left(all[1])).toBeCloseTo(SIZE);
    all[0]?.buckets.take('u', 30);
    exchange();
    expect(left(all[1])).toBeCloseTo(SIZE - 30);
  });

  test('a user who rests is counted anew, and not twice', async () => {
    const { clock, all, exchange } = routers(2);
    for (let turn = 0; turn < 3; turn += 1) {
      all[0]?.buckets.take('u', 60);
      exchange();
      exchange();
      expect(all[1]?.buckets.take('u', 50)).toBeGreaterThan(0);
      expect(all[1]?.buckets.take('u', 40)).toBe(0);
      exchange();
      await clock.advance(40_000);
    }
  });

  test('no name leaves the router', () => {
    const { all } = routers(1);
    all[0]?.buckets.take('tenant\nann@example.com', 1);
    expect(JSON.stringify(all[0]?.part.tell())).not.toContain('ann');
  });
});
