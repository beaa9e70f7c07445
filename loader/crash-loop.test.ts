import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { DEFAULT_BACKOFF } from '../core/process/restart-backoff.ts';
import { createSeededRng } from '../core/rng.ts';
import { afterCrash, NO_CRASHES, type Crashes, type NextTry } from './crash-loop.ts';

const POLICY = {
  backoff: { ...DEFAULT_BACKOFF, jitterFraction: 0 },
  quarantine: { crashes: 3, firstMs: 20_000, maxMs: 60_000 },
};
const rng = createSeededRng(1);

/** Runs that end one after the other as soon as they were started, each with this time of readiness. */
function loop(uptimesMs: readonly (number | undefined)[]): NextTry[] {
  let crashes: Crashes = NO_CRASHES;
  let nowMs = 1_000;
  return uptimesMs.map((uptimeMs) => {
    const startedAtMs = nowMs;
    const endedAtMs = nowMs + (uptimeMs ?? 0) + 10;
    const readyAtMs = uptimeMs === undefined ? undefined : endedAtMs - uptimeMs;
    const next = afterCrash(crashes, { startedAtMs, readyAtMs, endedAtMs }, POLICY, rng);
    crashes = next.crashes;
    nowMs = endedAtMs + next.delayMs;
    return next;
  });
}

describe('a workload that crashes', () => {
  test('is tried again after a growing time, and left alone for a growing time once it does so in a loop', () => {
    const tries = loop([undefined, undefined, undefined, undefined, undefined, undefined]);
    expect(tries.map(({ delayMs }) => delayMs)).toEqual([500, 1_000, 20_000, 40_000, 60_000, 60_000]);
    expect(tries.map(({ quarantined }) => quarantined)).toEqual([false, false, true, true, true, true]);
  });

  test('is forgiven after ten seconds of readiness', () => {
    expect(loop([0, 0, 10_000, 0, 0]).map(({ quarantined }) => quarantined)).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  test('takes its other replicas along without counting more than once', () => {
    const first = afterCrash(NO_CRASHES, { startedAtMs: 0, readyAtMs: 10, endedAtMs: 100 }, POLICY, rng);
    const second = afterCrash(first.crashes, { startedAtMs: 0, readyAtMs: 10, endedAtMs: 101 }, POLICY, rng);
    expect([first.crashes.count, second.crashes.count]).toEqual([1, 1]);
  });

  test('never waits longer than the greatest of both limits, and never quarantines where that is off', () => {
    const run = fc.record({ startedAtMs: fc.nat(1e6), uptimeMs: fc.option(fc.nat(20_000), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(run, { maxLength: 80 }), fc.boolean(), (runs, isOff) => {
        let crashes: Crashes = NO_CRASHES;
        const quarantine = isOff ? { ...POLICY.quarantine, crashes: Infinity } : POLICY.quarantine;
        for (const { startedAtMs, uptimeMs } of runs) {
          const endedAtMs = startedAtMs + (uptimeMs ?? 0);
          const readyAtMs = uptimeMs === undefined ? undefined : startedAtMs;
          const next = afterCrash(crashes, { startedAtMs, readyAtMs, endedAtMs }, { ...POLICY, quarantine }, rng);
          crashes = next.crashes;
          expect(next.delayMs).toBeLessThanOrEqual(isOff ? 30_000 : 60_000);
          expect(next.quarantined && isOff).toBe(false);
        }
      }),
    );
  });
});
