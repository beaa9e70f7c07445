import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nextRouterLimit } from './router-limit.ts';

const POLICY = { min: 50, max: 1_000, maxDelayMs: 100 };

describe('the limit of the router', () => {
  it('falls to what is in use while the event loop is late, and is there again soon after', () => {
    let limit = 1_000;
    limit = nextRouterLimit(limit, { leastDelayMs: 300, peak: 400 }, POLICY);
    expect(limit).toBe(320);
    limit = nextRouterLimit(limit, { leastDelayMs: 300, peak: 320 }, POLICY);
    expect(limit).toBe(256);
    let intervals = 0;
    for (; limit < 1_000; intervals += 1) limit = nextRouterLimit(limit, { leastDelayMs: 2, peak: 0 }, POLICY);
    expect(intervals).toBeLessThan(60);
  });

  it('is left alone when others keep the machine busy', () => {
    expect(nextRouterLimit(1_000, { leastDelayMs: 900, peak: 20 }, POLICY)).toBe(1_000);
  });

  it('stays within its bounds', () => {
    const interval = fc.record({ leastDelayMs: fc.integer({ min: 0, max: 5_000 }), peak: fc.nat(2_000) });
    fc.assert(
      fc.property(fc.array(interval), (intervals) => {
        const limits = intervals.reduce<number[]>(
          (all, each) => [...all, nextRouterLimit(all.at(-1) ?? POLICY.max, each, POLICY)],
          [POLICY.max],
        );
        expect(limits.every((limit) => limit >= POLICY.min && limit <= POLICY.max)).toBe(true);
      }),
    );
  });
});
