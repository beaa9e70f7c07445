import { describe, expect, it } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import { createActivator, type ActivationProgress, type Activator } from './activation.ts';
import { createAsyncQueue } from './async-queue.ts';

const STEP: ActivationProgress = { progress: 0.5, expectedReadyAtMs: undefined, stage: 'starting' };

/** An activator whose loader does what the test says. */
function scripted(maxWaiting = 10) {
  const clock = createManualClock();
  const started: string[] = [];
  const signals: AbortSignal[] = [];
  let steps = createAsyncQueue<ActivationProgress>();
  const activator = createActivator({
    clock,
    maxWaiting,
    timeoutMs: 1_000,
    activate: (moduleId, signal) => {
      started.push(moduleId);
      signals.push(signal);
      steps = createAsyncQueue();
      signal.addEventListener('abort', () => {
        steps.end(signal.reason);
      });
      return steps;
    },
  });
  return { activator, clock, started, signals, steps: () => steps };
}

async function waitFor(activator: Activator, signal = new AbortController().signal): Promise<ActivationProgress[]> {
  const seen: ActivationProgress[] = [];
  for await (const progress of activator.wait('m', signal)) seen.push(progress);
  return seen;
}

describe('createActivator', () => {
  it('asks the loader once for all who wait, and tells each of the progress', async () => {
    const { activator, clock, started, steps } = scripted();
    const waits = [waitFor(activator), waitFor(activator)];
    await clock.advance(0);
    steps().push(STEP);
    steps().end();
    expect(await Promise.all(waits)).toEqual([[STEP], [STEP]]);
    expect(started).toEqual(['m']);
  });

  it('tells who comes later what is known already', async () => {
    const { activator, clock, steps } = scripted();
    const first = waitFor(activator);
    await clock.advance(0);
    steps().push(STEP);
    await clock.advance(0);
    const second = waitFor(activator);
    await clock.advance(0);
    steps().end();
    expect(await second).toEqual([STEP]);
    await first;
  });

  it('sheds more than may wait', async () => {
    const { activator, clock, steps } = scripted(2);
    const waits = [waitFor(activator), waitFor(activator)];
    await clock.advance(0);
    await expect(waitFor(activator)).rejects.toMatchObject({ reason: 'OVERLOADED', retryAfterMs: 1_000 });
    steps().end();
    await Promise.all(waits);
    expect(activator.waiting('m')).toBe(0);
  });

  it('gives up after the longest wait', async () => {
    const { activator, clock } = scripted();
    const wait = expect(waitFor(activator)).rejects.toMatchObject({ reason: 'ACTIVATION_TIMEOUT' });
    await clock.advance(1_000);
    await wait;
  });

  it('tells why a module could not be started, and tries anew the next time', async () => {
    const { activator, clock, started, steps } = scripted();
    const wait = expect(waitFor(activator)).rejects.toMatchObject({
      reason: 'ACTIVATION_FAILED',
      message: /exit code 3/,
    });
    await clock.advance(0);
    steps().end(new FrontierError('MODULE_FAILED', 'exit code 3'));
    await wait;
    const again = waitFor(activator);
    await clock.advance(0);
    steps().end();
    await again;
    expect(started).toEqual(['m', 'm']);
  });

  it('lets one go without the others, and stops asking when the last has gone', async () => {
    const { activator, clock, signals } = scripted();
    const stops = [new AbortController(), new AbortController()];
    const waits = stops.map((stop) =>
      expect(waitFor(activator, stop.signal)).rejects.toMatchObject({ reason: 'CANCELLED' }),
    );
    await clock.advance(0);
    stops[0]!.abort(new FrontierError('CANCELLED', 'gone'));
    await waits[0];
    expect(signals[0]!.aborted).toBe(false);
    stops[1]!.abort(new FrontierError('CANCELLED', 'gone'));
    await waits[1];
    expect(signals[0]!.aborted).toBe(true);
  });
});
