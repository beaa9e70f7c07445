import { expect, test } from '@jest/globals';
import { createManualClock } from '../core/clock.ts';
import { createLoadMeter } from './load-meter.ts';

test('a steady rate is reported as it is, from the start on, and fades when nothing comes', async () => {
  const clock = createManualClock(0);
  const meter = createLoadMeter({
    nowMs: () => clock.monotonicMs(),
    maxInFlight: 4,
    counts: () => ({ inFlight: 3, queued: 3 }),
  });
  const run = async (seconds: number): Promise<void> => {
    for (let tick = 0; tick < seconds * 20; tick += 1) {
      await clock.advance(50);
      meter.answered();
      if (tick % 4 === 0) meter.failed();
    }
  };
  await run(1);
  expect(meter.report().answersPerSecond).toBeGreaterThan(23);
  await run(60);
  const { utilization, answersPerSecond, errorsPerSecond } = meter.report();
  expect(utilization).toBe(1.5);
  expect(Math.round(answersPerSecond)).toBe(25);
  expect(Math.round(errorsPerSecond)).toBe(5);
  await clock.advance(60_000);
  expect(meter.report().answersPerSecond).toBeLessThan(0.1);
});
