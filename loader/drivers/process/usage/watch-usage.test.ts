import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';

import { createManualClock, type ManualClock } from '../../../../core/clock.ts';
import type { ReplicaUsage } from '../../../../core/modules/module-view.ts';
import { createGpuMonitor, type GpuMonitor } from './gpu-monitor.ts';
import { hasChanged, watchUsage } from './watch-usage.ts';

let folder: string;
let clock: ManualClock;
let gpus: GpuMonitor;
const MIB = 2 ** 20;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'frontier-smi-'));
  clock = createManualClock();
  gpus = createGpuMonitor({ clock, environment: { PATH: `${folder}:${process.env['PATH'] ?? ''}` } });
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Puts a program on the path that answers as nvidia-smi does, and notes how often it was asked. */
function installSmi(script: string): void {
  const file = join(folder, 'nvidia-smi');
  writeFileSync(file, `#!/bin/sh\necho "$1" >> '${folder}/asked'\n${script}\n`);
  chmodSync(file, 0o755);
}
const asked = (): number =>
  existsSync(join(folder, 'asked')) ? readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n').length : 0;

const ANSWERS = `case "$1" in
  --query-gpu*) echo "GPU-a, 1000, 980, 42";;
  *) echo "${process.pid}, GPU-a, 700";;
esac`;

/** Lets real programs answer until something is so; the clock stands still meanwhile. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('the GPUs of this machine', () => {
  it('are read seldom, however often they are asked for', async () => {
    installSmi(ANSWERS);
    for (let ask = 0; ask < 50; ask += 1) expect(gpus.read()).toBeUndefined();
    await until(() => gpus.read() !== undefined);
    for (let ask = 0; ask < 50; ask += 1) gpus.read();
    expect(asked()).toBe(2);
    expect(gpus.read()?.devices).toMatchObject([{ usedBytes: 980 * MIB, utilization: 0.42 }]);
    await clock.advance(6_000);
    gpus.read();
    await until(() => asked() === 4);
  });

  it.each([
    ['fails', 'echo "NVIDIA-SMI has failed: no driver" >&2; exit 9'],
    ['ends without a word', 'exit 0'],
  ])('are unknown where nvidia-smi %s', async (_name, script) => {
    installSmi(script);
    gpus.read();
    await until(() => asked() > 0);
    expect(gpus.read()?.devices ?? []).toEqual([]);
  });

  it('are unknown, and nothing piles up, while it hangs', async () => {
    installSmi('exec sleep 60');
    for (let ask = 0; ask < 20; ask += 1) {
      expect(gpus.read()).toBeUndefined();
      await clock.advance(1_000);
    }
    await until(() => asked() === 1);
  });

  it('are unknown where it is not installed', async () => {
    gpus = createGpuMonitor({ clock, environment: { PATH: folder } });
    expect(gpus.read()).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(gpus.read()).toBeUndefined();
  });

  it('are forgotten when they have not been heard of for long', async () => {
    installSmi(ANSWERS);
    await until(() => gpus.read() !== undefined);
    installSmi('exit 1');
    await clock.advance(30_000);
    expect(gpus.read()).toBeUndefined();
  });
});

test('what a process uses is told with its GPUs, until nobody wants to know', async () => {
  installSmi(ANSWERS);
  await until(() => gpus.read() !== undefined);
  const told: ReplicaUsage[] = [];
  const stop = new AbortController();
  watchUsage({ pid: process.pid, clock, gpus, onUsage: (usage) => told.push(usage), signal: stop.signal });
  await clock.advance(2_000);
  expect(told[0]).toMatchObject({ cpuCores: undefined, gpu: { memoryBytes: 700 * MIB, usedFraction: 0.98 } });
  expect(told[0]?.memoryBytes).toBeGreaterThan(10 * MIB);
  await clock.advance(2_000);
  expect(told.at(-1)?.cpuCores).toBeGreaterThanOrEqual(0);
  stop.abort();
  const count = told.length;
  await clock.advance(20_000);
  expect(told).toHaveLength(count);
});

test('only what changes by more than a little is told', () => {
  const usage: ReplicaUsage = { memoryBytes: 1_000_000, cpuCores: 1 };
  expect(hasChanged(usage, usage)).toBe(false);
  expect(hasChanged(usage, { memoryBytes: 1_010_000, cpuCores: 1.04 })).toBe(false);
  expect(hasChanged(usage, { ...usage, memoryBytes: 1_030_000 })).toBe(true);
  expect(hasChanged(usage, { ...usage, cpuCores: 1.06 })).toBe(true);
  expect(hasChanged({}, usage)).toBe(true);
  const gpu = { memoryBytes: 1, deviceMemoryBytes: 2, usedFraction: 0.5, utilization: 0.5 };
  expect(hasChanged(usage, { ...usage, gpu })).toBe(true);
  expect(hasChanged({ ...usage, gpu }, { ...usage, gpu: { ...gpu, usedFraction: 0.98 } })).toBe(true);
});
