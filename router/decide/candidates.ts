import type { QueryClass } from '../../core/config/schema.ts';
import type { Classification } from '../classification/classifier.ts';
import type { ModuleStatus, ModuleStatuses } from './module-status.ts';

/** Score of a module of whose answers nothing is known. */
const PRIOR_SCORE = 0.5;
/** Outcomes that weigh as much as the prior. */
const PRIOR_COUNT = 5;
/** Outcomes from which a success rate says something. */
const MIN_OUTCOMES = 10;

/**
 * Score by which modules of one class are ranked, from 0 to 1: success rate times mean confidence, drawn towards the
 * prior while few outcomes are known.
 */
export function scoreOf(status: ModuleStatus, queryClass: QueryClass): number {
  const history = status.history.get(queryClass);
  if (history === undefined) return PRIOR_SCORE;
  const seen = history.successRate * history.confidence;
  return (seen * history.count + PRIOR_SCORE * PRIOR_COUNT) / (history.count + PRIOR_COUNT);
}

/** Tells whether a module is to go to the end of a plan: it cannot be started, or too few of its answers are accepted. */
export function isDemoted(status: ModuleStatus, queryClass: QueryClass, minSuccessRate: number): boolean {
  if (status.state === 'FAILED') return true;
  const history = status.history.get(queryClass);
  return history !== undefined && history.count >= MIN_OUTCOMES && history.successRate < minSuccessRate;
}

/**
 * Gives module ids in the order in which they would be tried, each once: modules of the class, their configured
 * fallbacks, modules of GENERAL. When the classifier abstained: GENERAL's, then the most probable other class's, then fallbacks.
 */
export function candidateOrder(classification: Classification, abstained: boolean, statuses: ModuleStatuses): string[] {
  const general = modulesOf('GENERAL', statuses);
  const runnerUp = classification.probabilities.find(({ queryClass }) => queryClass !== 'GENERAL')?.queryClass;
  const heads = abstained
    ? [...general, ...(runnerUp === undefined ? [] : modulesOf(runnerUp, statuses))]
    : modulesOf(classification.queryClass, statuses);
  const fallbacks = heads.flatMap((id) => statuses.get(id)?.spec.fallbacks ?? []);
  return [...new Set([...heads, ...fallbacks, ...general])].filter((id) => statuses.has(id));
}

/** Modules that answer a class, best first; among equals a ready one, then by id. */
function modulesOf(queryClass: QueryClass, statuses: ModuleStatuses): string[] {
  const serving = [...statuses.values()].filter(({ spec }) => spec.query_classes.includes(queryClass));
  return serving
    .sort(
      (a, b) =>
        scoreOf(b, queryClass) - scoreOf(a, queryClass) ||
        Number(b.readyReplicas > 0) - Number(a.readyReplicas > 0) ||
        a.spec.module_id.localeCompare(b.spec.module_id),
    )
    .map(({ spec }) => spec.module_id);
}
