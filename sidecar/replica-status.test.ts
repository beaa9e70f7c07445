import { describe, expect, test } from '@jest/globals';
import { createManualClock } from '../core/clock.ts';
import { createReplicaStatus } from './replica-status.ts';
import type { StatusView } from './replica-status.ts';

function setup() {
  const clock = createManualClock();
  const counts = { inFlight: 0, queued: 0, completedTotal: 0 };
  const status = createReplicaStatus({ clock, counts: () => ({ ...counts }) });
  const seen: StatusView[] = [];
  const leave = new AbortController();
  const watching = (async () => {
    for await (const view of status.watch(leave.signal)) seen.push(view);
  })();
  return { clock, counts, status, seen, leave, watching };
}

describe('replica status', () => {
  test('a watcher hears the present state, and each change of phase at once', async () => {
    const { clock, status, seen } = setup();
    await clock.advance(0);
    status.setHealth('READY', '');
    await clock.advance(0);
    status.setHealth('UNHEALTHY', 'refused');
    await clock.advance(0);
    expect(seen.map(({ phase, reason }) => [phase, reason])).toEqual([
      ['STARTING', 'the workload is starting'],
      ['READY', ''],
      ['UNHEALTHY', 'refused'],
    ]);
  });

  test('changes of the counts are gathered for 200 ms', async () => {
    const { clock, counts, status, seen } = setup();
    await clock.advance(0);
    for (let i = 1; i <= 50; i++) {
      counts.inFlight = i;
      status.countsChanged();
    }
    await clock.advance(199);
    expect(seen).toHaveLength(1);
    await clock.advance(1);
    expect(seen.map(({ inFlight }) => inFlight)).toEqual([0, 50]);
    await clock.advance(700);
    expect(seen).toHaveLength(2);
    // Each second there is a sign of life, whether anything has changed or not.
    await clock.advance(1000);
    expect(seen).toHaveLength(3);
  });

  test('draining is for good', async () => {
    const { clock, status, seen } = setup();
    status.setDraining();
    status.setHealth('READY', '');
    await clock.advance(0);
    expect(status.phase).toBe('DRAINING');
    expect(seen.at(-1)?.phase).toBe('DRAINING');
  });

  test.each(['the watcher leaves', 'the status closes'])('a watch ends when %s', async (who) => {
    const { clock, status, leave, watching } = setup();
    await clock.advance(0);
    if (who === 'the watcher leaves') leave.abort();
    else status.close();
    await watching;
  });
});
