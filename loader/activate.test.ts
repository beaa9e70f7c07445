import { expect, test } from '@jest/globals';

import { reconcilerWith, specOf, type Rig } from './testing/reconciler-rig.ts';
import { activate, type ActivationUpdate } from './activate.ts';

interface Running {
  readonly updates: ActivationUpdate[];
  readonly ended: Promise<unknown>;
  readonly abort: AbortController;
}

/** Runs an activation of `a`; `ended` gives what it threw, or undefined. */
function begin({ reconciler, clock, metrics }: Rig, timeoutMs = 60_000): Running {
  const updates: ActivationUpdate[] = [];
  const abort = new AbortController();
  const ended = (async () => {
    const options = { reconciler, clock, metrics, moduleId: 'a', timeoutMs, signal: abort.signal };
    for await (const update of activate(options)) updates.push(update);
  })().then(
    () => undefined,
    (error: unknown) => error,
  );
  return { updates, ended, abort };
}

test('tells of the progress at least every 500 ms and ends with the ready module', async () => {
  const rig = reconcilerWith([specOf('a')]);
  const { updates, ended } = begin(rig);
  await rig.clock.advance(5000);
  expect(updates.length).toBeGreaterThanOrEqual(10);
  rig.driver.runs[0]!.ready();
  await rig.clock.advance(0);
  expect(await ended).toBeUndefined();
  expect(updates.at(-1)).toMatchObject({ progress: 1, stage: 'ready' });
  expect(rig.reconciler.view('a').waiting).toBe(0);
});

test('expects the next start to take as long as the last one', async () => {
  const rig = reconcilerWith([specOf('a')], { stopAtOnce: true });
  begin(rig);
  await rig.clock.advance(4000);
  rig.driver.runs[0]!.ready();
  await rig.clock.advance(0);
  rig.reconciler.unload('a', false);
  await rig.clock.advance(500);
  const startedAtMs = rig.clock.nowMs();
  const { updates } = begin(rig);
  await rig.clock.advance(2000);
  expect(updates[0]!.expectedReadyAtMs).toBe(startedAtMs + 4000);
  expect(updates.at(-1)!.progress).toBeCloseTo(0.45, 1);
});

test('fails every waiter at once with the reason, and the next one with the time to the next try', async () => {
  const rig = reconcilerWith([specOf('a')]);
  const waiters = [begin(rig), begin(rig)];
  await rig.clock.advance(100);
  rig.driver.runs[0]!.crash('no such model');
  await rig.clock.advance(0);
  for (const { ended } of waiters) {
    expect(await ended).toMatchObject({ reason: 'ACTIVATION_FAILED', message: 'a cannot be started: no such model' });
  }
  await rig.clock.advance(200);
  expect(await begin(rig).ended).toMatchObject({ reason: 'ACTIVATION_FAILED', retryAfterMs: 300 });
});

test('ends with ACTIVATION_TIMEOUT when its time is up', async () => {
  const rig = reconcilerWith([specOf('a')]);
  const { ended } = begin(rig, 2000);
  await rig.clock.advance(2000);
  expect(await ended).toMatchObject({ reason: 'ACTIVATION_TIMEOUT' });
  expect(rig.reconciler.view('a').waiting).toBe(0);
});

test('waits no more when its caller goes, or somebody unloads the module', async () => {
  const rig = reconcilerWith([specOf('a')]);
  const gone = begin(rig);
  await rig.clock.advance(0);
  gone.abort.abort(new Error('gone'));
  expect(await gone.ended).toMatchObject({ message: 'gone' });
  expect(rig.reconciler.view('a').waiting).toBe(0);
  const unloaded = begin(rig);
  await rig.clock.advance(0);
  rig.reconciler.unload('a', false);
  await rig.clock.advance(0);
  expect(await unloaded.ended).toMatchObject({
    reason: 'ACTIVATION_FAILED',
    message: 'a cannot be started: unloaded by hand',
  });
});
