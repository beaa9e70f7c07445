import { describe, expect, test } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import type { ModuleStates } from '../resources/content.ts';
import { configured, statesOf, view } from '../resources/states-fixture.ts';
import { createStateJoiner } from './mesh-states.ts';
import type { StateJoiner } from './mesh-states.ts';
import type { RouterReports } from './router-reports.ts';

const settings = (keys: object = {}): ReturnType<typeof configured>['mesh']['shared_breakers'] =>
  configured({ mesh: { shared_breakers: { lease: 5, ...keys } } }).mesh.shared_breakers;

interface World {
  readonly joiner: StateJoiner;
  readonly told: ModuleStates[];
  readonly clock: ReturnType<typeof createManualClock>;
  open(reporter: string, forMs: number): void;
  isOpen(): boolean;
}

function start(keys: object = {}): World {
  const clock = createManualClock(0);
  const told: ModuleStates[] = [];
  const joiner = createStateJoiner({ settings: settings(keys), clock, onChange: (states) => told.push(states) });
  joiner.setViews(statesOf(view('a'), view('b')));
  return {
    joiner,
    told,
    clock,
    open: (reporter, forMs) => {
      joiner.report(reporter, [
        { moduleId: 'a', openUntilMs: clock.monotonicMs() + forMs, weight: undefined, isOwn: true },
      ]);
    },
    isOpen: () => told.at(-1)?.get('a')?.mesh?.breakerOpen === true,
  };
}

describe('an open breaker', () => {
  test('counts as soon as one router tells of it, until its time is over, and then probes pass', async () => {
    const world = start();
    world.open('r1', 3_000);
    expect(world.isOpen()).toBe(true);
    await world.clock.advance(2_900);
    expect(world.isOpen()).toBe(true);
    await world.clock.advance(200);
    expect(world.isOpen()).toBe(false);
  });

  test('of a router that has died is dropped when its lease is over', async () => {
    const world = start();
    world.open('r1', 60_000);
    await world.clock.advance(4_900);
    expect(world.isOpen()).toBe(true);
    await world.clock.advance(200);
    expect(world.isOpen()).toBe(false);
  });

  test('is taken back when the router says so, and at once', () => {
    const world = start();
    world.open('r1', 60_000);
    world.joiner.report('r1', []);
    expect(world.isOpen()).toBe(false);
  });

  test('needs as many routers as the quorum', () => {
    const world = start({ quorum: 2 });
    world.open('r1', 3_000);
    expect(world.isOpen()).toBe(false);
    world.open('r2', 3_000);
    expect(world.isOpen()).toBe(true);
  });

  test('of a router that has it from another is no further witness', () => {
    const world = start({ quorum: 2 });
    world.open('r1', 3_000);
    const copy = { moduleId: 'a', openUntilMs: world.clock.monotonicMs() + 3_000, weight: undefined, isOwn: false };
    world.joiner.report('r2', [copy]);
    expect(world.isOpen()).toBe(false);
    world.open('r2', 3_000);
    expect(world.isOpen()).toBe(true);
  });

  test('told to another control plane counts here, and of two words of one router the later', async () => {
    const world = start();
    const word = (saidAtMs: number, isOpen: boolean): RouterReports => {
      const modules = isOpen ? [{ moduleId: 'a', openUntilMs: 60_000, weight: undefined, isOwn: true }] : [];
      return new Map([['r1', { saidAtMs, expiresAtMs: 60_000, modules }]]);
    };
    world.joiner.hear(word(0, true));
    expect(world.isOpen()).toBe(true);
    await world.clock.advance(10);
    world.joiner.report('r1', []);
    expect(world.isOpen()).toBe(false);
    world.joiner.hear(word(5, true));
    expect(world.isOpen()).toBe(false);
    world.joiner.hear(word(20, true));
    expect(world.isOpen()).toBe(true);
  });

  test('is nothing to anybody when breakers are not shared', () => {
    const world = start({ enabled: false });
    world.open('r1', 3_000);
    expect(world.isOpen()).toBe(false);
  });
});

test('weights are the mean of what routers say, with a floor', () => {
  const world = start({ min_weight_percent: 30 });
  const factor = (...weights: readonly number[]): unknown => {
    weights.forEach((weight, index) => {
      world.joiner.report(`r${index}`, [{ moduleId: 'a', openUntilMs: undefined, weight, isOwn: true }]);
    });
    return world.told.at(-1)?.get('a')?.mesh?.shareFactor;
  };
  expect(factor(0.4, 0.8)).toBe(0.6);
  expect(factor(0, 0.1)).toBe(0.3);
});

test('modules of which nothing is said stay the same objects', () => {
  const world = start();
  const [before] = world.told;
  world.open('r1', 3_000);
  world.open('r1', 3_000);
  const [, second, third] = world.told;
  expect(second?.get('b')).toBe(before?.get('b'));
  expect(third?.get('a')).toBe(second?.get('a'));
  expect(second?.get('a')).not.toBe(before?.get('a'));
});
