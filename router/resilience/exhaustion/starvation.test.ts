import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { FrontierError } from '../../../core/errors.ts';
import { createSeededRng, type Rng } from '../../../core/rng.ts';
import type { CallEnd } from '../call-end.ts';
import { createRecentCalls } from './recent-calls.ts';
import { createServiceLevels } from './service-level.ts';
import { afterSample, AT_LIMIT, WELL } from './starvation.ts';

/** Traffic of a module, and what becomes of it. */
interface Scene {
  readonly seed: number;
  readonly callsPerSecond: number;
  readonly medianMs: number;
  /** Spread of the logarithms of times. */
  readonly sigma: number;
  /** Part of the calls that take five times as long, whatever happens. */
  readonly outliers: number;
  /** CPU as a part of its limit, and factor of all times, at a second. */
  readonly at: (second: number) => { readonly cpu: number | undefined; readonly factor: number };
  readonly seconds: number;
  readonly tokens?: boolean;
}

const STEP_MS = 2_000;

function normal(rng: Rng): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}

/** Plays a scene; gives the seconds at which the module was found to starve, and to be well again. */
function play({ seed, callsPerSecond, medianMs, sigma, outliers, at, seconds, tokens = false }: Scene): number[] {
  const rng = createSeededRng(seed);
  const levels = createServiceLevels();
  const calls = createRecentCalls();
  const changes: number[] = [];
  let state = WELL;
  let nextMs = 0;
  for (let nowMs = STEP_MS; nowMs <= seconds * 1_000; nowMs += STEP_MS) {
    const { cpu, factor } = at(nowMs / 1_000);
    for (; nextMs < nowMs; nextMs += (-Math.log(1 - rng.next()) * 1_000) / callsPerSecond) {
      const scale = factor * Math.exp(sigma * normal(rng)) * (rng.next() < outliers ? 5 : 1);
      const verdict = levels.judge('GENERAL', answered(medianMs * scale, tokens, rng), (cpu ?? 0) >= AT_LIMIT);
      if (verdict !== undefined) calls.add(verdict, nowMs);
    }
    const before = state.starved;
    state = afterSample(state, { nowMs, cpuFraction: cpu, calls: calls.summary(nowMs) });
    if (state.starved !== before) changes.push(nowMs / 1_000);
  }
  return changes;
}

/** With tokens the length of answers differs by a factor of a hundred, and only their pace tells. */
function answered(ms: number, tokens: boolean, rng: Rng): CallEnd {
  const about = { kind: 'answered', accepted: true, confidence: 0.8 } as const;
  if (!tokens) return { ...about, latencyMs: ms };
  const count = Math.round(16 * 100 ** rng.next());
  return { ...about, latencyMs: ms + (ms / 20) * count, firstTokenMs: ms, tokens: count };
}

const traffic = {
  seed: fc.nat(),
  callsPerSecond: fc.double({ min: 0.2, max: 30, noNaN: true }),
  medianMs: fc.double({ min: 30, max: 5_000, noNaN: true }),
  tokens: fc.boolean(),
};
const jitter = {
  sigma: fc.double({ min: 0, max: 0.6, noNaN: true }),
  outliers: fc.double({ min: 0, max: 0.05, noNaN: true }),
};

describe('a module that uses all of its CPU', () => {
  it('and serves as it always does is left alone, fewer than one ten-minute run in a hundred apart', () => {
    let found = 0;
    const runs = 200;
    fc.assert(
      fc.property(fc.record({ ...traffic, ...jitter }), (scene) => {
        if (play({ ...scene, at: () => ({ cpu: 1, factor: 1 }), seconds: 600 }).length > 0) found += 1;
      }),
      { numRuns: runs },
    );
    expect(found).toBeLessThan(runs / 100);
  });

  it('and becomes four times as slow is found within 15 s, from two calls a second on', () => {
    fc.assert(
      fc.property(
        fc.record({
          ...traffic,
          callsPerSecond: fc.double({ min: 2, max: 30, noNaN: true }),
          sigma: fc.double({ min: 0, max: 0.25, noNaN: true }),
        }),
        (scene) => {
          const at = (second: number) => ({ cpu: 1, factor: second > 120 ? 4 : 1 });
          const [found = Infinity] = play({ ...scene, outliers: 0, at, seconds: 180 });
          expect(found).toBeGreaterThan(120);
          expect(found).toBeLessThanOrEqual(135);
        },
      ),
    );
  });

  it('is well again when it has been relieved, not at the first sign of it', () => {
    const at = (second: number) =>
      second <= 60 ? { cpu: 1, factor: 1 } : second <= 120 ? { cpu: 1, factor: 6 } : { cpu: 0.3, factor: 1 };
    const scene = { seed: 1, callsPerSecond: 5, medianMs: 100, sigma: 0.2, outliers: 0, at, seconds: 300 };
    const [began = 0, over = 0, ...more] = play(scene);
    expect(began).toBeLessThanOrEqual(75);
    expect(over).toBeGreaterThan(120);
    expect(over).toBeLessThanOrEqual(130);
    expect(more).toEqual([]);
  });

  it('stays put behind for half a minute at the least, so that it is not flooded again and again', () => {
    const at = (second: number) => ({ cpu: second > 70 ? 0.1 : 1, factor: second > 60 && second <= 70 ? 6 : 1 });
    const scene = { seed: 1, callsPerSecond: 10, medianMs: 100, sigma: 0.1, outliers: 0, at, seconds: 200 };
    const [began = 0, over = 0] = play(scene);
    expect(over - began).toBeGreaterThanOrEqual(30);
  });
});

it('slowness alone is not starvation: CPU under its limit, or no limit', () => {
  for (const cpu of [0.9, undefined])
    fc.assert(
      fc.property(fc.record({ ...traffic, ...jitter }), (scene) => {
        const at = (second: number) => ({ cpu, factor: second > 60 ? 10 : 1 });
        expect(play({ ...scene, at, seconds: 180 })).toEqual([]);
      }),
      { numRuns: 50 },
    );
});

describe('a call', () => {
  const failed = (reason: ConstructorParameters<typeof FrontierError>[0], modulesFault = true): CallEnd => ({
    kind: 'failed',
    modulesFault,
    latencyMs: 1,
    error: new FrontierError(reason, 'x'),
  });
  it.each([
    ['a refusal', failed('MODULE_OVERLOADED', false), 'badly'],
    ['a time-out', failed('MODULE_TIMEOUT'), 'badly'],
    ['a time-out that is not the module’s fault', failed('MODULE_TIMEOUT', false), undefined],
    ['another failure', failed('MODULE_FAILED'), undefined],
    ['one that the caller ended', { kind: 'released' } as const, undefined],
    ['an answer of a class that nothing is known of', answered(9_999, false, createSeededRng(1)), 'well'],
  ])('%s went %s', (_name, end, verdict) => {
    expect(createServiceLevels().judge('GENERAL', end, true)).toBe(verdict);
  });
});
