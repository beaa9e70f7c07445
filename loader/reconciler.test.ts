import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { reconcilerWith, SETTINGS, specOf, type Rig } from './testing/reconciler-rig.ts';

/** Has a module started by a waiter and made ready; gives the waiter's leave. */
async function bringUp({ clock, driver, reconciler }: Rig, moduleId: string): Promise<() => void> {
  const leave = reconciler.addWaiter(moduleId);
  driver.live(moduleId)[0]!.ready();
  await clock.advance(0);
  expect(reconciler.view(moduleId).state).toBe('READY');
  return leave;
}

describe('a module that nobody uses', () => {
  test('runs nothing until somebody waits for it, then starts at once and only once', () => {
    const { driver, reconciler } = reconcilerWith([specOf('a')]);
    expect(reconciler.view('a')).toMatchObject({ state: 'UNLOADED', desiredReplicas: 0, replicas: [] });
    const leaves = [reconciler.addWaiter('a'), reconciler.addWaiter('a'), reconciler.addWaiter('a')];
    expect(driver.runs).toHaveLength(1);
    expect(reconciler.view('a')).toMatchObject({ state: 'LOADING', desiredReplicas: 1, waiting: 3 });
    expect(() => reconciler.addWaiter('a')).toThrow(expect.objectContaining({ reason: 'MODULE_OVERLOADED' }));
    for (const leave of leaves) leave();
  });

  test('is unloaded after the idle time, counted from its last use', async () => {
    const rig = reconcilerWith([specOf('a')]);
    (await bringUp(rig, 'a'))();
    await rig.clock.advance(SETTINGS.idleTimeoutMs - 1000);
    rig.driver.runs[0]!.ready({ completed: 1 });
    await rig.clock.advance(SETTINGS.idleTimeoutMs - 1000);
    expect(rig.reconciler.view('a').state).toBe('READY');
    await rig.clock.advance(1000);
    expect(rig.reconciler.view('a')).toMatchObject({ state: 'UNLOADING', reason: 'idle' });
    expect(rig.reconciler.view('a').replicas[0]?.state).toBe('DRAINING');
    expect(rig.driver.runs[0]!.stopped).toEqual({ quietMs: SETTINGS.quietMs, drainMs: 20_000 });
    rig.driver.runs[0]!.finishStop();
    await rig.clock.advance(0);
    expect(rig.reconciler.view('a')).toMatchObject({ state: 'UNLOADED', replicas: [] });
  });

  test('is not given up while it starts, however long that takes (kserve#1247)', async () => {
    const rig = reconcilerWith([specOf('a', { idle_timeout: 60 })]);
    rig.reconciler.addWaiter('a')();
    await rig.clock.advance(45 * 60_000);
    expect(rig.reconciler.view('a').state).toBe('LOADING');
    rig.driver.runs[0]!.ready();
    await rig.clock.advance(59_000);
    expect(rig.reconciler.view('a').state).toBe('READY');
    await rig.clock.advance(2000);
    expect(rig.reconciler.view('a').state).toBe('UNLOADING');
  });

  test('starts again for a waiter after 45 idle minutes (http-add-on#1492)', async () => {
    const rig = reconcilerWith([specOf('a')], { stopAtOnce: true });
    (await bringUp(rig, 'a'))();
    await rig.clock.advance(45 * 60_000);
    expect(rig.reconciler.view('a').state).toBe('UNLOADED');
    await bringUp(rig, 'a');
    expect(rig.driver.runs).toHaveLength(2);
  });

  test('is started by a waiter that comes while the last replica drains', async () => {
    const rig = reconcilerWith([specOf('a')]);
    (await bringUp(rig, 'a'))();
    await rig.clock.advance(SETTINGS.idleTimeoutMs + 1000);
    expect(rig.reconciler.view('a').state).toBe('UNLOADING');
    rig.reconciler.addWaiter('a');
    expect(rig.driver.runs).toHaveLength(2);
    expect(rig.reconciler.view('a').state).toBe('LOADING');
  });
});

describe('use', () => {
  test('a request every idle time ± 100 ms never meets a stop while in flight', async () => {
    const rig = reconcilerWith([specOf('a', { idle_timeout: 10 })], { stopAtOnce: true });
    for (let round = 0; round < 500; round += 1) {
      if (rig.driver.live('a').length === 0) (await bringUp(rig, 'a'))();
      const replica = rig.driver.live('a')[0]!;
      replica.ready({ inFlight: 1, completed: round });
      await rig.clock.advance(2000);
      expect(replica.stopped).toBeUndefined();
      replica.ready({ inFlight: 0, completed: round + 1 });
      await rig.clock.advance(9900 + (round % 5) * 50);
    }
  });

  test("routers' reports keep a module loaded, until the router falls silent", async () => {
    const rig = reconcilerWith([specOf('a', { idle_timeout: 5 })], { stopAtOnce: true });
    (await bringUp(rig, 'a'))();
    rig.reconciler.reportUsage('r1', 'a', { requests: 0, inFlight: 1 });
    rig.reconciler.reportUsage('r1', 'unknown', { requests: 1, inFlight: 1 });
    await rig.clock.advance(29_000);
    expect(rig.reconciler.view('a')).toMatchObject({ state: 'READY', inFlight: 1 });
    await rig.clock.advance(7000);
    expect(rig.reconciler.view('a').state).toBe('UNLOADED');
  });

  test('ten requests a minute keep it loaded beyond the idle time', async () => {
    const rig = reconcilerWith([specOf('a', { idle_timeout: 5 })], { stopAtOnce: true });
    (await bringUp(rig, 'a'))();
    rig.reconciler.reportUsage('r1', 'a', { requests: 10, inFlight: 0 });
    await rig.clock.advance(58_000);
    expect(rig.reconciler.view('a').state).toBe('READY');
    await rig.clock.advance(6000);
    expect(rig.reconciler.view('a').state).toBe('UNLOADED');
  });
});

describe('a replica that fails', () => {
  test('is started again after a backoff that grows, and the module says why meanwhile', async () => {
    const rig = reconcilerWith([specOf('a', { scaling: { min_replicas: 1 } })]);
    for (const delayMs of [500, 1000, 2000]) {
      rig.driver.live('a')[0]!.crash('no such model');
      await rig.clock.advance(0);
      expect(rig.reconciler.view('a')).toMatchObject({ state: 'FAILED', reason: 'no such model' });
      expect(rig.reconciler.view('a').replicas[0]?.state).toBe('BACKOFF');
      expect(rig.reconciler.retryInMs('a')).toBe(delayMs);
      await rig.clock.advance(delayMs - 1);
      expect(rig.driver.live('a')).toHaveLength(0);
      await rig.clock.advance(1);
      expect(rig.driver.live('a')).toHaveLength(1);
      expect(rig.reconciler.view('a').state).toBe('LOADING');
    }
    expect(rig.reconciler.view('a').replicas).toMatchObject([{ restarts: 3 }]);
  });

  test('does not evade its backoff by being unloaded and wanted again', async () => {
    const rig = reconcilerWith([specOf('a')]);
    rig.reconciler.addWaiter('a')();
    rig.driver.runs[0]!.crash();
    await rig.clock.advance(0);
    rig.reconciler.unload('a', false);
    rig.reconciler.addWaiter('a');
    expect(rig.driver.runs).toHaveLength(1);
    expect(rig.reconciler.view('a').state).toBe('FAILED');
    await rig.clock.advance(500);
    expect(rig.driver.runs).toHaveLength(2);
  });

  test('beside a ready one degrades the module', async () => {
    const rig = reconcilerWith([specOf('a', { scaling: { min_replicas: 2, max_replicas: 2 } })]);
    for (const run of rig.driver.live('a')) run.ready();
    await rig.clock.advance(0);
    rig.driver.runs[0]!.unhealthy('it hangs');
    await rig.clock.advance(0);
    expect(rig.reconciler.view('a')).toMatchObject({ state: 'DEGRADED', reason: 'it hangs' });
  });
});

describe('dependencies', () => {
  const specs = [specOf('app', { dependencies: ['base'] }), specOf('base')];

  test('start first; the module follows once they are ready', async () => {
    const { clock, driver, reconciler } = reconcilerWith(specs);
    reconciler.addWaiter('app');
    expect(driver.runs.map(({ order }) => order.spec.module_id)).toEqual(['base']);
    expect(reconciler.view('app')).toMatchObject({ state: 'LOADING', reason: 'waits for base' });
    driver.runs[0]!.ready();
    await clock.advance(0);
    expect(driver.runs.map(({ order }) => order.spec.module_id)).toEqual(['base', 'app']);
  });

  test('that fail make the module fail, with their reason', async () => {
    const { clock, driver, reconciler } = reconcilerWith(specs);
    reconciler.addWaiter('app');
    driver.runs[0]!.crash('no memory');
    await clock.advance(0);
    expect(reconciler.view('app')).toMatchObject({ state: 'FAILED', reason: 'it needs base: no memory' });
  });

  test('may not be unloaded while a loaded module uses them, unless forced', async () => {
    const rig = reconcilerWith(specs, { stopAtOnce: true });
    rig.reconciler.addWaiter('app');
    rig.driver.runs[0]!.ready();
    await rig.clock.advance(0);
    expect(() => rig.reconciler.unload('base', false)).toThrow(
      expect.objectContaining({ reason: 'DEPENDENCY_IN_USE', metadata: { module: 'base', users: 'app' } }),
    );
    rig.reconciler.unload('base', true);
    await rig.clock.advance(0);
    expect(rig.reconciler.view('base')).toMatchObject({ state: 'UNLOADED', reason: 'unloaded by hand' });
  });

  test('stop after their users when the loader closes', async () => {
    const rig = reconcilerWith(specs);
    rig.reconciler.addWaiter('app');
    rig.driver.runs[0]!.ready();
    await rig.clock.advance(0);
    rig.driver.runs[1]!.ready();
    await rig.clock.advance(0);
    const closed = rig.reconciler.close();
    await rig.clock.advance(0);
    expect(rig.driver.runs.map(({ stopped }) => stopped?.quietMs)).toEqual([undefined, 0]);
    rig.driver.runs[1]!.finishStop();
    await rig.clock.advance(0);
    expect(rig.driver.runs[0]!.stopped).toBeDefined();
    rig.driver.runs[0]!.finishStop();
    await closed;
    await rig.clock.advance(60_000);
    expect(rig.driver.runs).toHaveLength(2);
  });
});

describe('orders by hand', () => {
  test('load pins replicas, unload takes them away for good', async () => {
    const rig = reconcilerWith([specOf('a', { scaling: { min_replicas: 1, max_replicas: 3 } })], { stopAtOnce: true });
    expect(rig.reconciler.load('a', 3).desiredReplicas).toBe(3);
    expect(rig.driver.live('a')).toHaveLength(3);
    expect(() => rig.reconciler.load('a', 4)).toThrow(expect.objectContaining({ reason: 'INVALID_FIELD' }));
    rig.reconciler.unload('a', false);
    await rig.clock.advance(60_000);
    expect(rig.driver.live('a')).toHaveLength(0);
    rig.reconciler.addWaiter('a');
    expect(rig.driver.live('a')).toHaveLength(1);
  });

  test('name modules that there are', () => {
    const { reconciler } = reconcilerWith([]);
    for (const order of [
      () => reconciler.load('x', 1),
      () => reconciler.unload('x', true),
      () => reconciler.addWaiter('x'),
      () => reconciler.view('x'),
    ]) {
      expect(order).toThrow(expect.objectContaining({ reason: 'MODULE_UNKNOWN' }));
    }
  });
});

describe('a changed configuration', () => {
  const running = async (): Promise<Rig> => {
    const rig = reconcilerWith([specOf('a', { scaling: { min_replicas: 1 } })]);
    rig.driver.runs[0]!.ready();
    await rig.clock.advance(0);
    return rig;
  };

  test('rolls a module: the new replica is ready before the old one drains', async () => {
    const rig = await running();
    const changed = specOf('a', { scaling: { min_replicas: 1 }, concurrency: { max_in_flight: 9 } });
    rig.reconciler.configure([changed], SETTINGS);
    expect(rig.driver.live('a')).toHaveLength(2);
    expect(rig.driver.runs[0]!.stopped).toBeUndefined();
    rig.driver.runs[1]!.ready();
    await rig.clock.advance(0);
    expect(rig.driver.runs[0]!.stopped).toBeDefined();
    expect(rig.driver.runs[1]!.stopped).toBeUndefined();
  });

  test('that no replica sees restarts nothing, but is shown', async () => {
    const rig = await running();
    const before = rig.reconciler.view('a').specVersion;
    rig.reconciler.configure([specOf('a', { scaling: { min_replicas: 1 }, price: { per_request: 2 } })], SETTINGS);
    await rig.clock.advance(5000);
    expect(rig.driver.orders()).toBe(1);
    expect(rig.reconciler.view('a').specVersion).not.toBe(before);
  });

  test('without the module drains it and forgets it', async () => {
    const rig = await running();
    rig.reconciler.configure([], SETTINGS);
    expect(rig.reconciler.view('a')).toMatchObject({ state: 'UNLOADING', reason: 'no longer configured' });
    rig.driver.runs[0]!.finishStop();
    await rig.clock.advance(500);
    expect(rig.reconciler.board.current().size).toBe(0);
  });
});

/** What may happen to a system, as numbers that pick a module or a run. */
const event = fc.record({
  kind: fc.constantFrom(
    'wait',
    'leave',
    'ready',
    'busy',
    'crash',
    'unhealthy',
    'stopped',
    'load',
    'unload',
    'time',
    'config',
  ),
  pick: fc.nat(9),
});

test('after any events, a second round gives no further order; and nothing idle-stops with queries in flight', async () => {
  const variants = [
    [specOf('a', { dependencies: ['b'] }), specOf('b'), specOf('c', { scaling: { min_replicas: 2, max_replicas: 3 } })],
    [specOf('a'), specOf('b', { concurrency: { max_in_flight: 7 } })],
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 30 }), async (events) => {
      const rig = reconcilerWith(variants[0]!);
      const { clock, driver, reconciler } = rig;
      const leaves: (() => void)[] = [];
      const at = <Item>(items: readonly Item[], pick: number): Item | undefined =>
        items[pick % Math.max(1, items.length)];
      for (const { kind, pick } of events) {
        const id = at([...reconciler.board.current().keys()], pick) ?? 'a';
        const run = at(driver.runs, pick);
        if (kind === 'wait' && reconciler.view(id).waiting < SETTINGS.maxWaiting) leaves.push(reconciler.addWaiter(id));
        if (kind === 'leave') leaves.pop()?.();
        if (kind === 'ready') run?.ready();
        if (kind === 'busy') run?.ready({ inFlight: 1 });
        if (kind === 'crash') run?.crash();
        if (kind === 'unhealthy') run?.unhealthy('it hangs');
        if (kind === 'stopped' && run?.stopped !== undefined) run.finishStop();
        if (kind === 'load') reconciler.load(id, 1);
        if (kind === 'unload') reconciler.unload(id, true);
        if (kind === 'time') await clock.advance([100, 1000, 31_000, 301_000][pick % 4]!);
        if (kind === 'config') reconciler.configure(variants[pick % 2]!, SETTINGS);
        await clock.advance(0);
        reconciler.reconcile();
        const orders = driver.orders();
        const revision = reconciler.board.current();
        reconciler.reconcile();
        expect(driver.orders()).toBe(orders);
        expect(reconciler.board.current()).toBe(revision);
        for (const view of reconciler.board.current().values()) {
          if (view.reason === 'idle') expect(view.inFlight + view.waiting - drainingInFlight(view)).toBe(0);
          expect(view.replicas.length).toBeLessThanOrEqual(view.spec.scaling.max_replicas + 1);
        }
      }
      await closeRig(rig);
    }),
    { numRuns: 60 },
  );
});

/** Queries that finish during a drain do not count against it. */
function drainingInFlight(view: ReturnType<Rig['reconciler']['view']>): number {
  return view.replicas.filter(({ state }) => state === 'DRAINING').reduce((sum, { inFlight }) => sum + inFlight, 0);
}

async function closeRig({ clock, driver, reconciler }: Rig): Promise<void> {
  const closed = reconciler.close();
  for (let level = 0; level < 3; level += 1) {
    for (const run of driver.runs) if (run.stopped !== undefined) run.finishStop();
    await clock.advance(0);
  }
  await closed;
}
