import { expect, test } from '@jest/globals';

import { createManualClock } from '../clock.ts';
import { silentLogger } from '../logging.ts';
import { createSeededRng } from '../rng.ts';
import { DEFAULT_BACKOFF } from './restart-backoff.ts';
import type { ProcessExit, SupervisedProcess } from './supervised-process.ts';
import { superviseProcess, type ProcessSupervisor } from './supervisor.ts';

interface FakeProcess extends SupervisedProcess {
  end(exit: ProcessExit): void;
}

function fakeProcess(): FakeProcess {
  const { promise: exited, resolve } = Promise.withResolvers<ProcessExit>();
  return {
    name: 'fake',
    pid: 1,
    ready: Promise.resolve({ grpc: 1 }),
    exited,
    stderrTail: () => [],
    end: resolve,
    stop: () => {
      resolve({ code: 0, signal: null });
      return Promise.resolve();
    },
  };
}

const crash: ProcessExit = { code: 1, signal: null };
const backoff = { ...DEFAULT_BACKOFF, jitterFraction: 0 };

function supervised(): {
  clock: ReturnType<typeof createManualClock>;
  made: FakeProcess[];
  delays: number[];
  supervisor: ProcessSupervisor;
} {
  const clock = createManualClock();
  const made: FakeProcess[] = [];
  const delays: number[] = [];
  const supervisor = superviseProcess({
    name: 'fake',
    clock,
    rng: createSeededRng(1),
    log: silentLogger,
    backoff,
    start: () => {
      const child = fakeProcess();
      made.push(child);
      return child;
    },
    onExit: (_exit, _child, restartInMs) => delays.push(restartInMs),
  });
  return { clock, made, delays, supervisor };
}

test('starts again after each exit, waiting longer each time', async () => {
  const { clock, made, delays, supervisor } = supervised();
  for (let crashes = 1; crashes <= 4; crashes += 1) {
    made.at(-1)!.end(crash);
    await clock.advance(0);
    expect(supervisor.current()).toBeUndefined();
    await clock.advance(delays.at(-1)! - 1);
    expect(made).toHaveLength(crashes);
    await clock.advance(1);
    expect(made).toHaveLength(crashes + 1);
  }
  expect(delays).toEqual([500, 1000, 2000, 4000]);
  expect(supervisor.restarts()).toBe(4);
  await supervisor.stop(0);
});

test('starts what has run for a stable time again at once, and forgets its failures', async () => {
  const { clock, made, delays, supervisor } = supervised();
  made[0]!.end(crash);
  await clock.advance(500);
  made[1]!.end(crash);
  await clock.advance(1000);
  await clock.advance(backoff.stableMs);
  made[2]!.end(crash);
  await clock.advance(0);
  expect(delays).toEqual([500, 1000, 0]);
  await clock.advance(0);
  expect(made).toHaveLength(4);
  made[3]!.end(crash);
  await clock.advance(0);
  expect(delays.at(-1)).toBe(1000);
  await supervisor.stop(0);
});

test('ends what it was about to start when it was told to stop', async () => {
  const prepared = Promise.withResolvers<undefined>();
  const child = fakeProcess();
  const supervisor = superviseProcess({
    name: 'fake',
    clock: createManualClock(),
    rng: createSeededRng(1),
    log: silentLogger,
    start: async () => {
      await prepared.promise;
      return child;
    },
  });
  const stopped = supervisor.stop(0);
  prepared.resolve(undefined);
  await stopped;
  await expect(child.exited).resolves.toEqual({ code: 0, signal: null });
});

test('does not start again once stopped, neither while running nor while waiting', async () => {
  const running = supervised();
  await running.supervisor.stop(0);
  await running.clock.advance(120_000);
  expect(running.made).toHaveLength(1);
  expect(running.delays).toEqual([]);

  const waiting = supervised();
  waiting.made[0]!.end(crash);
  await waiting.clock.advance(0);
  await waiting.supervisor.stop(0);
  await waiting.clock.advance(120_000);
  expect(waiting.made).toHaveLength(1);
});
