import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';

import { gpuUsageOf, parseDevices, parseProcesses } from './nvidia-smi-output.ts';

const MIB = 2 ** 20;
const DEVICES = parseDevices('GPU-a, 24576, 24000, 97\nGPU-b, 24576, 12288, 10\nGPU-c, 8192, 8192, 100\n');

describe('what nvidia-smi says', () => {
  test('of devices', () => {
    expect(DEVICES[0]).toEqual({ uuid: 'GPU-a', totalBytes: 24576 * MIB, usedBytes: 24000 * MIB, utilization: 0.97 });
    expect(DEVICES).toHaveLength(3);
  });

  test.each([
    ['GPU-a, 24576, 100, [N/A]', [{ uuid: 'GPU-a', totalBytes: 24576 * MIB, usedBytes: 100 * MIB }]],
    ['GPU-a, [N/A], [N/A], 10', []],
    ['GPU-a, 0, 0, 10', []],
    ['No devices were found', []],
    ['', []],
  ])('of a device that tells not everything: %s', (csv, devices) => {
    expect(parseDevices(csv)).toMatchObject(devices);
    expect(parseDevices(csv)).toHaveLength(devices.length);
  });

  test('of processes', () => {
    const csv = '4242, GPU-a, 9000\n4243, GPU-a, [Not Supported]\nNo running processes found\n\n[N/A], GPU-a, 1\n';
    expect(parseProcesses(csv)).toEqual([
      { pid: 4242, uuid: 'GPU-a', usedBytes: 9000 * MIB },
      { pid: 4243, uuid: 'GPU-a', usedBytes: undefined },
    ]);
  });

  test('may be anything', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('1', ',', ' ', '\n', '[', 'N', '.', '-', 'é') }), (text) => {
        for (const { totalBytes, usedBytes, utilization = 0 } of parseDevices(text))
          expect([totalBytes, usedBytes, utilization].every((value) => value >= 0)).toBe(true);
        for (const { pid, usedBytes = 0 } of parseProcesses(text)) expect(pid >= 0 && usedBytes >= 0).toBe(true);
      }),
    );
  });
});

describe('what a workload takes of its GPUs', () => {
  const usage = (csv: string, ...pids: number[]) =>
    gpuUsageOf(pids, { devices: DEVICES, processes: parseProcesses(csv) });

  it('is counted over its processes and devices, the fullest and the busiest one telling', () => {
    expect(usage('1, GPU-a, 9000\n2, GPU-b, 3000\n9, GPU-c, 8000', 1, 2)).toEqual({
      memoryBytes: 12000 * MIB,
      deviceMemoryBytes: 2 * 24576 * MIB,
      usedFraction: 24000 / 24576,
      utilization: 0.97,
    });
  });

  it('is known in part where the driver does not tell of processes', () => {
    expect(usage('1, GPU-b, [N/A]', 1)).toMatchObject({ memoryBytes: undefined, usedFraction: 0.5 });
  });

  it('is nothing for one that uses none, and for devices that are not known', () => {
    expect(usage('9, GPU-a, 100', 1)).toBeUndefined();
    expect(usage('1, GPU-x, 100', 1)).toBeUndefined();
  });
});
