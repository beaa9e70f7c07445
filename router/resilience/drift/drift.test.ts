import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FrontierError } from '../../../core/errors.ts';
import { createSeededRng, type Rng } from '../../../core/rng.ts';
import type { CallEnd } from '../module-board.ts';
import { exhaustedInMs, MEMORY_SAMPLES } from './memory-trend.ts';
import { createSignal, SIGNALS, type Signal, type SignalName } from './signals.ts';

/** A module under load, as its callers see it. */
interface Traffic {
  readonly callsPerSecond: number;
  readonly latencyMs: number;
  /** Standard deviation of the latency's logarithm. */
  readonly spread: number;
  /** Share of calls that meet a pause, and how much longer they take. */
  readonly pauses: number;
  readonly errors: number;
  readonly confidence: number;
}

const FAILURE = new FrontierError('MODULE_FAILED', 'it is broken');
// Jest looks globals up slowly.
const { sqrt, log, cos, exp, PI } = Math;

function normal(rng: Rng): number {
  return sqrt(-2 * log(1 - rng.next())) * cos(2 * PI * rng.next());
}

function call(rng: Rng, { latencyMs, spread, pauses, errors, confidence }: Traffic): CallEnd {
  if (rng.next() < errors) return { kind: 'failed', modulesFault: true, latencyMs, error: FAILURE };
  const pause = rng.next() < pauses ? 10 : 1;
  const firstTokenMs = latencyMs * pause * exp(spread * normal(rng));
  const score = Math.min(1, Math.max(0, confidence + 0.1 * normal(rng)));
  return { kind: 'answered', accepted: true, confidence: score, latencyMs: 3 * firstTokenMs, firstTokenMs };
}

/** Runs traffic of some seconds past every signal; gives the second in which each began to drift. */
function run(seed: number, seconds: number, trafficAt: (second: number) => Traffic): Map<SignalName, number> {
  const rng = createSeededRng(seed);
  const signals = new Map<SignalName, Signal>(SIGNALS.map((name) => [name, createSignal(name, 'GENERAL')]));
  const began = new Map<SignalName, number>();
  for (let second = 0; second < seconds; second += 1) {
    const traffic = trafficAt(second);
    // Calls come in bursts, and in some seconds not at all.
    const count = Math.round(traffic.callsPerSecond * -log(1 - rng.next()));
    for (let made = 0; made < count; made += 1) {
      const end = call(rng, traffic);
      for (const signal of signals.values()) signal.observe(end);
    }
    for (const [name, signal] of signals)
      if (signal.tick(second * 1_000) === 'began' && !began.has(name)) began.set(name, second);
  }
  return began;
}

const traffic = fc.record<Traffic>({
  callsPerSecond: fc.integer({ min: 3, max: 25 }),
  latencyMs: fc.integer({ min: 30, max: 3_000 }),
  spread: fc.double({ min: 0.05, max: 0.8, noNaN: true }),
  pauses: fc.double({ min: 0, max: 0.05, noNaN: true }),
  errors: fc.double({ min: 0, max: 0.2, noNaN: true }),
  confidence: fc.double({ min: 0.3, max: 0.9, noNaN: true }),
});

describe('traffic that does not change', () => {
  it('is taken for drifting in less than one run of ten minutes in a hundred, however jittered, paused and lossy', () => {
    const runs = 120;
    let alarms = 0;
    fc.assert(
      fc.property(traffic, fc.nat(), (steady, seed) => {
        if (run(seed, 600, () => steady).size > 0) alarms += 1;
      }),
      { numRuns: runs, seed: 1 },
    );
    expect(alarms / runs).toBeLessThan(0.01);
  });
});

describe('traffic that gets worse', () => {
  const CHANGE_AT = 120;
  const USUAL: Traffic = {
    callsPerSecond: 20,
    latencyMs: 200,
    spread: 0.5,
    pauses: 0.02,
    errors: 0.02,
    confidence: 0.8,
  };
  it.each<[string, SignalName, (since: number) => Partial<Traffic>, number]>([
    ['answers three times as slow', 'latency', () => ({ latencyMs: 600 }), 8],
    ['a first token that takes 10 % longer each second', 'first_token', (s) => ({ latencyMs: 200 * 1.1 ** s }), 20],
    ['errors that rise to a third', 'errors', () => ({ errors: 0.35 }), 12],
    ['errors that rise by 2 % a second', 'errors', (s) => ({ errors: Math.min(1, 0.02 + 0.02 * s) }), 25],
    ['answers of less and less worth', 'confidence', (s) => ({ confidence: 0.8 - 0.03 * s }), 20],
  ])('%s is found within seconds', (_name, signal, change, withinSeconds) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const began = run(seed, CHANGE_AT + 60, (second) =>
        second < CHANGE_AT ? USUAL : { ...USUAL, ...change(second - CHANGE_AT) },
      );
      const afterSeconds = (began.get(signal) ?? Infinity) - CHANGE_AT;
      expect(afterSeconds).toBeGreaterThanOrEqual(0);
      expect(afterSeconds).toBeLessThanOrEqual(withinSeconds);
    }
  });

  it('is believed again soon after it is well, after a silence, and when it stays so', () => {
    const signal = createSignal('latency', 'GENERAL');
    const rng = createSeededRng(7);
    const go = (from: number, to: number, latencyMs: number): (string | undefined)[] => {
      const told: (string | undefined)[] = [];
      for (let second = from; second < to; second += 1) {
        for (let made = 0; made < 20; made += 1) signal.observe(call(rng, { ...USUAL, latencyMs }));
        told.push(signal.tick(second * 1_000));
      }
      return told;
    };
    go(0, 60, 200);
    expect(go(60, 80, 800)).toContain('began');
    expect(go(80, 110, 200)).toContain('ended');
    expect(go(110, 130, 800)).toContain('began');
    const silent = Array.from({ length: 60 }, (_, second) => signal.tick((130 + second) * 1_000));
    expect(silent).toContain('ended');
    expect(go(190, 210, 800)).toContain('began');
    // Three minutes on, this is how it is.
    expect(go(210, 420, 800)).toContain('ended');
    expect(go(420, 600, 800)).not.toContain('began');
  });
});

describe('memory that grows', () => {
  const LIMIT = 1_000;
  const series = (bytesAt: (at: number) => number) =>
    Array.from({ length: MEMORY_SAMPLES }, (_, at) => ({ atMs: at * 2_000, bytes: bytesAt(at) }));

  it('is told when the limit is near and will be reached', () => {
    const leftMs = exhaustedInMs(
      series((at) => 300 + 10 * at),
      LIMIT,
    )!;
    expect(leftMs / 1_000).toBeCloseTo(22, 0);
  });

  it('is not while it is far from the limit, level, or goes up and down', () => {
    expect(
      exhaustedInMs(
        series((at) => 10 * at),
        10 * LIMIT,
      ),
    ).toBeUndefined();
    expect(
      exhaustedInMs(
        series(() => 900),
        LIMIT,
      ),
    ).toBeUndefined();
    expect(exhaustedInMs([], LIMIT)).toBeUndefined();
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 20 }),
        fc.integer({ min: 700, max: 900 }),
        fc.nat(1e6),
        (tooth, top, seed) => {
          const rng = createSeededRng(seed);
          const saw = series((at) => top - 300 + (300 * (at % tooth)) / tooth + 20 * rng.next());
          expect(exhaustedInMs(saw, LIMIT)).toBeUndefined();
        },
      ),
    );
  });
});
