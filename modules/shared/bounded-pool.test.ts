import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createBoundedPool } from './bounded-pool.ts';
import type { Lease } from './bounded-pool.ts';

const never = new AbortController().signal;

describe('bounded pool', () => {
  it('hands a freed value to the one who has waited longest', async () => {
    const pool = createBoundedPool(['a'], 2);
    const first = await pool.acquire(never);
    const order: string[] = [];
    const second = pool.acquire(never).then((lease) => (order.push('second'), lease));
    const third = pool.acquire(never).then((lease) => (order.push('third'), lease));
    first.release();
    (await second).release();
    await third;
    expect(order).toEqual(['second', 'third']);
  });

  it('refuses at once, with a time to retry, when the queue is full', async () => {
    const pool = createBoundedPool(['a'], 0);
    await pool.acquire(never);
    await expect(pool.acquire(never)).rejects.toMatchObject({ reason: 'MODULE_OVERLOADED', retryAfterMs: 1000 });
  });

  it('lets go of a place in the queue when its waiter is cancelled', async () => {
    const pool = createBoundedPool(['a'], 1);
    const lease = await pool.acquire(never);
    const cancelled = new AbortController();
    const waiting = pool.acquire(cancelled.signal);
    cancelled.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    expect(pool.waiting).toBe(0);
    lease.release();
    expect((await pool.acquire(never)).value).toBe('a');
  });

  it('counts a lease once however often it is released', async () => {
    const pool = createBoundedPool(['a'], 0);
    const lease = await pool.acquire(never);
    lease.release();
    lease.release();
    await pool.acquire(never);
    await expect(pool.acquire(never)).rejects.toMatchObject({ reason: 'MODULE_OVERLOADED' });
  });

  it('never lends one value twice at a time, and has all of them back in the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.boolean(), { maxLength: 30 }),
        async (size, steps) => {
          const values = Array.from({ length: size }, (_, index) => index);
          const pool = createBoundedPool(values, 100);
          const held: Lease<number>[] = [];
          const take = (): void => void pool.acquire(never).then((lease) => held.push(lease));
          for (const isTake of steps) {
            if (isTake) take();
            else held.shift()?.release();
            await Promise.resolve().then(() => undefined);
            const lent = held.map(({ value }) => value);
            expect(new Set(lent).size).toBe(lent.length);
          }
          while (held.length > 0 || pool.waiting > 0) {
            held.shift()?.release();
            await new Promise((resolve) => setImmediate(resolve));
          }
          const again = await Promise.all(values.map(() => pool.acquire(never)));
          expect(again.map(({ value }) => value).sort()).toEqual(values);
        },
      ),
    );
  });
});
