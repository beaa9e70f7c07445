import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { ReplicaState } from '../core/modules/module-view.ts';
import { planReplicas, type PlannedReplica, type PlanInput } from './plan-replicas.ts';

function replica(replicaId: string, state: ReplicaState, more: Partial<PlannedReplica> = {}): PlannedReplica {
  return { replicaId, state, version: 'v1', inFlight: 0, createdAtMs: 0, ...more };
}

function plan(input: Partial<PlanInput>): ReturnType<typeof planReplicas> {
  return planReplicas({ desired: 1, version: 'v1', maxReplicas: 2, replicas: [], mayStart: true, ...input });
}

const NOTHING = { start: 0, restart: [], stop: [] };

describe('planReplicas', () => {
  test.each<[string, Partial<PlanInput>, Partial<ReturnType<typeof planReplicas>>]>([
    ['starts what is missing', { desired: 2, replicas: [replica('a', 'READY')] }, { start: 1 }],
    ['waits for what is starting', { replicas: [replica('a', 'STARTING')] }, {}],
    ['starts nothing while it may not', { mayStart: false }, {}],
    ['starts again what has ended', { replicas: [replica('a', 'BACKOFF')] }, { restart: ['a'] }],
    ['leaves it while a backoff runs', { mayStart: false, replicas: [replica('a', 'BACKOFF')] }, {}],
    [
      'stops everything at 0',
      { desired: 0, replicas: [replica('a', 'READY'), replica('b', 'BACKOFF')] },
      { stop: ['b', 'a'] },
    ],
    [
      'stops what is not running before what is, and empty before busy',
      {
        desired: 1,
        maxReplicas: 4,
        replicas: [replica('busy', 'READY', { inFlight: 2 }), replica('empty', 'READY'), replica('new', 'STARTING')],
      },
      { stop: ['new', 'empty'] },
    ],
    ['does not stop twice', { desired: 0, replicas: [replica('a', 'DRAINING')] }, {}],
    ['starts beside one that drains', { maxReplicas: 1, replicas: [replica('a', 'DRAINING')] }, { start: 1 }],
    [
      'never has more than max_replicas + 1',
      { maxReplicas: 1, replicas: [replica('a', 'DRAINING'), replica('b', 'DRAINING')] },
      {},
    ],
    [
      'rolls: starts the new before it stops the old',
      { version: 'v2', replicas: [replica('old', 'READY')] },
      { start: 1 },
    ],
    [
      'rolls: keeps the old until the new is ready',
      { version: 'v2', replicas: [replica('old', 'READY'), replica('new', 'STARTING', { version: 'v2' })] },
      {},
    ],
    [
      'rolls: stops the old once the new is ready',
      { version: 'v2', replicas: [replica('old', 'READY'), replica('new', 'READY', { version: 'v2' })] },
      { stop: ['old'] },
    ],
    [
      'rolls: an old one that does not serve is of no use',
      { version: 'v2', replicas: [replica('old', 'STARTING')] },
      { start: 1, stop: ['old'] },
    ],
  ])('%s', (_name, input, expected) => {
    expect(plan(input)).toEqual({ ...NOTHING, ...expected });
  });

  test('never starts beyond the bound, and never stops the last ready replica of a module that rolls', () => {
    const states = fc.constantFrom<ReplicaState>('STARTING', 'READY', 'UNHEALTHY', 'DRAINING', 'BACKOFF');
    const replicas = fc
      .array(
        fc.record({ state: states, version: fc.constantFrom('v1', 'v2'), inFlight: fc.nat(2), createdAtMs: fc.nat(9) }),
        { maxLength: 5 },
      )
      .map((list) => list.map((item, index) => ({ ...item, replicaId: `r${index}` })));
    fc.assert(
      fc.property(replicas, fc.nat(4), fc.integer({ min: 4, max: 5 }), (observed, desired, maxReplicas) => {
        const { start, stop } = plan({ replicas: observed, desired, maxReplicas, version: 'v2' });
        if (start > 0) expect(observed.length + start).toBeLessThanOrEqual(maxReplicas + 1);
        const isReady = ({ state }: PlannedReplica): boolean => state === 'READY';
        const left = observed.filter((item) => isReady(item) && !stop.includes(item.replicaId));
        expect(left.length).toBeGreaterThanOrEqual(Math.min(desired, observed.filter(isReady).length));
      }),
    );
  });
});
