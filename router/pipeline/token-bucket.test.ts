import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { take, type TokenBucket } from './token-bucket.ts';

const POLICY = { perSecond: 10, size: 5 };

describe('take', () => {
  it('lets the burst through, then makes wait for the rate', () => {
    let bucket: TokenBucket | undefined;
    for (let count = 0; count < 5; count += 1) {
      const result = take(bucket, 1, 0, POLICY);
      expect(result.waitMs).toBe(0);
      bucket = result.bucket;
    }
    expect(take(bucket, 1, 0, POLICY).waitMs).toBe(100);
    expect(take(bucket, 1, 100, POLICY).waitMs).toBe(0);
  });

  it('more than the size passes when full, and is paid off afterwards', () => {
    const { bucket, waitMs } = take(undefined, 25, 0, POLICY);
    expect(waitMs).toBe(0);
    expect(take(bucket, 1, 0, POLICY).waitMs).toBe(2_100);
  });

  it('never gives more than size plus rate times time, and the wait it names is enough', () => {
    const step = fc.record({ count: fc.integer({ min: 1, max: 5 }), afterMs: fc.integer({ min: 0, max: 2_000 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        let bucket: TokenBucket | undefined;
        let nowMs = 0;
        let taken = 0;
        for (const { count, afterMs } of steps) {
          nowMs += afterMs;
          const result = take(bucket, count, nowMs, POLICY);
          bucket = result.bucket;
          if (result.waitMs === 0) taken += count;
          else expect(take(bucket, count, nowMs + result.waitMs + 1e-6, POLICY).waitMs).toBe(0);
          expect(taken).toBeLessThanOrEqual(POLICY.size + (nowMs / 1000) * POLICY.perSecond + 1e-6);
        }
      }),
    );
  });
});
