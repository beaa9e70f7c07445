import { describe, expect, it } from '@jest/globals';
import { memoryTrend } from './memory.ts';
import type { Sent } from './open-loop.ts';
import { SOAK_FAULTS } from './random-faults.ts';
import { errorRows, isGood, summaryOf } from './report.ts';

const MIB = 1024 * 1024;
const every5s = (bytes: (at: number) => number) =>
  Array.from({ length: 90 }, (_, at) => ({ atMs: at * 5_000, bytes: bytes(at) * MIB }));

describe('the memory of a process', () => {
  it('is flat when it saws, and grows when it leaks', () => {
    expect(memoryTrend(every5s((at) => 150 + (at % 40) * 3))).toMatchObject({ isFlat: true });
    const leaking = memoryTrend(every5s((at) => 150 + at));
    expect(leaking).toMatchObject({ isFlat: false });
    expect(leaking?.slopePerHour).toBeCloseTo(720 * MIB);
    expect(memoryTrend(every5s(() => 1).slice(0, 3))).toBeUndefined();
  });
});

const sent = (verdict: Sent['verdict'], detail = ''): Sent => ({
  verdict,
  detail,
  words: detail,
  ms: 5,
  tried: [],
  form: 'http',
  fault: 'stall',
});
const of = (good: number, bad: readonly Sent[], bytes: (at: number) => number = () => 100) =>
  summaryOf(
    [...Array.from({ length: good }, () => sent('good')), ...bad],
    [{ role: 'router', pid: 1, samples: [], trend: memoryTrend(every5s(bytes)) }],
    { seconds: 1, faults: 1 },
  );

describe('a soak', () => {
  it('is good with one error in a thousand, and with nothing worse', () => {
    expect(isGood(of(999, [sent('error')]))).toBe(true);
    expect(isGood(of(998, [sent('error'), sent('error')]))).toBe(false);
    expect(isGood(of(5_000, [sent('hang')]))).toBe(false);
    expect(isGood(of(5_000, [sent('wrong')]))).toBe(false);
    expect(isGood(of(5_000, [], (at) => 100 + at))).toBe(false);
    expect(isGood(of(0, []))).toBe(false);
  });

  it('tells what went wrong, how often and when', () => {
    expect(errorRows([sent('good'), sent('error', 'OVERLOADED'), sent('error', 'OVERLOADED')])).toEqual([
      ['2', 'error: OVERLOADED', 'stall (http)', 'OVERLOADED'],
    ]);
  });

  it('takes nobody away who is needed', () => {
    const names = SOAK_FAULTS.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['stall', 'killed', 'sidecar_killed', 'control_plane_killed']));
    expect(names).not.toContain('all_down');
    expect(names).not.toContain('router_killed');
  });
});
