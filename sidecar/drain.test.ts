import { describe, expect, test } from '@jest/globals';
import { createManualClock } from '../core/clock.ts';
import { createConcurrencyLimit } from './concurrency-limit.ts';
import { createDrain } from './drain.ts';

const NEVER = new AbortController().signal;

function setup() {
  const clock = createManualClock();
  const limit = createConcurrencyLimit({
    maxInFlight: 2,
    maxQueued: 2,
    retryAfterMs: () => 1,
    onChange: () => undefined,
  });
  const state = { completed: 7, starts: 0 };
  const drain = createDrain({ clock, limit, completedTotal: () => state.completed, onStart: () => state.starts++ });
  return { clock, limit, state, drain };
}

describe('drain', () => {
  test('an idle replica is drained at once and takes nothing more', async () => {
    const { drain } = setup();
    drain.requireOpen();
    expect(await drain.run(1000)).toEqual({ finished: 0, abandoned: 0 });
    expect(() => {
      drain.requireOpen();
    }).toThrow(expect.objectContaining({ reason: 'DRAINING' }));
  });

  test('what is in flight and in the queue may finish', async () => {
    const { clock, limit, state, drain } = setup();
    for (let i = 0; i < 2; i++) await limit.acquire(NEVER);
    const queued = limit.acquire(NEVER);
    const done = drain.run(1000);
    for (let i = 0; i < 3; i++) {
      await clock.advance(100);
      state.completed++;
      limit.release(1);
    }
    await queued;
    expect(await done).toEqual({ finished: 3, abandoned: 0 });
    expect(drain.abandon.aborted).toBe(false);
  });

  test('when time is up the rest is cut off', async () => {
    const { clock, limit, drain } = setup();
    await limit.acquire(NEVER);
    const done = drain.run(1000);
    await clock.advance(999);
    expect(drain.abandon.aborted).toBe(false);
    await clock.advance(1);
    expect(await done).toEqual({ finished: 0, abandoned: 1 });
    expect(drain.abandon.reason).toMatchObject({ reason: 'DRAINING' });
  });

  test('a second drain joins the first', async () => {
    const { drain, state } = setup();
    await Promise.all([drain.run(1000), drain.run(1000)]);
    expect(state.starts).toBe(1);
  });
});
