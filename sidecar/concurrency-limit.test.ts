import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createConcurrencyLimit } from './concurrency-limit.ts';
import type { ConcurrencyLimit } from './concurrency-limit.ts';

const NEVER = new AbortController().signal;

function limitOf(maxInFlight: number, maxQueued: number): ConcurrencyLimit {
  const options = { maxInFlight, maxQueued, retryAfterMs: (queued: number) => 100 * queued, onChange: () => undefined };
  return createConcurrencyLimit(options);
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('concurrency limit', () => {
  test('waiters are served in the order in which they came', async () => {
    const limit = limitOf(1, 5);
    await limit.acquire(NEVER);
    const served: number[] = [];
    for (const who of [1, 2, 3]) void limit.acquire(NEVER).then(() => served.push(who));
    for (let i = 0; i < 3; i++) {
      limit.release(1);
      await settled();
    }
    expect(served).toEqual([1, 2, 3]);
    expect(limit).toMatchObject({ inFlight: 1, queued: 0 });
  });

  test('beyond the queue it refuses, and says when to come again', async () => {
    const limit = limitOf(1, 2);
    await limit.acquire(NEVER);
    void limit.acquire(NEVER);
    void limit.acquire(NEVER);
    await expect(limit.acquire(NEVER)).rejects.toMatchObject({ reason: 'MODULE_OVERLOADED', retryAfterMs: 200 });
    expect(limit.queued).toBe(2);
  });

  test('a waiter that is cancelled leaves the queue and takes no place', async () => {
    const limit = limitOf(1, 1);
    await limit.acquire(NEVER);
    const leaving = new AbortController();
    const left = limit.acquire(leaving.signal);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    const next = limit.acquire(NEVER);
    limit.release(1);
    await next;
    expect(limit).toMatchObject({ inFlight: 1, queued: 0 });
  });

  test('a bulk stream takes what is free, waits outside the queue, and passes nobody', async () => {
    const limit = limitOf(4, 1);
    expect(await limit.acquireUpTo(3, NEVER)).toBe(3);
    expect(await limit.acquireUpTo(3, NEVER)).toBe(1);
    const bulk = limit.acquireUpTo(64, NEVER);
    const single = limit.acquire(NEVER);
    expect(limit.queued).toBe(1);
    limit.release(2);
    expect(await bulk).toBe(2);
    limit.release(1);
    await single;
    expect(limit.inFlight).toBe(4);
  });

  test('idle waits for those who wait too', async () => {
    const limit = limitOf(1, 1);
    await limit.acquire(NEVER);
    const waiting = limit.acquire(NEVER);
    let idle = false;
    const done = limit.idle().then(() => (idle = true));
    limit.release(1);
    await waiting;
    expect(idle).toBe(false);
    limit.release(1);
    await done;
    expect(idle).toBe(true);
  });

  test('whatever comes and goes: never more than the limit, and nothing left at the end', async () => {
    const step = fc.record({ bulk: fc.integer({ min: 0, max: 5 }), cancel: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.integer({ min: 1, max: 4 }), async (steps, max) => {
        const limit = limitOf(max, 3);
        const work = steps.map(async ({ bulk, cancel }) => {
          const leaving = new AbortController();
          const places =
            bulk > 0 ? limit.acquireUpTo(bulk, leaving.signal) : limit.acquire(leaving.signal).then(() => 1);
          if (cancel) leaving.abort(new Error('gone'));
          const taken = await places.catch(() => 0);
          expect(limit.inFlight).toBeLessThanOrEqual(max);
          await settled();
          if (taken > 0) limit.release(taken);
        });
        await Promise.all(work);
        expect(limit).toMatchObject({ inFlight: 0, queued: 0 });
        await limit.idle();
      }),
    );
  });
});
