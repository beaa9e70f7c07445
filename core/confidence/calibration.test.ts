import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { calibrate, isRising } from './calibration.ts';

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const rising = fc.array(fc.tuple(unit, unit), { maxLength: 8 }).map((pairs) => {
  const sort = (values: number[]): number[] => values.sort((a, b) => a - b);
  const raws = sort(pairs.map(([raw]) => raw));
  const values = sort(pairs.map(([, value]) => value));
  return raws.map((raw, index) => ({ raw, calibrated: values[index] ?? 0 }));
});

describe('calibrate', () => {
  test('no points change nothing', () => {
    expect(calibrate(0.37, [])).toBe(0.37);
  });

  test.each([
    [0, 0.1],
    [0.2, 0.1],
    [0.4, 0.3],
    [0.6, 0.5],
    [1, 0.5],
  ])('%d becomes %d on the lines between the points and level beyond them', (raw, expected) => {
    const points = [
      { raw: 0.2, calibrated: 0.1 },
      { raw: 0.6, calibrated: 0.5 },
    ];
    expect(calibrate(raw, points)).toBeCloseTo(expected, 12);
  });

  test('a step in the map is taken at its upper value', () => {
    const step = [
      { raw: 0.5, calibrated: 0.2 },
      { raw: 0.5, calibrated: 0.8 },
    ];
    expect([calibrate(0.49, step), calibrate(0.5, step)]).toEqual([0.2, 0.8]);
  });

  test('never falls and stays from 0 to 1', () => {
    fc.assert(
      fc.property(rising, unit, unit, (points, a, b) => {
        const low = calibrate(Math.min(a, b), points);
        const high = calibrate(Math.max(a, b), points);
        expect(high).toBeGreaterThanOrEqual(low - 1e-12);
        expect(low >= 0 && high <= 1).toBe(true);
      }),
    );
  });
});

describe('isRising', () => {
  test('every rising map passes', () => {
    fc.assert(
      fc.property(rising, (points) => {
        expect(isRising(points)).toBe(true);
      }),
    );
  });

  test.each([
    [
      'falling values',
      [
        { raw: 0, calibrated: 0.5 },
        { raw: 1, calibrated: 0.4 },
      ],
    ],
    [
      'falling scores',
      [
        { raw: 0.5, calibrated: 0 },
        { raw: 0.4, calibrated: 1 },
      ],
    ],
    ['a value beyond 1', [{ raw: 0.5, calibrated: 1.1 }]],
    ['a score below 0', [{ raw: -0.1, calibrated: 0 }]],
    ['no number', [{ raw: NaN, calibrated: 0.5 }]],
  ])('%s is refused', (_name, points) => {
    expect(isRising(points)).toBe(false);
  });
});
