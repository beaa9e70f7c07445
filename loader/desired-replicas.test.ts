import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { desiredOfAll, desiredReplicas, type Demand, type Scaling } from './desired-replicas.ts';

const NOW = 1_000_000_000;
const scaling: Scaling = { minReplicas: 0, maxReplicas: 3, idleTimeoutMs: 300_000, autoLoadThreshold: 10 };
const idle: Demand = {
  inFlight: 0,
  waiting: 0,
  lastUseMs: undefined,
  requestsPerMinute: 0,
  starting: false,
  pinned: undefined,
  suspended: false,
};

describe('desiredReplicas', () => {
  test.each<[string, Partial<Demand>, Partial<Scaling>, number]>([
    ['never used', {}, {}, 0],
    ['min_replicas', {}, { minReplicas: 2 }, 2],
    ['a query waits', { waiting: 1 }, {}, 1],
    ['a query is in flight, however long ago it came', { inFlight: 1, lastUseMs: NOW - 10_000_000 }, {}, 1],
    ['used within the idle time', { lastUseMs: NOW - 299_999 }, {}, 1],
    ['used just before the idle time', { lastUseMs: NOW - 300_000 }, {}, 0],
    ['starting for longer than the idle time', { starting: true, lastUseMs: NOW - 2_700_000 }, {}, 1],
    ['busy', { requestsPerMinute: 10 }, {}, 1],
    ['less than busy', { requestsPerMinute: 9 }, {}, 0],
    ['loaded by hand', { pinned: { replicas: 3, atMs: NOW } }, {}, 3],
    ['loaded by hand, used since', { pinned: { replicas: 3, atMs: 0 }, lastUseMs: NOW - 1 }, {}, 3],
    ['loaded by hand, idle since', { pinned: { replicas: 3, atMs: NOW - 300_000 } }, {}, 0],
    ['loaded by hand beyond max_replicas', { pinned: { replicas: 9, atMs: NOW } }, {}, 3],
    ['unloaded by hand', { suspended: true, waiting: 1, inFlight: 1 }, { minReplicas: 2 }, 0],
  ])('%s', (_name, demand, limits, n) => {
    expect(desiredReplicas({ ...idle, ...demand }, { ...scaling, ...limits }, NOW).n).toBe(n);
  });

  test('never gives 0 with anything in flight or waiting, nor more than max_replicas', () => {
    const demand = fc.record({
      inFlight: fc.nat(3),
      waiting: fc.nat(3),
      lastUseMs: fc.option(fc.nat(2 * NOW), { nil: undefined }),
      requestsPerMinute: fc.nat(100),
      starting: fc.boolean(),
      pinned: fc.option(fc.record({ replicas: fc.nat(10), atMs: fc.nat(2 * NOW) }), { nil: undefined }),
      suspended: fc.constant(false),
    });
    const limits = fc
      .record({
        minReplicas: fc.nat(10),
        maxReplicas: fc.integer({ min: 1, max: 10 }),
        idleTimeoutMs: fc.nat(NOW),
        autoLoadThreshold: fc.nat(20),
      })
      .filter(({ minReplicas, maxReplicas }) => minReplicas <= maxReplicas);
    fc.assert(
      fc.property(demand, limits, (observed, bounds) => {
        const { n } = desiredReplicas(observed, bounds, NOW);
        if (observed.inFlight + observed.waiting > 0) expect(n).toBeGreaterThanOrEqual(1);
        expect(n).toBeGreaterThanOrEqual(bounds.minReplicas);
        expect(n).toBeLessThanOrEqual(bounds.maxReplicas);
      }),
    );
  });
});

describe('desiredOfAll', () => {
  const wish = (module_id: string, n: number, dependencies: string[] = [], suspended = false) => ({
    module_id,
    dependencies,
    suspended,
    own: { n, reason: 'own' },
  });

  test('what a wanted module needs is wanted too, over several steps', () => {
    const desired = desiredOfAll([wish('c', 0), wish('b', 0, ['c']), wish('a', 1, ['b']), wish('d', 0, ['c'])]);
    expect([...desired].map(([id, { n }]) => [id, n])).toEqual([
      ['c', 1],
      ['b', 1],
      ['a', 1],
      ['d', 0],
    ]);
    expect(desired.get('c')?.reason).toBe('b needs it');
  });

  test('a dependency is let go with its last user, and keeps its own wish', () => {
    expect(desiredOfAll([wish('base', 0), wish('user', 0, ['base'])]).get('base')?.n).toBe(0);
    expect(desiredOfAll([wish('base', 3), wish('user', 1, ['base'])]).get('base')?.n).toBe(3);
  });

  test('what was unloaded by hand stays so, whoever needs it', () => {
    expect(desiredOfAll([wish('base', 0, [], true), wish('user', 1, ['base'])]).get('base')?.n).toBe(0);
  });
});
