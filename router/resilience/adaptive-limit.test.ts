import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createSeededRng, type Rng } from '../../core/rng.ts';
import { createAdaptiveLimit, type AdaptiveLimit, type AdaptiveLimitPolicy } from './adaptive-limit.ts';
import type { LimitState } from './limit-decision.ts';

const POLICY: AdaptiveLimitPolicy = { min: 1, max: 200, tolerance: 2, probeEveryMs: 60_000, floorMs: 50 };

interface Server {
  /** Calls that it works on at the same time; the others wait for their turn. */
  capacity: number;
  /** Time of one call, in milliseconds, before noise. */
  serviceMs: (rng: Rng) => number;
  /** Calls in flight from which on it refuses. */
  refusesFrom?: number;
}

interface World {
  readonly server: Server;
  readonly limit: AdaptiveLimit;
  nowMs: number;
  completed: number;
  refused: number;
}

function worldOf(server: Server, policy: AdaptiveLimitPolicy = POLICY): World {
  return { server, limit: createAdaptiveLimit(policy, 0), nowMs: 0, completed: 0, refused: 0 };
}

/**
 * Lets time pass with so much demand that every place is taken: a server of `capacity` places with a queue before them, stepped
 * event by event, in simulated time.
 */
function runSaturated(world: World, forMs: number, rng: Rng, demand = Infinity): void {
  const untilMs = world.nowMs + forMs;
  const { server, limit } = world;
  /** When each place is free again; calls take the earliest. */
  let places = new Array<number>(server.capacity).fill(world.nowMs);
  const inFlight: { readonly startMs: number; readonly endMs: number; readonly refused: boolean }[] = [];
  while (world.nowMs < untilMs) {
    if (places.length !== server.capacity) places = new Array<number>(server.capacity).fill(world.nowMs);
    while (inFlight.length < Math.min(demand, limit.places(world.nowMs))) {
      const refused = server.refusesFrom !== undefined && inFlight.length >= server.refusesFrom;
      const at = places.indexOf(Math.min(...places));
      const beginMs = Math.max(world.nowMs, places[at] ?? 0);
      const endMs = (refused ? world.nowMs : beginMs) + server.serviceMs(rng);
      if (!refused) places[at] = endMs;
      inFlight.push({ startMs: world.nowMs, endMs, refused });
      limit.noteStart(inFlight.length, world.nowMs);
    }
    const next = inFlight.reduce((first, call) => (call.endMs < first.endMs ? call : first));
    world.nowMs = Math.max(world.nowMs, next.endMs);
    const sample = next.refused
      ? ({ kind: 'refused' } as const)
      : ({ kind: 'answered', latencyMs: world.nowMs - next.startMs, tokens: 0 } as const);
    limit.noteEnd(inFlight.length, sample, world.nowMs);
    inFlight.splice(inFlight.indexOf(next), 1);
    world[next.refused ? 'refused' : 'completed'] += 1;
  }
  // The rest is waited for.
  for (let left = inFlight.length; left > 0; left -= 1) {
    const call = inFlight.shift()!;
    world.nowMs = Math.max(world.nowMs, call.endMs);
    limit.noteEnd(left, { kind: 'answered', latencyMs: world.nowMs - call.startMs, tokens: 0 }, world.nowMs);
  }
}

/** About log-normal noise around `meanMs`. */
const noisy =
  (meanMs: number, spread: number) =>
  (rng: Rng): number =>
    meanMs * Math.exp(spread * (rng.next() + rng.next() + rng.next() + rng.next() - 2));

const seed = fc.integer({ min: 1, max: 1e6 });

describe('a limit that adapts', () => {
  it('comes close to what a server can do, from above, whatever the noise', () => {
    fc.assert(
      fc.property(
        seed,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 200, max: 2_000 }),
        fc.double({ min: 0, max: 0.8, noNaN: true }),
        (random, capacity, meanMs, spread) => {
          const world = worldOf({ capacity, serviceMs: noisy(meanMs, spread) });
          runSaturated(world, 400 * meanMs + 240_000, createSeededRng(random));
          const { limit } = world.limit.state;
          // Enough to keep every place busy, and a queue of a few rounds at the most.
          expect(limit).toBeGreaterThanOrEqual(Math.max(1, capacity * 0.8));
          expect(limit).toBeLessThanOrEqual(capacity * 4 + 8);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('finds its way back when a server that was slowed down can do more again', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 8, max: 40 }), (random, capacity) => {
        const rng = createSeededRng(random);
        const world = worldOf({ capacity, serviceMs: noisy(200, 0.3) });
        runSaturated(world, 240_000, rng);
        world.server.capacity = Math.ceil(capacity / 8);
        runSaturated(world, 240_000, rng);
        expect(world.limit.state.limit).toBeLessThanOrEqual(world.server.capacity * 4 + 8);
        world.server.capacity = capacity;
        runSaturated(world, 240_000, rng);
        expect(world.limit.state.limit).toBeGreaterThanOrEqual(capacity * 0.8);
      }),
      { numRuns: 3 },
    );
  });

  it('keeps a server that refuses just under what it takes', () => {
    const world = worldOf({ capacity: 50, serviceMs: () => 100, refusesFrom: 20 });
    runSaturated(world, 20_000, createSeededRng(1));
    for (let second = 0; second < 20; second += 1) {
      runSaturated(world, 1_000, createSeededRng(1));
      expect(world.limit.state.limit).toBeGreaterThan(10);
      expect(world.limit.state.limit).toBeLessThan(30);
    }
  });

  it('is not brought down by noise while the server has room', () => {
    fc.assert(
      fc.property(seed, fc.double({ min: 0, max: 1, noNaN: true }), (random, spread) => {
        const world = worldOf({ capacity: 200, serviceMs: noisy(1_000, spread) });
        runSaturated(world, 120_000, createSeededRng(random), 120);
        expect(world.limit.state.limit).toBeGreaterThan(80);
      }),
      { numRuns: 5 },
    );
  });

  it('never leaves a module without a place, whatever it is told', () => {
    const sample = fc.oneof(
      fc.constant({ kind: 'refused' } as const),
      fc.constant({ kind: 'timed_out' } as const),
      fc.record({
        kind: fc.constant('answered' as const),
        latencyMs: fc.integer({ min: 0, max: 100_000 }),
        firstTokenMs: fc.option(fc.integer({ min: 0, max: 50_000 }), { nil: undefined }),
        tokens: fc.integer({ min: 0, max: 5_000 }),
      }),
    );
    const step = fc.record({ sample, afterMs: fc.integer({ min: 0, max: 20_000 }), inFlight: fc.nat(300) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 1, max: 20 }), (steps, min) => {
        const limit = createAdaptiveLimit({ ...POLICY, min }, 0);
        let nowMs = 0;
        for (const { sample: told, afterMs, inFlight } of steps) {
          nowMs += afterMs;
          limit.noteStart(inFlight, nowMs);
          limit.noteEnd(inFlight, told, nowMs);
          expect(limit.places(nowMs)).toBeGreaterThanOrEqual(min);
          expect(limit.places(nowMs)).toBeLessThanOrEqual(POLICY.max);
        }
      }),
    );
  });

  it('goes by tokens, not by how long answers are', () => {
    const rng = createSeededRng(7);
    const limit = createAdaptiveLimit(POLICY, 0);
    let nowMs = 0;
    // A module that answers at 20 ms a token after 200 ms: first with short answers, then with long ones, many at a time.
    for (let call = 0; call < 600; call += 1) {
      const tokens = Math.ceil(call < 300 ? 1 + rng.next() * 20 : 500 + rng.next() * 1_500);
      const inFlight = call < 20 ? 1 : 150;
      limit.noteStart(inFlight, nowMs);
      nowMs += 200;
      limit.noteEnd(inFlight, { kind: 'answered', latencyMs: 200 + 20 * tokens, tokens }, nowMs);
    }
    expect(limit.state.limit).toBe(POLICY.max);
    // The same module at a third of its speed.
    for (let call = 0; call < 100; call += 1) {
      nowMs += 200;
      limit.noteStart(150, nowMs);
      limit.noteEnd(150, { kind: 'answered', latencyMs: 200 + 60 * 800, tokens: 800 }, nowMs);
    }
    expect(limit.state).toMatchObject({ reason: 'slow' });
    expect(limit.state.limit).toBeLessThan(POLICY.max / 2);
  });

  it('takes first tokens where they are seen', () => {
    const limit = createAdaptiveLimit(POLICY, 0);
    let nowMs = 0;
    const calls = (inFlight: number, firstTokenMs: number, latencyMs: number): void => {
      for (let call = 0; call < 60; call += 1) {
        nowMs += 200;
        limit.noteStart(inFlight, nowMs);
        limit.noteEnd(inFlight, { kind: 'answered', latencyMs, firstTokenMs, tokens: 10 }, nowMs);
      }
    };
    calls(1, 100, 150);
    calls(150, 110, 60_000);
    expect(limit.state.limit).toBe(POLICY.max);
    calls(150, 900, 1_000);
    expect(limit.state.limit).toBeLessThan(POLICY.max);
  });

  it('keeps its share of the bounds when replicas come and go, and tells of every change', () => {
    const changes: LimitState[] = [];
    const limit = createAdaptiveLimit({ ...POLICY, min: 4, max: 36 }, 0, (_before, after) => changes.push(after));
    limit.noteStart(20, 0);
    limit.noteEnd(20, { kind: 'refused' }, 2_000);
    expect(limit.places(2_000)).toBe(16);
    limit.setPolicy({ ...POLICY, min: 8, max: 72 });
    expect(limit.places(2_000)).toBe(32);
    limit.setPolicy({ ...POLICY, min: 4, max: 8 });
    expect(limit.places(2_000)).toBe(4);
    expect(changes.map(({ reason }) => reason)).toEqual(['refused', 'bounds', 'bounds']);
  });
});
