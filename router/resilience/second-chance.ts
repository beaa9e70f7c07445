import type { Reason } from '../../core/errors.ts';
import type { PlanStep } from '../decide/plan.ts';
import type { AttemptRecord } from '../domain/answer.ts';

/** Failures after which the same module may well answer: it was left early, or the way to it broke. Best hope first. */
const HOPEFUL: readonly Reason[] = ['MODULE_TIMEOUT', 'STREAM_BROKEN', 'MODULE_UNAVAILABLE', 'DRAINING', 'CANCELLED'];

/**
 * Gives the step that is worth a second attempt after every module has failed without any answer; undefined when there is
 * none. A module that was left early comes first, since then it had less time than it may take.
 */
export function secondChance(steps: readonly PlanStep[], attempts: readonly AttemptRecord[]): PlanStep | undefined {
  for (const hopeful of HOPEFUL) {
    const found = attempts.find(({ reason }) => reason === hopeful);
    const step = steps.find(({ moduleId }) => moduleId === found?.moduleId);
    if (step !== undefined) return step;
  }
  return undefined;
}

/** Tells whether one more step fits under the ceiling, with what has been spent. */
export function canAfford(
  attempts: readonly AttemptRecord[],
  expectedCost: number,
  maxCost: number | undefined,
): boolean {
  if (maxCost === undefined || attempts.length === 0) return true;
  return attempts.reduce((sum, { cost }) => sum + cost, expectedCost) <= maxCost;
}
