import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { createManualClock, type ManualClock } from '../../../core/clock.ts';
import { createSeededRng } from '../../../core/rng.ts';
import { followStatus } from './follow-status.ts';
import type { SidecarStatus } from './sidecar-client.ts';

const READY: SidecarStatus = { phase: 'READY', inFlight: 0, completed: 0, reason: '' };

interface Rig {
  readonly clock: ManualClock;
  readonly seen: SidecarStatus[];
  readonly beat: () => Promise<void>;
  readonly end: () => Promise<void>;
}

/** Follows a sidecar whose stream stays open and says what the test has it say. */
function follow(): Rig {
  const clock = createManualClock();
  const abort = new AbortController();
  const seen: SidecarStatus[] = [];
  let next = Promise.withResolvers<SidecarStatus | undefined>();
  const watchStatus = async function* (): AsyncGenerator<SidecarStatus, void, undefined> {
    for (;;) {
      const status = await next.promise;
      if (status === undefined) return;
      next = Promise.withResolvers();
      yield status;
    }
  };
  const followed = followStatus({
    sidecar: { watchStatus },
    clock,
    signal: abort.signal,
    onStatus: (status) => seen.push(status),
  });
  return {
    clock,
    seen,
    beat: async () => {
      next.resolve(READY);
      await clock.advance(0);
    },
    end: async () => {
      abort.abort(new Error('over'));
      next.resolve(undefined);
      await followed;
    },
  };
}

test('a sidecar that falls silent on an open stream is unhealthy within seconds, until it is heard again', async () => {
  const { clock, seen, beat, end } = follow();
  for (let count = 0; count < 30; count += 1) {
    await beat();
    await clock.advance(1000);
  }
  expect(seen.every(({ phase }) => phase === 'READY')).toBe(true);
  await clock.advance(8000);
  expect(seen.at(-1)).toMatchObject({ phase: 'UNHEALTHY', reason: expect.stringContaining('no sign of life for') });
  expect(seen.filter(({ phase }) => phase === 'UNHEALTHY')).toHaveLength(1);
  await beat();
  expect(seen.at(-1)).toEqual(READY);
  await end();
});

test('jittered, lost and paused signs of life are taken for a death in less than one of a hundred', async () => {
  const traffic = fc.record({ seed: fc.integer(), loss: fc.double({ min: 0, max: 0.2, noNaN: true }) });
  await fc.assert(
    fc.asyncProperty(traffic, async ({ seed, loss }) => {
      const rng = createSeededRng(seed);
      const { clock, seen, beat, end } = follow();
      for (let count = 0; count < 300; count += 1) {
        await beat();
        const pauseMs = rng.next() < 0.05 ? 2500 * rng.next() : 0;
        await clock.advance(Math.round((rng.next() < loss ? 2 : 1) * 1000 * (0.5 + rng.next()) + pauseMs));
      }
      await end();
      expect(seen.filter(({ phase }) => phase === 'UNHEALTHY').length).toBeLessThan(3);
    }),
    { numRuns: 20, seed: 1 },
  );
});
