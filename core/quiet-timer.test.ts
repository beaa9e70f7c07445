import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createManualClock } from './clock.ts';
import { startQuietTimer } from './quiet-timer.ts';

/** A clock whose time can go on while no timer gets its turn. */
function starvableClock() {
  const manual = createManualClock();
  let starvedMs = 0;
  return {
    monotonicMs: () => manual.monotonicMs() + starvedMs,
    after: (ms: number, run: () => void) => manual.after(ms, run),
    advance: (ms: number) => manual.advance(ms),
    starve: (ms: number): void => {
      starvedMs += ms;
    },
  };
}

const within = (ms: number): fc.Arbitrary<number> => fc.integer({ min: 1, max: ms });

describe('a quiet timer', () => {
  it('fires when nothing was heard for just so long', async () => {
    await fc.assert(
      fc.asyncProperty(within(20_000), fc.array(within(5_000), { maxLength: 5 }), async (limitMs, gaps) => {
        const clock = starvableClock();
        let fired = 0;
        const timer = startQuietTimer(clock, limitMs, () => (fired += 1));
        for (const gap of gaps.map((each) => Math.min(each, limitMs - 1))) {
          await clock.advance(gap);
          timer.heard();
        }
        await clock.advance(limitMs - 1);
        expect(fired).toBe(0);
        await clock.advance(1);
        expect(fired).toBe(1);
        await clock.advance(60_000);
        expect(fired).toBe(1);
      }),
      { numRuns: 30 },
    );
  });

  it('does not count time in which this process got no turn', async () => {
    await fc.assert(
      fc.asyncProperty(within(60_000), within(2_999), async (starvedMs, beforeMs) => {
        const clock = starvableClock();
        let fired = false;
        startQuietTimer(clock, 3_000, () => (fired = true));
        await clock.advance(beforeMs);
        clock.starve(starvedMs);
        await clock.advance(3_000 - beforeMs - 1);
        expect(fired).toBe(false);
        await clock.advance(251);
        expect(fired).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('never fires once it is closed', async () => {
    const clock = starvableClock();
    let fired = false;
    const timer = startQuietTimer(clock, 100, () => (fired = true));
    timer.close();
    await clock.advance(1_000);
    expect(fired).toBe(false);
  });
});
