import { describe, expect, test } from '@jest/globals';
import { createManualClock } from '../core/clock.ts';
import { FrontierError } from '../core/errors.ts';
import { silentLogger } from '../core/logging.ts';
import type { Adapter } from './adapters/adapter.ts';
import { createReplicaStatus } from './replica-status.ts';
import { nextHealth, startWorkloadHealth } from './workload-health.ts';
import type { CheckResult, Health } from './workload-health.ts';

const FAILED: CheckResult = { reason: 'refused', timedOut: false };
const LATE: CheckResult = { reason: 'too long', timedOut: true };

describe('nextHealth', () => {
  test.each<[string, Health, CheckResult[], Health['phase']]>([
    ['starts until the first success', { phase: 'STARTING' }, [FAILED, LATE, FAILED], 'STARTING'],
    ['is ready at the first success', { phase: 'STARTING' }, [FAILED, 'ok'], 'READY'],
    ['is unhealthy at the first plain failure', { phase: 'READY', timeouts: 0 }, [FAILED], 'UNHEALTHY'],
    ['may miss two checks', { phase: 'READY', timeouts: 0 }, [LATE, LATE], 'READY'],
    ['may not miss three', { phase: 'READY', timeouts: 0 }, [LATE, LATE, LATE], 'UNHEALTHY'],
    ['starts to count again after a success', { phase: 'READY', timeouts: 0 }, [LATE, LATE, 'ok', LATE], 'READY'],
    ['comes back at the first success', { phase: 'UNHEALTHY', reason: 'x' }, [FAILED, 'ok'], 'READY'],
  ])('%s', (_name, from, results, phase) => {
    expect(results.reduce(nextHealth, from).phase).toBe(phase);
  });
});

describe('workload health', () => {
  function start(check: (signal: AbortSignal) => Promise<void>) {
    const clock = createManualClock();
    const status = createReplicaStatus({ clock, counts: () => ({ inFlight: 0, queued: 0, completedTotal: 0 }) });
    const phases: string[] = [];
    const adapter = {
      health: check,
      describe: () => Promise.resolve({ name: '', batching: false, streaming: true }),
    } as Partial<Adapter> as Adapter;
    const health = startWorkloadHealth({
      adapter,
      status,
      clock,
      log: silentLogger,
      intervalMs: 2000,
      readinessMs: 10_000,
      onChange: (phase) => phases.push(phase),
    });
    return { clock, status, phases, health };
  }

  test('a workload that comes up is ready within a twentieth of a second, then checked at the interval', async () => {
    let up = false;
    let checks = 0;
    const { clock, phases, health } = start(() => {
      checks++;
      return up ? Promise.resolve() : Promise.reject(new FrontierError('MODULE_UNAVAILABLE', 'refused'));
    });
    await clock.advance(500);
    expect(phases).toEqual([]);
    up = true;
    await clock.advance(50);
    await health.ready;
    expect(phases).toEqual(['READY']);
    checks = 0;
    await clock.advance(6000);
    expect(checks).toBe(3);
    up = false;
    await clock.advance(2000);
    expect(phases).toEqual(['READY', 'UNHEALTHY']);
    health.close();
  });

  test('one that never comes up is given up at the readiness limit, with the last reason', async () => {
    const { clock, health } = start(() => Promise.reject(new FrontierError('MODULE_UNAVAILABLE', 'port closed')));
    await clock.advance(10_000);
    await expect(health.ready).rejects.toMatchObject({
      reason: 'NOT_READY',
      message: 'the workload was not ready within 10 s: port closed',
    });
    health.close();
  });

  test('a check that hangs is given up and counts as missed', async () => {
    let hang = false;
    const { clock, phases, health } = start((signal) => (hang ? untilAborted(signal) : Promise.resolve()));
    await clock.advance(0);
    hang = true;
    // Each check begins 2 s after the last has ended and may take 2 s.
    await clock.advance(11_999);
    expect(phases).toEqual(['READY']);
    await clock.advance(1);
    expect(phases).toEqual(['READY', 'UNHEALTHY']);
    health.close();
  });
});

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
}
