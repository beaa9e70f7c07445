import type { CalibrationBook } from '../calibration/calibration-book.ts';
import { calibrationError } from '../calibration/judgements.ts';

/** How well scores of a module's answers to a class agree with users' judgements; nothing while nothing was judged. */
export function calibrationJson(calibration: CalibrationBook, moduleId: string, queryClass: string) {
  const { count, raw, told } = calibration.judgementsOf(moduleId, queryClass);
  if (count === 0) return {};
  return {
    calibration: {
      judgements: count,
      error_before: calibrationError(raw),
      error_after: calibrationError(told),
      map: calibration.mapFor(moduleId, queryClass),
    },
  };
}
