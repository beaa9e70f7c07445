import type { QueryClass } from '../../core/config/schema.ts';
import type { ModuleStatus } from '../decide/module-status.ts';
import type { PlanStep } from '../decide/plan.ts';

/** A step with what is known of its module. */
export interface KnownStep {
  readonly step: PlanStep;
  readonly status: ModuleStatus | undefined;
}

/** Outcomes from which a module's latency and success count. */
const MIN_OUTCOMES = 10;
/** Latency that is assumed of a module of which none is known, in milliseconds. */
const USUAL_MS = 1_000;
/** Share of accepted answers that is assumed at the least, so that no price is without bound. */
const LEAST_SUCCESS = 0.05;

/** Gives the ready modules that serve the class themselves and are not held off: those among which load is shared. */
export function servingSteps(steps: readonly KnownStep[], queryClass: QueryClass): readonly KnownStep[] {
  return steps.filter(
    ({ step, status }) =>
      step.ready && step.heldOff !== true && status?.spec.query_classes.includes(queryClass) === true,
  );
}

/** Weight by performance: accepted answers a second, of those that are good. */
export function weightOf({ step, status }: KnownStep, queryClass: QueryClass): number {
  const history = status?.history.get(queryClass);
  if (history === undefined || history.count < MIN_OUTCOMES) return step.score;
  // The root keeps a module that is ten times as fast from taking all there is.
  return step.score / Math.sqrt(Math.max(history.latencyMs, 1) / USUAL_MS);
}

/** Gives the steps with one put first. */
export function withFirst(steps: readonly PlanStep[], moduleId: string | undefined): readonly PlanStep[] {
  const first = steps.find((step) => step.moduleId === moduleId);
  return first === undefined ? steps : [first, ...steps.filter((step) => step !== first)];
}

/**
 * Gives the steps with those that serve the class in order of what an accepted answer is expected to take: seconds plus cost, over
 * the share that is accepted. A module of which too little is known stays where the plan has put it.
 */
export function byPrice(steps: readonly KnownStep[], queryClass: QueryClass): readonly PlanStep[] {
  const known = servingSteps(steps, queryClass).filter(
    ({ status }) => (status?.history.get(queryClass)?.count ?? 0) >= MIN_OUTCOMES,
  );
  const sorted = [...known].sort((a, b) => priceOf(a, queryClass) - priceOf(b, queryClass)).map(({ step }) => step);
  const isKnown = new Set(sorted);
  // Each place of a known module is taken by the next cheapest one.
  return steps.map(({ step }) => (isKnown.has(step) ? (sorted.shift() ?? step) : step));
}

function priceOf({ step, status }: KnownStep, queryClass: QueryClass): number {
  const history = status?.history.get(queryClass);
  if (history === undefined) return Infinity;
  return (history.latencyMs / 1000 + step.expectedCost) / Math.max(history.successRate, LEAST_SUCCESS);
}
