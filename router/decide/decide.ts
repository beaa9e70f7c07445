import type { Classification } from '../classification/classifier.ts';
import type { Principal } from '../domain/principal.ts';
import type { Query } from '../domain/query.ts';
import type { ModuleStatuses } from './module-status.ts';
import type { Plan } from './plan.ts';
import type { Planner } from './plan-book.ts';

/** What is to be done with a query. */
export interface Decision {
  readonly classification: Classification;
  readonly plan: Plan;
}

/** Runs one stage; a caller that measures stages hands in its own. */
export type RunStage = <T>(stage: string, work: () => T) => T;

/** Plans for a query that has been classified; the same arguments always give the same decision. */
export function decide(
  query: Query,
  classification: Classification,
  planner: Planner,
  statuses: ModuleStatuses,
  principal: Principal,
  runStage: RunStage = (_stage, work) => work(),
): Decision {
  return { classification, plan: runStage('plan', () => planner(query, classification, statuses, principal)) };
}
