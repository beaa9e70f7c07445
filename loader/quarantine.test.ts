import { describe, expect, test } from '@jest/globals';

import { activate } from './activate.ts';
import { reconcilerWith, specOf, type Rig } from './testing/reconciler-rig.ts';

/** Has every run of `a` crash as soon as it is started, until it is left alone. */
async function crashInLoop({ clock, driver, reconciler }: Rig): Promise<void> {
  for (let count = 0; count < 5; count += 1) {
    driver.live('a')[0]!.crash('no memory left');
    await clock.advance(0);
    if (reconciler.view('a').state !== 'QUARANTINED') await clock.advance(reconciler.retryInMs('a'));
  }
}

const always = specOf('a', { scaling: { min_replicas: 1, max_replicas: 2 } });

describe('a module whose workload crashes in a loop', () => {
  test('is left alone, says so, and fails whoever waits at once', async () => {
    const rig = reconcilerWith([always, specOf('b', { dependencies: ['a'], scaling: { min_replicas: 1 } })]);
    await crashInLoop(rig);
    const { reconciler, clock, metrics, driver } = rig;
    const reason = 'it crashed 5 times in a row and is left alone for 20 s: no memory left';
    expect(reconciler.view('a')).toMatchObject({ state: 'QUARANTINED', reason });
    expect(reconciler.view('b')).toMatchObject({ state: 'FAILED', reason: `it needs a: ${reason}` });
    const waiting = async (): Promise<void> => {
      const options = { reconciler, clock, metrics, moduleId: 'a', timeoutMs: 60_000 };
      for await (const _ of activate({ ...options, signal: new AbortController().signal }));
    };
    await expect(waiting()).rejects.toMatchObject({ reason: 'ACTIVATION_FAILED', retryAfterMs: 20_000 });
    await clock.advance(19_000);
    expect(driver.runs).toHaveLength(5);
    await clock.advance(1_500);
    expect(driver.runs).toHaveLength(6);
    driver.live('a')[0]!.crash();
    await clock.advance(0);
    expect(reconciler.view('a').state).toBe('QUARANTINED');
    expect(reconciler.retryInMs('a')).toBe(40_000);
  });

  test.each(['release', 'load'] as const)('is tried at once after %s', async (order) => {
    const rig = reconcilerWith([always]);
    await crashInLoop(rig);
    if (order === 'release') rig.reconciler.release('a');
    else rig.reconciler.load('a', 1);
    expect(rig.reconciler.view('a').state).toBe('LOADING');
    rig.driver.live('a')[0]!.ready();
    await rig.clock.advance(0);
    expect(rig.reconciler.view('a').state).toBe('READY');
  });

  test('is not one whose server runs elsewhere: it is back when it is back', async () => {
    const elsewhere = { adapter: { type: 'openai', url: 'http://127.0.0.1:9/v1' } } as const;
    const rig = reconcilerWith([specOf('a', { ...elsewhere, scaling: { min_replicas: 1 } })]);
    for (let count = 0; count < 9; count += 1) {
      rig.driver.live('a')[0]!.crash('away');
      await rig.clock.advance(0);
      expect(rig.reconciler.view('a').state).toBe('FAILED');
      expect(rig.reconciler.retryInMs('a')).toBeLessThanOrEqual(30_000);
      await rig.clock.advance(rig.reconciler.retryInMs('a'));
    }
  });
});

describe('a restart that is ordered', () => {
  test('has a new replica ready before the old one drains', async () => {
    const { reconciler, driver, clock } = reconcilerWith([always]);
    driver.runs[0]!.ready();
    await clock.advance(0);
    const order = { replicaId: '', reason: 'its breaker has opened 3 times', force: false };
    reconciler.restart('a', order);
    expect(driver.live('a')).toHaveLength(2);
    expect(driver.runs[0]!.stopped).toBeUndefined();
    driver.runs[1]!.ready();
    await clock.advance(0);
    expect(driver.runs[0]!.stopped).toBeDefined();
    expect(reconciler.view('a').replicas[0]).toMatchObject({ state: 'DRAINING', reason: order.reason });
    driver.runs[0]!.finishStop();
    await clock.advance(0);
    expect(reconciler.view('a')).toMatchObject({ state: 'READY' });
    expect(reconciler.view('a').replicas).toHaveLength(1);
    // Soon after, only by hand.
    expect(() => reconciler.restart('a', order)).toThrow(expect.objectContaining({ reason: 'RATE_LIMITED' }));
    reconciler.restart('a', { ...order, force: true });
    expect(driver.live('a')).toHaveLength(2);
  });

  test('of a replica or module that is not there is refused', () => {
    const { reconciler } = reconcilerWith([always]);
    const order = { replicaId: 'a-0', reason: '', force: false };
    expect(() => reconciler.restart('a', order)).toThrow('replica_id: a has no replica "a-0"');
    expect(() => reconciler.restart('x', order)).toThrow('there is no module "x"');
  });
});
