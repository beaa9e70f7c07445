import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import { silentLogger } from '../../core/logging.ts';
import { createMemoryStore } from '../../core/store/memory-store.ts';
import type { Store } from '../../core/store/store.ts';
import { moduleCluster } from '../resources/names.ts';
import { statesOf, view } from '../resources/states-fixture.ts';
import { createRampConductor } from './ramp-conductor.ts';
import type { RampConductor } from './ramp-conductor.ts';
import { createRollout } from './rollout.ts';
import type { Rollout } from './rollout.ts';

const ramp = { steps: [5, 25], interval: 2, min_requests: 10 };
const clock = createManualClock(1_000);
let folder: string;
let store: Store;
let isAway: boolean;
let planes: readonly Plane[];

interface Plane {
  readonly rollout: Rollout;
  readonly conductor: RampConductor;
  percent: number | undefined;
}

function start(id: string): Plane {
  const plane: Plane = {
    percent: undefined,
    rollout: createRollout({
      clock,
      log: silentLogger,
      file: path.join(folder, `${id}.json`),
      alone: false,
      onShares: (percents) => {
        plane.percent = percents.get('old');
      },
    }),
    get conductor() {
      return conductor;
    },
  };
  const { rollout } = plane;
  const conductor = createRampConductor({ id, store, clock, log: silentLogger, rollout, isReady: () => true });
  rollout.update(
    statesOf(view('old', [], { traffic: { split: [{ module: 'new', percent: 50 }], ramp } }), view('new')),
  );
  return plane;
}

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'ramps-'));
  isAway = false;
  const memory = await createMemoryStore({ clock, log: silentLogger });
  const reached = <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) => {
    return (...args: Args): Promise<Result> =>
      isAway ? Promise.reject(new FrontierError('STORE_UNAVAILABLE', 'away')) : call(...args);
  };
  store = {
    ...memory,
    get: reached((key: string) => memory.get(key)),
    compareAndSet: reached((...args: Parameters<Store['compareAndSet']>) => memory.compareAndSet(...args)),
  };
  planes = [start('a'), start('b')];
});
afterEach(async () => {
  for (const { rollout } of planes) rollout.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

/** Lets time pass, a quarter of a second and a turn of each of these at a time. */
async function pass(ms: number, ...there: readonly (Plane | undefined)[]): Promise<void> {
  for (let each = 0; each < ms; each += 250) {
    await clock.advance(250);
    for (const plane of there) await plane?.conductor.turn().catch(() => undefined);
  }
}

function calls(plane: Plane | undefined, count: number, errors = 0): void {
  plane?.rollout.add(moduleCluster('old'), { calls: count, errors: 0, judged: 0, confidence: 0 });
  plane?.rollout.add(moduleCluster('new'), { calls: count, errors, judged: 0, confidence: 0 });
}

const percents = (): readonly unknown[] => planes.map(({ percent }) => percent);

test('one decides, and the other follows', async () => {
  const [a, b] = planes;
  await pass(500, a, b);
  expect(planes.map(({ conductor }) => conductor.isLeading())).toEqual([true, false]);
  expect(percents()).toEqual([5, 5]);
  calls(a, 20);
  await pass(3_000, a, b);
  expect(percents()).toEqual([25, 25]);
  calls(a, 20, 20);
  await pass(1_500, a, b);
  expect(percents()).toEqual([0, 0]);
});

test('what the follower has seen alone decides nothing', async () => {
  const [a, b] = planes;
  await pass(500, a, b);
  calls(b, 20, 20);
  await pass(3_000, a, b);
  expect(percents()).toEqual([5, 5]);
});

test('when the one that decides is silent, the other goes on from its step, with what had been seen at it', async () => {
  const [a, b] = planes;
  await pass(500, a, b);
  calls(a, 20);
  await pass(3_000, a, b);
  calls(a, 9);
  await pass(1_500, a, b);
  await pass(1_500, b);
  expect(b?.conductor.isLeading()).toBe(false);
  await pass(2_000, b);
  expect(b?.conductor.isLeading()).toBe(true);
  expect(b?.percent).toBe(25);
  // One more makes ten.
  calls(b, 1);
  await pass(1_500, b);
  expect(b?.percent).toBe(50);
  // The one that comes back, and thinks that it leads, follows.
  await pass(250, a);
  expect(percents()).toEqual([50, 50]);
  expect(a?.conductor.isLeading()).toBe(false);
});

test('nothing changes while the store is away', async () => {
  const [a, b] = planes;
  await pass(500, a, b);
  isAway = true;
  calls(a, 20);
  await pass(10_000, a, b);
  expect(percents()).toEqual([5, 5]);
  isAway = false;
  calls(a, 20);
  calls(b, 20);
  await pass(6_000, a, b);
  expect(percents()[0]).toBe(percents()[1]);
  expect(percents()[0]).not.toBe(5);
});

test('two that find nobody to follow at the same time do not both decide', async () => {
  await Promise.all(planes.map(({ conductor }) => conductor.turn()));
  expect(planes.filter(({ conductor }) => conductor.isLeading())).toHaveLength(1);
});
