import type { QueryClass } from '../../core/config/schema.ts';
import type { CalibrationBook } from '../calibration/calibration-book.ts';
import { thresholdOf, type ModuleStatus } from '../decide/module-status.ts';
import type { JudgePriors } from '../domain/answer.ts';

/** History that is assumed of a module of whose answers nothing is known. */
const NEUTRAL_HISTORY = 0.5;

/** Gives what the judge is to know of a module's answers to a class. */
export function priorsFor(
  status: ModuleStatus | undefined,
  queryClass: QueryClass,
  calibration: CalibrationBook,
): JudgePriors {
  const history = status?.history.get(queryClass);
  return {
    queryClass,
    history: history?.confidence ?? NEUTRAL_HISTORY,
    historyCount: history?.count ?? 0,
    threshold: status === undefined ? 0 : thresholdOf(status, queryClass),
    calibration: status === undefined ? [] : calibration.mapFor(status.spec.module_id, queryClass),
  };
}
