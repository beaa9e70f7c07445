/** One point of a calibration map: a raw score and what it has turned out to be worth, both from 0 to 1. */
export interface CalibrationPoint {
  readonly raw: number;
  readonly calibrated: number;
}

/**
 * Maps a raw score through the straight lines between the points; beyond the ends the nearest point's value holds.
 * Never falls as `raw` rises, given points that rise. With no points it gives `raw` itself.
 */
export function calibrate(raw: number, points: readonly CalibrationPoint[]): number {
  let below: CalibrationPoint | undefined;
  for (const point of points) {
    if (raw < point.raw) return below === undefined ? point.calibrated : between(raw, below, point);
    below = point;
  }
  return below === undefined ? raw : below.calibrated;
}

/** `below.raw <= raw < above.raw`, so that the divisor is never 0. */
function between(raw: number, below: CalibrationPoint, above: CalibrationPoint): number {
  const part = (raw - below.raw) / (above.raw - below.raw);
  // In this form rounding cannot leave the range between the two values.
  return Math.min(above.calibrated, below.calibrated + part * (above.calibrated - below.calibrated));
}

/** Tells whether points form a map that never falls, with every value from 0 to 1. */
export function isRising(points: readonly CalibrationPoint[]): boolean {
  let raw = 0;
  let calibrated = 0;
  for (const point of points) {
    // Written so that NaN fails too.
    if (!(point.raw >= raw && point.raw <= 1 && point.calibrated >= calibrated && point.calibrated <= 1)) return false;
    raw = point.raw;
    calibrated = point.calibrated;
  }
  return true;
}
